//===- WorkingWeights.h - Copies of parameters in bf16 ---------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_WORKINGWEIGHTS_H
#define BITPIPE_RUNTIME_TRAIN_WORKINGWEIGHTS_H

#include "lib/Runtime/Execute/LocalDevices.h"
#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// Rounds every parameter and constant that the plan has a copy in bf16 of. Whoever
/// has filled the parameters calls it before the first step; from then on steps round
/// what they change.
void fillWorkingWeights(const Program &program, const LocalDevices &devices);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_WORKINGWEIGHTS_H
