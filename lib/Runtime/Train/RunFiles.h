//===- RunFiles.h - The files that a run reads and writes ------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_RUNFILES_H
#define BITPIPE_RUNTIME_TRAIN_RUNFILES_H

#include "lib/Runtime/Plan/Program.h"
#include "lib/Runtime/Train/Train.h"

namespace bitpipe {

/// Finds out before the training, not after it, whether the files to write can
/// be written. Refuses to write where the run reads, and two things to one
/// file, under whatever names, or over what bitpipe did not write.
void checkRunFiles(const TrainOptions &options, const Program &program);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_RUNFILES_H
