//===- TellDecay.h - Which parameters decay, in a line ------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_TELLDECAY_H
#define BITPIPE_RUNTIME_TRAIN_TELLDECAY_H

#include "lib/Runtime/Execute/StepInputs.h"
#include "lib/Runtime/Launch/World.h"
#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// Where not all do, rank 0 says how many of those that are trained.
void tellDecay(const Program &program, const OptimizerSettings &settings, const World &world);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_TELLDECAY_H
