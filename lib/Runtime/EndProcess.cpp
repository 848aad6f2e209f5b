//===- EndProcess.cpp - The end of a process whose threads cannot be joined ---===//

#include "lib/Runtime/EndProcess.h"

#include "lib/Files/Temporaries.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace bitpipe;

static std::atomic<bool> open = false;

void OpenLine::begin() noexcept { open = true; }

/// Not by stdio: a thread that ends the process may have been stopped inside of it.
void OpenLine::end() noexcept {
  if (open.exchange(false))
    (void)!write(STDOUT_FILENO, "\n", 1);
}

void bitpipe::endProcess(int exitCode, const std::string &text) noexcept {
  static std::atomic<bool> ends = false;
  while (ends.exchange(true))
    pause();
  OpenLine::end();
  std::fputs(text.c_str(), stderr);
  removeTemporaries();
  std::_Exit(exitCode);
}
