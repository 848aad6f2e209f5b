//===- OrderGraphMoves.cpp - Moves of one action of an order ---------------===//

#include "lib/Transforms/Schedule/Search/OrderGraph.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// What is to come sooner, then what is to come later.
void OrderGraph::arrange(int begin) {
  visited += (sooner.size() + later.size()) / 4;
  if (staleTails) {
    stale.clear();
    for (const std::vector<int> *part : {&sooner, &later})
      for (int task : *part)
        stale.push_back(staleTail[nodes[task].place]);
    std::copy(stale.begin(), stale.end(), staleTail.begin() + begin);
    lastStale = std::max(lastStale, begin + stale.size() - 1);
  }
  for (const std::vector<int> *part : {&sooner, &later})
    for (int task : *part) {
      sequence[begin] = task;
      nodes[task].place = begin++;
    }
}

/// What follows from `moved` comes after `target`: false if that does, too.
bool OrderGraph::reorderLater(int moved, int target) {
  int begin = nodes[moved].place, last = nodes[target].place;
  sooner.clear();
  later.clear();
  auto isMarked = [&](int task) { return task != none && nodes[task].isMarked; };
  for (int i = begin; i <= last; ++i) {
    int task = sequence[i];
    Node &node = nodes[task];
    node.isMarked = task == moved || isMarked(node.maker) ||
                    (node.before != moved && isMarked(node.before));
    (node.isMarked ? later : sooner).push_back(task);
  }
  bool isFree = !nodes[target].isMarked;
  for (int task : later)
    nodes[task].isMarked = false;
  if (isFree)
    arrange(begin);
  return isFree;
}

/// What `moved` follows from comes before `target`: false if that does, too.
bool OrderGraph::reorderEarlier(int moved, int target) {
  int begin = nodes[target].place, last = nodes[moved].place;
  sooner.clear();
  later.clear();
  auto isMarked = [&](int task) { return task != none && nodes[task].isMarked; };
  for (int i = last; i >= begin; --i) {
    int task = sequence[i];
    Node &node = nodes[task];
    node.isMarked = task == moved || isMarked(node.reader) || isMarked(node.weight) ||
                    (node.after != moved && isMarked(node.after));
    (node.isMarked ? sooner : later).push_back(task);
  }
  bool isFree = !nodes[target].isMarked;
  for (int task : sooner)
    nodes[task].isMarked = false;
  std::reverse(sooner.begin(), sooner.end());
  std::reverse(later.begin(), later.end());
  if (isFree)
    arrange(begin);
  return isFree;
}

void OrderGraph::unlink(int task) {
  auto [before, after] = std::pair(nodes[task].linkBefore, nodes[task].linkAfter);
  if (before != none)
    nodes[before].linkAfter = after;
  if (after != none)
    nodes[after].linkBefore = before;
}

/// The message of what is moved has its place on its link among those of what it is
/// moved past. The list is not changed yet.
void OrderGraph::moveMessage(const Move &move) {
  const std::vector<int> &own = list[move.device];
  int task = own[move.from], step = move.to > move.from ? 1 : -1, passed = none;
  Node &node = nodes[task];
  if (node.link == none)
    return;
  for (int i = move.from + step; i != move.to + step; i += step)
    if (nodes[own[i]].link == node.link)
      passed = own[i];
  if (passed == none)
    return;
  markHead(node.linkAfter);
  markTail(node.linkBefore);
  unlink(task);
  node.linkBefore = step > 0 ? passed : nodes[passed].linkBefore;
  node.linkAfter = step > 0 ? nodes[passed].linkAfter : passed;
  if (node.linkBefore != none)
    nodes[node.linkBefore].linkAfter = task;
  if (node.linkAfter != none)
    nodes[node.linkAfter].linkBefore = task;
  markHead(node.linkAfter);
  markTail(node.linkBefore);
}

void OrderGraph::shift(const Move &move) {
  auto own = list[move.device].begin();
  auto [low, high] = std::minmax({move.from, move.to});
  if (move.from < move.to)
    std::rotate(own + low, own + low + 1, own + high + 1);
  else
    std::rotate(own + low, own + high, own + high + 1);
  chain(move.device, low, high);
  updateLoads(move.device, low, high);
}

bool OrderGraph::apply(const Move &move) {
  const std::vector<int> &own = list[move.device];
  bool isFree = move.from < move.to ? reorderLater(own[move.from], own[move.to])
                                    : reorderEarlier(own[move.from], own[move.to]);
  if (!isFree)
    return false;
  firstStale = sequence.size();
  if (!staleTails)
    lastStale = 0;
  moveMessage(move);
  shift(move);
  auto [low, high] = std::minmax({move.from, move.to});
  auto at = [&](int i) { return i >= 0 && i < int(own.size()) ? own[i] : none; };
  for (int i : {low, low + 1, high, high + 1})
    markHead(at(i));
  for (int i : {low - 1, low, high - 1, high})
    markTail(at(i));
  spreadHeads();
  // Heads say what the makespan is, tails only which move is worth a try. Those far
  // from the move need not follow each one.
  size_t place = nodes[own[low]].place;
  bool isFar = ++moved % mostBehind != 0 && place > window;
  spreadTails(isFar ? place - window : 0);
  return true;
}

bool OrderGraph::fits(const Move &move) const {
  const std::vector<int> &own = list[move.device];
  bool isLater = move.from < move.to;
  double more = isLater ? gives[own[move.from]] : takes[own[move.from]];
  if (more == 0)
    return true;
  auto [low, high] = std::minmax({move.from, move.to});
  for (int i = low + isLater; i < high + isLater; ++i)
    if (load[own[i]] + more > limit[move.device])
      return false;
  return true;
}

double OrderGraph::estimate(const Move &move) {
  const std::vector<int> &own = list[move.device];
  auto [low, high] = std::minmax({move.from, move.to});
  int step = move.from < move.to ? 1 : -1;
  auto nodeAt = [&](int i) -> const Node & {
    return nodes[own[i == move.to ? move.from : i + step]];
  };
  visited += (high - low + 1) / 2;
  starts.clear();
  double free = low ? nodes[own[low - 1]].end() : 0;
  for (int i = low; i <= high; ++i) {
    const Node &node = nodeAt(i);
    if (node.source != none)
      free = std::max(free, arrival(node));
    starts.push_back(free);
    free += node.time;
  }
  double rest = 0, longest = 0;
  if (high + 1 < int(own.size()))
    rest = nodes[own[high + 1]].time + nodes[own[high + 1]].tail;
  for (int i = high; i >= low; --i) {
    const Node &node = nodeAt(i);
    if (node.target != none)
      rest = std::max(rest, node.transfer + node.sentTail);
    rest += node.time;
    longest = std::max(longest, starts[i - low] + rest);
  }
  return longest;
}
