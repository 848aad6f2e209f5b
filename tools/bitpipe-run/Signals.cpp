//===- Signals.cpp - What may not end a training ---------------------------===//

#include "tools/bitpipe-run/Signals.h"

#include <csignal>

static std::atomic<bool> interrupted = false;

static void onInterrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

const std::atomic<bool> &bitpipe::watchSignals() {
  for (int ignored : {SIGPIPE, SIGHUP, SIGXFSZ})
    std::signal(ignored, SIG_IGN);
  for (int ending : {SIGINT, SIGTERM})
    std::signal(ending, onInterrupt);
  return interrupted;
}
