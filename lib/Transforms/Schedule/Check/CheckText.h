//===- CheckText.h - Places in a program, in words ---------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHECKTEXT_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHECKTEXT_H

#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Core/Effects.h"

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

/// The tensor of a message, which is named by the run that makes it.
inline Tensor tensorOf(const Action &made) {
  Tensor::Sort sort = made.kind == Kind::F   ? Tensor::Output
                      : made.kind == Kind::E ? Tensor::Guest
                      : made.kind == Kind::G ? Tensor::Loaded
                                             : Tensor::Gradient;
  return {sort, made.stage, made.microbatch};
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHECKTEXT_H
