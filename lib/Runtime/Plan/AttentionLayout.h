//===- AttentionLayout.h - A call of attention as its kernels take it ------===//

#ifndef BITPIPE_RUNTIME_PLAN_ATTENTIONLAYOUT_H
#define BITPIPE_RUNTIME_PLAN_ATTENTIONLAYOUT_H

#include "lib/Runtime/AttentionLayout.h"
#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

attention::Layout layoutOf(const AttentionCall &call);

/// The operands at addresses by AttentionCall::Part, which are pointers or numbers.
template <typename Element, typename Address>
attention::Operands<Element> operandsAt(const Address *places) {
  using Part = AttentionCall::Part;
  auto floats = [&](Part part) { return reinterpret_cast<float *>(places[part]); };
  auto elements = [&](Part part) { return reinterpret_cast<Element *>(places[part]); };
  return {{floats(Part::Bias), reinterpret_cast<const uint64_t *>(places[Part::Key]),
           floats(Part::Lse), floats(Part::DBias)},
          elements(Part::Q),  elements(Part::K),
          elements(Part::V),  elements(Part::O),
          elements(Part::DOutput),
          elements(Part::DQ), elements(Part::DK),
          elements(Part::DV)};
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_ATTENTIONLAYOUT_H
