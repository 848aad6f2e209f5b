//===- Median.h - The middle of some numbers -------------------------------===//

#ifndef BITPIPE_RUNTIME_MEDIAN_H
#define BITPIPE_RUNTIME_MEDIAN_H

#include <algorithm>
#include <vector>

namespace bitpipe {

/// The upper one of two middle numbers; 0 of none. Changes their order.
template <typename Number> Number median(std::vector<Number> &numbers) {
  if (numbers.empty())
    return 0;
  auto middle = numbers.begin() + std::ptrdiff_t(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_MEDIAN_H
