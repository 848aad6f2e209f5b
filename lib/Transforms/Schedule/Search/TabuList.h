//===- TabuList.h - Which actions may not change places ----------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_TABULIST_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_TABULIST_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bitpipe::schedule {

/// Which of two actions may not come first again, and until which step. A pair takes
/// the place of another one that falls on the same entry: forgetting a pair does no
/// harm.
class TabuList {
public:
  bool holds(int first, int second, size_t step) const {
    const Entry &entry = entries[slot(first, second)];
    return entry.first == first && entry.second == second && entry.until > step;
  }
  void add(int first, int second, size_t until) {
    entries[slot(first, second)] = {first, second, until};
  }

private:
  struct Entry {
    int first = -1, second = -1;
    size_t until = 0;
  };
  static size_t slot(int first, int second) {
    uint64_t key = uint64_t(first) << 32 | uint32_t(second);
    return (key * 0x9e3779b97f4a7c15ull) >> 48;
  }
  std::vector<Entry> entries = std::vector<Entry>(1 << 16);
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SEARCH_TABULIST_H
