//===- CheckVersions.h - Every run reads the version that it must ---------===//

#ifndef BITPIPE_RUNTIME_PLAN_CHECKVERSIONS_H
#define BITPIPE_RUNTIME_PLAN_CHECKVERSIONS_H

#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// Walks every device's list with the number of a version in each slot of weights, or
/// that it holds none, and throws a UserError unless all that a run reads is of the
/// version that follows from its micro-batch (pipe.run), updates come in order with the
/// gradients of their micro-batches alone, and a seed is that of its micro-batch's update. Where
/// several devices update the same parameters, each sums over all of them between the last of
/// these gradients and the update, and together they take those of all micro-batches, in each
/// stage that uses the parameters, once.
/// Without updates between micro-batches it wants that nothing of these is there.
void checkVersions(const Program &program);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_CHECKVERSIONS_H
