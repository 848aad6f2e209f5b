//===- MessageLives.h - How long what stages hand on is there ----*- C++ -*-===//
//
// A message that has come is there until it is read for the last time. A device uses the memory of
// one that it sends again when it has read something which the receiver sent after coming to its
// receive. So no run ever waits for a receive to be posted, and none writes over what has not left: on
// a busy link it waits for that (MessageMemory.h: overtakenMessages). Moves are the
// exception: see Core/Effects.h.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHECK_MESSAGELIVES_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHECK_MESSAGELIVES_H

#include "lib/Transforms/Schedule/Core/Costs.h"
#include "lib/Transforms/Schedule/Core/Program.h"

namespace bitpipe::schedule {

/// What a stage hands on to another, on one of the devices that have it.
struct MessageLife {
  enum Sort : uint8_t { Received, Sent, Local };
  Sort sort = Local;
  double size = 0;
  /// The positions of the receive, or of the run that makes it, of the run that reads it first, and
  /// the last one at which it must be there.
  size_t first = 0, read = 0, last = 0;
};

/// By device. For programs whose messages are right; linear but for sorting.
std::vector<std::vector<MessageLife>> messageLives(const Program &program, const Costs &costs);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHECK_MESSAGELIVES_H
