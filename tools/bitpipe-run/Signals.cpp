//===- Signals.cpp - What may not end a training ---------------------------===//

#include "tools/bitpipe-run/Signals.h"

#include "lib/Files/Temporaries.h"

#include <csignal>
#include <cstdint>
#include <ctime>

static bitpipe::Signals signals;

static int64_t seconds() {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec;
}

static void onInterrupt(int number) {
  static std::atomic<int64_t> first = 0;
  if (!signals.interrupted.exchange(true)) {
    first = seconds();
    return;
  }
  if (seconds() - first < 2) // whole seconds: at least one
    return;
  bitpipe::removeTemporaries();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

static void onQuestion(int) { signals.asked = true; }

bitpipe::Signals &bitpipe::watchSignals() {
  for (int ignored : {SIGPIPE, SIGHUP})
    std::signal(ignored, SIG_IGN);
  for (int ending : {SIGINT, SIGTERM})
    std::signal(ending, onInterrupt);
  std::signal(SIGUSR1, onQuestion);
  return signals;
}
