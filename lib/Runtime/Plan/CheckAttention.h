//===- CheckAttention.h - What the kernels of attention rely on -------------===//

#ifndef BITPIPE_RUNTIME_PLAN_CHECKATTENTION_H
#define BITPIPE_RUNTIME_PLAN_CHECKATTENTION_H

#include "lib/Runtime/Plan/Checked.h"
#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// What is wrong with the numbers of a call, with what was expected; empty if nothing
/// is. `most` is what a size or stride may be.
std::string faultOfNumbers(const AttentionCall &call, int64_t most);

/// Bytes from an operand's first to behind its last. The call has that operand, and
/// its numbers are right.
Checked attentionExtent(const AttentionCall &call, AttentionCall::Part part);

/// What else is wrong with a call whose operands lie in their blocks.
std::string faultOfAttention(const AttentionCall &call);

/// Whether two elements of a tensor are one place. Each stride must step over all
/// that the smaller ones reach.
bool overlapsItself(const std::vector<int64_t> &sizes, const std::vector<int64_t> &strides);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_CHECKATTENTION_H
