//===- EndProcess.cpp - The end of a process whose threads cannot be joined ---===//

#include "lib/Runtime/EndProcess.h"

#include "lib/Files/Temporaries.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace bitpipe;

static std::atomic<OpenLine::Whose> open = OpenLine::None;

void OpenLine::begin(Whose whose) noexcept { open = whose; }

/// Not by stdio: a thread that ends the process may have been stopped inside of it.
void OpenLine::end() noexcept {
  if (open.exchange(None) == Mine)
    (void)!write(STDOUT_FILENO, "\n", 1);
}

void bitpipe::endProcess(int exitCode, const std::string &text) noexcept {
  static std::atomic<bool> ends = false;
  while (ends.exchange(true))
    pause();
  bool behind = open == OpenLine::OfAnotherRank;
  OpenLine::end();
  std::fputs(((behind ? "\n" : "") + text).c_str(), stderr);
  removeTemporaries();
  std::_Exit(exitCode);
}
