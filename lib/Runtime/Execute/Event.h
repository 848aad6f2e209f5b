//===- Event.h - Completion as a value ------------------------------------===//
//
// What starts work returns what can be waited for. On the host that is a counter
// and the number it must reach: of a message between threads, of one that the
// network thread sees through, of a sum. Between GPUs it is an event of a stream, once
// the counter says that it has been recorded.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_EVENT_H
#define BITPIPE_RUNTIME_EXECUTE_EVENT_H

#include "lib/Runtime/Execute/Counter.h"

namespace bitpipe {

struct Event {
  const Counter *counter;
  uint32_t target;
  /// Where work is started and not waited for: the event of a stream that has then been
  /// recorded, which stands for the end of the work. Null if there is nothing to wait for.
  void *recorded = nullptr;

  bool isComplete() const { return counter->reached(target); }
  void wait() const { counter->waitFor(target); }
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_EVENT_H
