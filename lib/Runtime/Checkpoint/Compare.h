//===- Compare.h - Whether a checkpoint belongs to a run -------------------===//
//
// A checkpoint of another model, optimizer or data is a mistake and refused. What
// may be changed on the way (rates, steps, plan) is taken from the run that goes
// on, and said.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_COMPARE_H
#define BITPIPE_RUNTIME_CHECKPOINT_COMPARE_H

#include "lib/Runtime/Checkpoint/Manifest.h"

namespace bitpipe {

/// Throws a UserError, beginning with `path`, that says what differs. `newData`:
/// other data are what is wanted.
void checkBelongs(const Manifest &saved, const Setting &now,
                  const std::vector<SavedParameter> &parameters, bool newData,
                  const std::string &path);

/// What else is no longer as it was, one line for each subject.
std::vector<std::string> changes(const Setting &saved, const Setting &now);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_COMPARE_H
