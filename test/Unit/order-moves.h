//===- order-moves.h - Activations that move, in a text ----------*- C++ -*-===//
//
// The second reader's part of schedule-orders-test: what an order with moves must be.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_UNIT_ORDER_MOVES_H
#define BITPIPE_TEST_UNIT_ORDER_MOVES_H

#include "test/Unit/order-cells.h"

#include <map>
#include <optional>
#include <set>

inline bool moves(char kind) { return std::string("EGKL").find(kind) != std::string::npos; }
/// The end of a message on its other device.
inline char otherEnd(char kind) { return kind == 'E' ? 'K' : kind == 'G' ? 'L' : 0; }

/// What was moved away beside a run must have gone before what is behind that run.
inline std::set<Run> mustHaveGone(const std::vector<std::string> &row, size_t at) {
  std::set<Run> others;
  bool behindRun = false;
  for (size_t i = at; i-- > 0;) {
    auto [kind, stage, m] = runsIn(row[i]).front();
    if (behindRun && otherEnd(kind))
      others.insert({otherEnd(kind), stage, m});
    behindRun = behindRun || !moves(kind);
  }
  return others;
}

/// Messages between two devices come in turn: before one that a run needs, what moves the
/// same way and was sent earlier must be received.
inline std::set<Run> mustHaveCome(const Rows &rows, const std::map<Run, size_t> &device,
                           const Run &needed, size_t row) {
  std::set<Run> others;
  size_t from = device.at(needed);
  bool isSent = from != row || otherEnd(std::get<0>(needed)); // or kept by the row's own host
  for (const std::string &cell : rows[from]) {
    for (const Run &run : runsIn(cell)) {
      if (run == needed)
        return others;
      auto [kind, stage, m] = run;
      Run other{otherEnd(kind), stage, m};
      if (otherEnd(kind) && isSent && device.at(other) == row)
        others.insert(other);
    }
  }
  return others;
}

/// Whether what moves of a stage and micro-batch is evicted and loaded on its device around
/// nothing but what may come between, and kept and given back on one other, or on this one
/// for its host.
inline bool movesRight(const Rows &rows, const std::map<Run, size_t> &device, int stage, int m) {
  auto place = [&](char kind) -> std::optional<std::pair<size_t, size_t>> {
    auto it = device.find({kind, stage, m});
    if (it == device.end())
      return {};
    for (size_t i = 0; i < rows[it->second].size(); ++i)
      for (const Run &run : runsIn(rows[it->second][i]))
        if (run == it->first)
          return std::pair(it->second, i);
    return {};
  };
  auto e = place('E'), l = place('L'), k = place('K'), g = place('G');
  if (!e && !l && !k && !g)
    return true;
  if (!e || !l || !k || !g || place('R'))
    return false;
  auto forward = *place('F'), gradient = place('B') ? *place('B') : *place('I');
  return e->first == forward.first && l->first == forward.first && k->first == g->first &&
         forward < *e && *e < *l && *l < gradient && *k < *g;
}

/// Whether moves between two devices are received in the order in which they are sent.
inline bool movesInTurn(const Rows &rows, const std::map<Run, size_t> &device) {
  std::map<std::pair<size_t, size_t>, std::vector<Run>> sent, received;
  for (size_t row = 0; row < rows.size(); ++row)
    for (const std::string &cell : rows[row])
      for (auto [kind, stage, m] : runsIn(cell)) {
        if (kind == 'E' || kind == 'G')
          sent[{row, device.at({otherEnd(kind), stage, m})}].push_back({kind, stage, m});
        if (kind == 'K' || kind == 'L') {
          Run sender{kind == 'K' ? 'E' : 'G', stage, m};
          received[{device.at(sender), row}].push_back(sender);
        }
      }
  return sent == received;
}

#endif // BITPIPE_TEST_UNIT_ORDER_MOVES_H
