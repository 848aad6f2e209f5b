//===- schedule-support.h - What the tests of schedules share ----*- C++ -*-===//

#ifndef BITPIPE_TEST_UNIT_SCHEDULE_SUPPORT_H
#define BITPIPE_TEST_UNIT_SCHEDULE_SUPPORT_H

#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

#include <cstdio>
#include <string>

inline int failures = 0;

inline void expect(bool holds, const std::string &what) {
  if (holds)
    return;
  ++failures;
  std::fprintf(stderr, "failed: %s\n", what.c_str());
}

inline bitpipe::schedule::Request request(const std::string &name, int devices,
                                          int microbatches, int chunks = 0) {
  bitpipe::schedule::Request result;
  result.pipeline = name;
  result.devices = devices;
  result.microbatches = microbatches;
  result.chunks = chunks;
  return result;
}

/// The fewest activations, in whole numbers, with which devices can do where their hosts keep
/// the others; 0 where none do.
inline double leastOnDevices(bitpipe::schedule::Request asked) {
  for (asked.offload = 1; asked.offload <= 64; ++asked.offload)
    if (buildSchedule(asked))
      return asked.offload;
  return 0;
}

inline std::string toText(const bitpipe::schedule::Request &asked) {
  return asked.pipeline + " D=" + std::to_string(asked.devices) +
         " N=" + std::to_string(asked.microbatches) +
         (asked.chunks ? " v=" + std::to_string(asked.chunks) : "") +
         (asked.down >= 0 ? " down=" + std::to_string(asked.down) : "") +
         (asked.balance ? " balance" : "") +
         (asked.offload > 0 ? " offload " + std::to_string(asked.offload) : "") +
         (asked.recompute.empty() ? "" : " recompute=" + asked.recompute);
}

inline int report() {
  if (failures)
    std::fprintf(stderr, "%d failed\n", failures);
  return failures ? 1 : 0;
}

#endif // BITPIPE_TEST_UNIT_SCHEDULE_SUPPORT_H
