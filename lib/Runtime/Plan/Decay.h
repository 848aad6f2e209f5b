//===- Decay.h - Which parameters the optimizer lets decay -------------------===//
//
// An update steps a block of parameters as one flat list. Where matrices alone are to decay,
// it needs to know which elements of the list are others'.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_DECAY_H
#define BITPIPE_RUNTIME_PLAN_DECAY_H

#include "lib/Runtime/Plan/Program.h"

#include <algorithm>

namespace bitpipe {

/// Of two or more dimensions: those of linear layers and embeddings, but no biases and no
/// weights of norms.
inline bool isMatrix(const TensorType &type) { return type.shape.size() >= 2; }

/// The elements of a slot of weights that are no matrix's, in order and apart. What lies
/// between two parameters is nobody's, and may be in a range.
std::vector<Range> undecayedIn(const DeviceList &device, int64_t weights);

/// Calls work(part, decays) for the parts of `whole`, which ranges of undecayedIn cut.
template <typename Work>
void eachByDecay(const std::vector<Range> &undecayed, Range whole, Work work) {
  int64_t done = whole.begin;
  auto take = [&](int64_t end, bool decays) {
    end = std::min(end, whole.end);
    if (end > done) {
      work(Range{done, end}, decays);
      done = end;
    }
  };
  auto first = std::ranges::upper_bound(undecayed, whole.begin, {}, &Range::end);
  for (; first != undecayed.end() && first->begin < whole.end; ++first) {
    take(first->begin, true);
    take(first->end, false);
  }
  take(whole.end, true);
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_DECAY_H
