//===- CheckMoves.h - What is evicted comes back in time ------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_CHECKMOVES_H
#define BITPIPE_RUNTIME_PLAN_CHECKMOVES_H

#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// Throws a UserError unless what a forward has saved is moved, piece by piece, between the
/// forward and the gradient, all of it is back then, and a device gives back what it keeps.
void checkMoves(const Program &program, size_t number);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_CHECKMOVES_H
