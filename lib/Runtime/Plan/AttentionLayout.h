//===- AttentionLayout.h - A call of attention as its kernels take it ------===//

#ifndef BITPIPE_RUNTIME_PLAN_ATTENTIONLAYOUT_H
#define BITPIPE_RUNTIME_PLAN_ATTENTIONLAYOUT_H

#include "lib/Runtime/AttentionLayout.h"
#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

attention::Layout layoutOf(const AttentionCall &call);

/// The operands at addresses by AttentionCall::Part, which are pointers or numbers.
template <typename Address> attention::Operands operandsAt(const Address *places) {
  using Part = AttentionCall::Part;
  auto floats = [&](Part part) { return reinterpret_cast<float *>(places[part]); };
  return {floats(Part::Q),       floats(Part::K),
          floats(Part::V),       floats(Part::Bias),
          reinterpret_cast<const uint64_t *>(places[Part::Key]),
          floats(Part::O),       floats(Part::Lse),
          floats(Part::DOutput), floats(Part::DQ),
          floats(Part::DK),      floats(Part::DV),
          floats(Part::DBias)};
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_ATTENTIONLAYOUT_H
