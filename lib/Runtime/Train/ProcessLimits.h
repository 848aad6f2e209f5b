//===- ProcessLimits.h - What a plan asks of a process ----------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_PROCESSLIMITS_H
#define BITPIPE_RUNTIME_TRAIN_PROCESSLIMITS_H

#include "lib/Runtime/Launch/Share.h"
#include "lib/Runtime/Plan/Links.h"
#include "lib/Runtime/Train/Train.h"

namespace bitpipe {

/// Refuses more steps than threads can count, which count what they do in all of them in
/// 32 bits.
void checkSteps(const TrainOptions &options, const Program &program, const Links &links);

/// What the arenas of these devices take, and those of their hosts.
int64_t bytesOfArenas(const Program &program, Share share);

/// Of these devices those whose hosts keep something, for which a thread copies.
int64_t hostsOf(const Program &program, Share share);

/// Says what there was not enough memory for.
[[noreturn]] void failMemory(const Program &program, Share share);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_PROCESSLIMITS_H
