//===- Limits.h - How large a schedule may be --------------------*- C++ -*-===//
//
// Tables grow with the squares and products of these numbers. What is larger is
// a typing error, and is refused before anything is allocated for it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_LIMITS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_LIMITS_H

#include "lib/Transforms/Schedule/Core/Error.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bitpipe::schedule {

constexpr int64_t mostDevices = 1024;
constexpr int64_t mostStages = 4096;
constexpr int64_t mostMicrobatches = 65536;
/// Stages times micro-batches.
constexpr int64_t mostRuns = 1 << 20;

/// `100000 devices, expected 1 to 1024`, if the number is outside.
inline std::optional<Error> checkCount(int64_t count, const char *what,
                                       int64_t most) {
  if (count >= 1 && count <= most)
    return {};
  return Error{std::to_string(count) + " " + what + ", expected 1 to " +
               std::to_string(most)};
}

/// Fails if a schedule of this size is none or too large.
inline std::optional<Error> checkSize(int64_t devices, int64_t stages,
                                      int64_t microbatches) {
  for (std::optional<Error> wrong :
       {checkCount(devices, "devices", mostDevices),
        checkCount(stages, "stages", mostStages),
        checkCount(microbatches, "micro-batches", mostMicrobatches)})
    if (wrong)
      return wrong;
  if (stages * microbatches <= mostRuns)
    return {};
  return Error{std::to_string(stages) + " stages of " +
               std::to_string(microbatches) +
               " micro-batches, expected a product of at most " +
               std::to_string(mostRuns)};
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_LIMITS_H
