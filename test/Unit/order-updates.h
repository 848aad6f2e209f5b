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
  std::map<std::pair<int, size_t>, int> firsts; // behind the first update, by stage and row

  void add(const Run &run, int said, size_t row) {
    if (std::get<0>(run) != 'U')
      return;
    int stage = std::get<1>(run), end = std::get<2>(run) + 1;
    auto [first, isNew] = firsts.try_emplace({stage, row}, end);
    first->second = std::min(first->second, end);
    versions.try_emplace(stage, said);
  }
  /// A group ends where the last of a stage's rows is updated first.
  void finish() {
    std::map<int, int> ends;
    for (auto [place, end] : firsts)
      ends[place.first] = std::max(ends[place.first], end);
    for (auto [stage, end] : ends)
      every = every ? std::min(every, end) : end;
  }
};

using Devices = std::map<Run, size_t>;

/// The last micro-batch of a group that a row runs a stage for, before `behind`; -1 if there is
/// none.
inline int lastOf(const Devices &device, int stage, size_t row, int begin, int behind) {
  for (int m = behind; m-- > begin;)
    if (auto it = device.find({'F', stage, m}); it != device.end() && it->second == row)
      return m;
  return -1;
}

/// What a run must have of the updates and they of it.
inline void addUpdates(const Run &run, const Between &between, const std::set<Run> &all,
                       const Devices &device, std::set<Run> &needed) {
  auto [kind, stage, m] = run;
  int every = between.every, group = m / every;
  size_t row = device.at(run);
  auto gradient = [&](int of) { return Run{all.count({'B', stage, of}) ? 'B' : 'W', stage, of}; };
  auto needUpdate = [&](int of) {
    needed.insert({'U', stage, lastOf(device, stage, row, of * every, (of + 1) * every)});
  };
  if (kind == 'U') {
    for (int of = group * every; of < (group + 1) * every; ++of)
      needed.insert(gradient(of)); // on all devices, whose sum it waits for
    if (group > 0)
      needUpdate(group - 1);
    return;
  }
  int version = group + 1 - between.versions.at(stage);
  if (version > 0)
    needUpdate(version - 1);
  if (kind != 'F' && kind != 'R' && group > 0)
    needUpdate(group - 1);
  bool completes = kind == 'B' || kind == 'W';
  int before = lastOf(device, stage, row, 0, m);
  if (completes && before >= 0) // weight gradients come in their order
    needed.insert(gradient(before));
}

/// All that stands before the other updates of the same group, since they wait for each other.
inline std::set<Run> beforeOthers(const Rows &rows, const Devices &device, const Run &update,
                                  int every) {
  std::set<Run> result;
  auto [kind, stage, m] = update;
  for (const auto &[run, row] : device) {
    auto [otherKind, otherStage, other] = run;
    if (otherKind != 'U' || otherStage != stage || other / every != m / every || run == update)
      continue;
    for (const std::string &cell : rows[row]) {
      std::vector<Run> runs = runsIn(cell);
      if (runs.front() == run)
        break;
      result.insert(runs.begin(), runs.end());
    }
  }
  return result;
}

/// Whether each stage is updated after every group, in every row that has it, and these have some
/// of each.
inline bool updatesAreWhole(const Between &between, int stages, int microbatches,
                            const std::set<Run> &all, const Devices &device) {
  int every = between.every;
  if (microbatches % every)
    return false;
  for (int stage = 0; stage < stages; ++stage) {
    std::set<size_t> holders;
    for (int m = 0; m < microbatches; ++m)
      holders.insert(device.at({'F', stage, m}));
    for (int group = 0; group < microbatches / every; ++group)
      for (size_t row : holders)
        if (lastOf(device, stage, row, group * every, (group + 1) * every) < 0)
          return false;
    for (int m = 0; m < microbatches; ++m) {
      size_t row = device.at({'F', stage, m});
      bool isEnd = lastOf(device, stage, row, m, (m / every + 1) * every) == m;
      if (bool(all.count({'U', stage, m})) != isEnd || (isEnd && device.at({'U', stage, m}) != row))
        return false;
    }
  }
  return true;
}

#endif // BITPIPE_TEST_UNIT_ORDER_UPDATES_H
