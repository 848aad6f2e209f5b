//===- SameRun.h - What all ranks of a run must have alike --------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_SAMERUN_H
#define BITPIPE_RUNTIME_TRAIN_SAMERUN_H

#include "lib/Runtime/Train/Train.h"

namespace bitpipe {

/// Whether all ranks are of one version and have the same plan and options. Throws a
/// UserError on all of them that names the first difference.
void checkSameRun(const TrainOptions &options, World &world);

/// Likewise the same data, of which every rank reads a part of each sample; `what` they are.
void checkSameData(const char *what, const std::string &path, World &world);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_SAMERUN_H
