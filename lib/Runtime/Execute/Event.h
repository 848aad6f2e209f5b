//===- Event.h - Completion as a value ------------------------------------===//
//
// What starts work returns what can be waited for. On the host that is a counter
// and the number it must reach: of a message between threads, of one that the
// network thread sees through, of a sum.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_EVENT_H
#define BITPIPE_RUNTIME_EXECUTE_EVENT_H

#include "lib/Runtime/Execute/Counter.h"

namespace bitpipe {

struct Event {
  const Counter *counter;
  uint32_t target;

  bool isComplete() const { return counter->reached(target); }
  void wait() const { counter->waitFor(target); }
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_EVENT_H
