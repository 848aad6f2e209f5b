//===- order-updates.h - Updates between micro-batches in a text -*- C++ -*-===//
//
// The second reader's part of schedule-orders-test: what an order with updates must be.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_UNIT_ORDER_UPDATES_H
#define BITPIPE_TEST_UNIT_ORDER_UPDATES_H

#include "test/Unit/order-cells.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

/// The number of versions in an update's cell; 0 in any other.
inline int versionsIn(const std::string &cell) {
  size_t at = cell.find('V', cell.find_first_of(kinds));
  return cell[0] == '(' || at == std::string::npos ? 0 : std::atoi(cell.c_str() + at + 1);
}

/// Updates between micro-batches: after how many, 0 if there are none, and of each stage
/// how many versions its first one says.
struct Between {
  int every = 0;
  std::map<int, int> versions;

  void add(const Run &run, int said) {
    if (std::get<0>(run) != 'U')
      return;
    int end = std::get<2>(run) + 1;
    every = every ? std::min(every, end) : end;
    versions.try_emplace(std::get<1>(run), said);
  }
};

/// What a run must have of the updates and they of it.
inline void addUpdates(const Run &run, const Between &between, const std::set<Run> &all,
                std::set<Run> &needed) {
  auto [kind, stage, m] = run;
  int every = between.every, group = m / every;
  auto update = [&](int of) { return Run{'U', stage, (of + 1) * every - 1}; };
  if (kind == 'U') {
    for (int of = group * every; of <= m; ++of)
      needed.insert({all.count({'B', stage, of}) ? 'B' : 'W', stage, of});
    if (group > 0)
      needed.insert(update(group - 1));
    return;
  }
  int version = group + 1 - between.versions.at(stage);
  if (version > 0)
    needed.insert(update(version - 1));
  if (kind != 'F' && kind != 'R' && group > 0)
    needed.insert(update(group - 1));
  bool completes = kind == 'B' || kind == 'W';
  if (completes && m > 0) // weight gradients come in their order
    needed.insert({all.count({'B', stage, m - 1}) ? 'B' : 'W', stage, m - 1});
}

/// Whether each stage is in one place and updated after every group.
inline bool updatesAreWhole(const Between &between, int stages, int microbatches,
                     const std::set<Run> &all, const std::map<Run, size_t> &device) {
  if (microbatches % between.every)
    return false;
  for (int stage = 0; stage < stages; ++stage)
    for (int m = 0; m < microbatches; ++m) {
      bool isEnd = (m + 1) % between.every == 0;
      if (bool(all.count({'U', stage, m})) != isEnd ||
          device.at({'F', stage, m}) != device.at({'F', stage, 0}))
        return false;
      if (isEnd && device.at({'U', stage, m}) != device.at({'F', stage, 0}))
        return false;
    }
  return true;
}

#endif // BITPIPE_TEST_UNIT_ORDER_UPDATES_H
