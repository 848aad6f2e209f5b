//===- Signals.cpp - What may not end a training ---------------------------===//

#include "tools/bitpipe-run/Signals.h"

#include "lib/Files/Temporaries.h"

#include <csignal>

static std::atomic<bool> interrupted = false;

static void onInterrupt(int number) {
  if (!interrupted.exchange(true))
    return;
  bitpipe::removeTemporaries();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

const std::atomic<bool> &bitpipe::watchSignals() {
  for (int ignored : {SIGPIPE, SIGHUP})
    std::signal(ignored, SIG_IGN);
  for (int ending : {SIGINT, SIGTERM})
    std::signal(ending, onInterrupt);
  return interrupted;
}
