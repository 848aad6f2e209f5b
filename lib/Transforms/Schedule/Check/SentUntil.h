//===- SentUntil.h - How long what is sent stays where it is -----*- C++ -*-===//
//
// A device uses the memory of a message that it sends again when it has read something which the
// receiver sent after coming to its receive. So no run ever waits for a send, and none writes
// over what has not left. Moves are the exception: see Core/Effects.h.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHECK_SENTUNTIL_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHECK_SENTUNTIL_H

#include "lib/Transforms/Schedule/Core/Program.h"

namespace bitpipe::schedule {

/// By device and position of a send: the last position of its device at which the tensor must
/// be there. -1 for all else, moves too. For programs whose messages are right.
std::vector<std::vector<int>> sentUntil(const Program &program);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHECK_SENTUNTIL_H
