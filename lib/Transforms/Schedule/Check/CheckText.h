//===- CheckText.h - Places in a program, in words ---------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHECKTEXT_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHECKTEXT_H

#include "lib/Transforms/Schedule/Check/Check.h"

namespace bitpipe::schedule {

/// `device 1, position 5 (run F stage 3 mb 1)`
inline std::string placeText(const Program &program, int device, int position) {
  return "device " + std::to_string(device) + ", position " +
         std::to_string(position) + " (" +
         toString(program.devices[device][position], program) + ")";
}

inline Violation violation(const char *invariant, const Program &program,
                           int device, int position, const std::string &what) {
  return {invariant, device, position,
          placeText(program, device, position) + ": " + what};
}

inline Violation violation(const char *invariant, int device,
                           const std::string &what) {
  return {invariant, device, -1,
          "device " + std::to_string(device) + ": " + what};
}

/// A dense number for the forward or input gradient of a stage and
/// micro-batch.
inline size_t tensorKey(const Placement &placement, const Action &action) {
  bool backward = action.kind != Kind::F;
  return (size_t(backward) * placement.stages() + action.stage) *
             placement.microbatches() +
         action.microbatch;
}

/// The stage that reads what an action sends on, or -1.
inline int readerStage(const Placement &placement, const Action &action) {
  if (action.kind == Kind::W)
    return -1;
  int reader = action.kind == Kind::F ? action.stage + 1 : action.stage - 1;
  return reader < placement.stages() ? reader : -1;
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHECKTEXT_H
