//===- OrderGraph.cpp - The times of an order, kept while it changes -------===//

#include "lib/Transforms/Schedule/OrderGraph.h"

#include "lib/Transforms/Schedule/Simulate.h"

#include <algorithm>
#include <cassert>

using namespace bitpipe::schedule;

OrderGraph::OrderGraph(const Problem &problem) : tasks(problem) {
  size_t count = tasks.count();
  for (auto *values : {&device, &maker, &reader, &waiting, &source, &target, &link, &position, &linkBefore, &linkAfter, &place_})
    values->assign(count, none);
  for (auto *values : {&time, &transfer, &latency, &takes, &gives, &load, &head, &tail, &sent, &sentTail})
    values->assign(count, 0);
  for (auto *values : {&staleHead, &staleTail, &marked})
    values->assign(count, 0);
  sequence.resize(count);
  list.resize(problem.placement.devices());
  for (int d = 0; d < problem.placement.devices(); ++d)
    limit.push_back(problem.limit(d) + 1e-9 * problem.activation);
  addActions(problem);
}

void OrderGraph::addActions(const Problem &problem) {
  const Placement &placement = problem.placement;
  const Costs &costs = problem.costs;
  int last = placement.stages() - 1;
  Kind gradient = problem.split ? Kind::I : Kind::B;
  for (size_t i = 0; i < tasks.count(); ++i) {
    Action action = tasks.action(i);
    int stage = action.stage, m = action.microbatch, task = int(i);
    device[task] = placement.device(stage, m);
    time[task] = costs.time(action);
    double activation = costs.stage(stage).activation;
    takes[task] = action.kind == Kind::F ? activation : 0;
    gives[task] = makesWeightGradient(action.kind) ? activation : 0;
    if (action.kind == Kind::W) {
      maker[task] = int(tasks.index(Kind::I, stage, m));
      waiting[maker[task]] = task;
      continue;
    }
    bool isForward = action.kind == Kind::F;
    if (isForward && stage == last)
      reader[task] = int(tasks.index(gradient, stage, m));
    else if (isForward)
      reader[task] = int(tasks.index(Kind::F, stage + 1, m));
    else if (stage > 0)
      reader[task] = int(tasks.index(gradient, stage - 1, m));
    if (reader[task] == none)
      continue;
    maker[reader[task]] = task;
    int to = receiver(placement, action);
    if (to < 0)
      continue;
    target[task] = reader[task];
    source[reader[task]] = task;
    MessageTime message = costs.message(device[task], to, action);
    transfer[task] = message.transfer;
    latency[task] = message.latency;
    if (message.transfer > 0)
      link[task] = device[task] * placement.devices() + to;
  }
}

void OrderGraph::set(const Order &order) {
  std::vector<std::vector<int>> lists(order.size());
  for (size_t d = 0; d < order.size(); ++d)
    for (const Action &action : order[d])
      lists[d].push_back(int(tasks.index(action.kind, action.stage, action.microbatch)));
  restore(lists);
}

Order OrderGraph::order() const {
  Order result(list.size());
  for (size_t d = 0; d < list.size(); ++d)
    for (int task : list[d])
      result[d].push_back(tasks.action(task));
  return result;
}

void OrderGraph::restore(const std::vector<std::vector<int>> &lists) {
  for (size_t d = 0; d < list.size(); ++d) {
    list[d] = lists[d];
    for (size_t i = 0; i < list[d].size(); ++i)
      position[list[d][i]] = int(i);
    updateLoads(int(d), 0, int(list[d].size()) - 1);
    linkMessages(int(d));
  }
  evaluate();
}

void OrderGraph::evaluate() {
  sortTopologically();
  for (int task : sequence)
    updateHead(task);
  for (size_t i = sequence.size(); i-- > 0;)
    updateTail(sequence[i]);
}

/// Devices go on in turn as far as they can.
void OrderGraph::sortTopologically() {
  std::fill(marked.begin(), marked.end(), 0);
  std::vector<size_t> at(list.size());
  size_t count = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t d = 0; d < list.size(); ++d)
      while (at[d] < list[d].size()) {
        int task = list[d][at[d]];
        if (maker[task] != none && !marked[maker[task]])
          break;
        marked[task] = 1;
        place_[task] = int(count);
        sequence[count++] = task;
        ++at[d];
        moved = true;
      }
  }
  assert(count == sequence.size() && "the order blocks");
  std::fill(marked.begin(), marked.end(), 0);
}

void OrderGraph::updateLoads(int d, int first, int last) {
  double alive = 0;
  if (first > 0) {
    int before = list[d][first - 1];
    alive = load[before] - gives[before];
  }
  for (int i = first; i <= last; ++i) {
    int task = list[d][i];
    load[task] = alive += takes[task];
    alive -= gives[task];
  }
}

void OrderGraph::linkMessages(int d) {
  std::vector<int> latest(list.size(), none);
  size_t devices = list.size();
  for (int task : list[d]) {
    linkBefore[task] = linkAfter[task] = none;
    if (link[task] == none)
      continue;
    int &before = latest[link[task] % devices];
    linkBefore[task] = before;
    if (before != none)
      linkAfter[before] = task;
    before = task;
  }
}

double OrderGraph::makespan() const {
  double last = 0;
  for (const std::vector<int> &own : list)
    if (!own.empty())
      last = std::max(last, end(own.back()));
  return last;
}

// What is on the same device needs no edge of its own: it comes one after the other
// anyway.
bool OrderGraph::updateHead(int task) {
  ++visited;
  int before = previous(task), from = source[task];
  double start = before == none ? 0 : end(before);
  if (from != none)
    start = std::max(start, sent[from] + latency[from]);
  double left = start + time[task];
  if (link[task] != none) {
    int message = linkBefore[task];
    left = (message == none ? left : std::max(left, sent[message])) + transfer[task];
  }
  bool changed = head[task] != start || sent[task] != left;
  head[task] = start;
  sent[task] = left;
  return changed;
}

bool OrderGraph::updateTail(int task) {
  ++visited;
  int after = next(task), to = target[task];
  double rest = after == none ? 0 : time[after] + tail[after], left = 0;
  if (to != none) {
    left = latency[task] + time[to] + tail[to];
    if (int message = linkAfter[task]; message != none)
      left = std::max(left, transfer[message] + sentTail[message]);
    rest = std::max(rest, transfer[task] + left);
  }
  bool changed = tail[task] != rest || sentTail[task] != left;
  tail[task] = rest;
  sentTail[task] = left;
  return changed;
}

void OrderGraph::markHead(int task) {
  if (task == none || staleHead[place_[task]])
    return;
  staleHead[place_[task]] = 1;
  ++staleHeads;
  firstStale = std::min(firstStale, size_t(place_[task]));
}

void OrderGraph::markTail(int task) {
  if (task == none || staleTail[place_[task]])
    return;
  staleTail[place_[task]] = 1;
  ++staleTails;
  lastStale = std::max(lastStale, size_t(place_[task]));
}

void OrderGraph::spreadHeads() {
  for (size_t i = firstStale; staleHeads; ++i) {
    if (!staleHead[i])
      continue;
    staleHead[i] = 0;
    --staleHeads;
    int task = sequence[i];
    if (!updateHead(task))
      continue;
    markHead(next(task));
    markHead(target[task]);
    markHead(linkAfter[task]);
  }
}

void OrderGraph::spreadTails() {
  for (size_t i = lastStale; staleTails; --i) {
    if (!staleTail[i])
      continue;
    staleTail[i] = 0;
    --staleTails;
    int task = sequence[i];
    if (!updateTail(task))
      continue;
    markTail(previous(task));
    markTail(source[task]);
    markTail(linkBefore[task]);
  }
}

void OrderGraph::place(int begin, const std::vector<int> &first,
                       const std::vector<int> &second) {
  for (const std::vector<int> *part : {&first, &second})
    for (int task : *part) {
      sequence[begin] = task;
      place_[task] = begin++;
    }
}

/// What follows from `moved` comes after `target`: false if that does, too.
bool OrderGraph::reorderLater(int moved, int target) {
  int begin = place_[moved], last = place_[target];
  one.clear();
  other.clear();
  for (int i = begin; i <= last; ++i) {
    int task = sequence[i], before = previous(task);
    bool follows = task == moved || (maker[task] != none && marked[maker[task]]) ||
                   (before != none && before != moved && marked[before]);
    marked[task] = follows;
    (follows ? other : one).push_back(task);
  }
  bool isFree = !marked[target];
  for (int task : other)
    marked[task] = 0;
  if (isFree)
    place(begin, one, other);
  return isFree;
}

/// What `moved` follows from comes before `target`: false if that does, too.
bool OrderGraph::reorderEarlier(int moved, int target) {
  int begin = place_[target], last = place_[moved];
  one.clear();
  other.clear();
  for (int i = last; i >= begin; --i) {
    int task = sequence[i], after = next(task);
    bool leads = task == moved || (reader[task] != none && marked[reader[task]]) ||
                 (waiting[task] != none && marked[waiting[task]]) ||
                 (after != none && after != moved && marked[after]);
    marked[task] = leads;
    (leads ? one : other).push_back(task);
  }
  bool isFree = !marked[target];
  for (int task : one)
    marked[task] = 0;
  if (!isFree)
    return false;
  std::reverse(one.begin(), one.end());
  std::reverse(other.begin(), other.end());
  place(begin, one, other);
  return true;
}

void OrderGraph::unlink(int task) {
  int before = linkBefore[task], after = linkAfter[task];
  if (before != none)
    linkAfter[before] = after;
  if (after != none)
    linkBefore[after] = before;
}

/// The message of what is moved has its place on its link among those of what it is
/// moved past. The list is not changed yet.
void OrderGraph::moveMessage(const Move &move) {
  const std::vector<int> &own = list[move.device];
  int task = own[move.from], step = move.to > move.from ? 1 : -1, last = none;
  if (link[task] == none)
    return;
  for (int i = move.from + step; i != move.to + step; i += step)
    if (link[own[i]] == link[task])
      last = own[i];
  if (last == none)
    return;
  markHead(linkAfter[task]);
  markTail(linkBefore[task]);
  unlink(task);
  int before = step > 0 ? last : linkBefore[last];
  int after = step > 0 ? linkAfter[last] : last;
  linkBefore[task] = before;
  linkAfter[task] = after;
  if (before != none)
    linkAfter[before] = task;
  if (after != none)
    linkBefore[after] = task;
  markHead(after);
  markTail(before);
}

void OrderGraph::shift(const Move &move) {
  std::vector<int> &own = list[move.device];
  auto [low, high] = std::minmax({move.from, move.to});
  int task = own[move.from];
  if (move.from < move.to)
    std::copy(own.begin() + low + 1, own.begin() + high + 1, own.begin() + low);
  else
    std::copy_backward(own.begin() + low, own.begin() + high, own.begin() + high + 1);
  own[move.to] = task;
  for (int i = low; i <= high; ++i)
    position[own[i]] = i;
  updateLoads(move.device, low, high);
}

bool OrderGraph::apply(const Move &move) {
  std::vector<int> &own = list[move.device];
  int moved = own[move.from], target = own[move.to];
  bool isFree = move.from < move.to ? reorderLater(moved, target)
                                    : reorderEarlier(moved, target);
  visited += (one.size() + other.size()) / 4;
  if (!isFree)
    return false;
  firstStale = sequence.size();
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
  spreadTails();
  return true;
}

bool OrderGraph::fits(const Move &move) const {
  const std::vector<int> &own = list[move.device];
  int task = own[move.from];
  double most = limit[move.device];
  if (move.to < move.from && takes[task] > 0)
    for (int i = move.to; i < move.from; ++i)
      if (load[own[i]] + takes[task] > most)
        return false;
  if (move.to > move.from && gives[task] > 0)
    for (int i = move.from + 1; i <= move.to; ++i)
      if (load[own[i]] + gives[task] > most)
        return false;
  return true;
}

double OrderGraph::estimate(const Move &move) {
  const std::vector<int> &own = list[move.device];
  auto [low, high] = std::minmax({move.from, move.to});
  bool isLater = move.from < move.to;
  auto taskAt = [&](int i) {
    if (i == move.to)
      return own[move.from];
    return own[isLater ? i + 1 : i - 1];
  };
  scratch.clear();
  double free = low ? end(own[low - 1]) : 0;
  for (int i = low; i <= high; ++i) {
    int task = taskAt(i), from = source[task];
    if (from != none)
      free = std::max(free, sent[from] + latency[from]);
    scratch.push_back(free);
    free += time[task];
  }
  double rest = 0, longest = 0;
  if (high + 1 < int(own.size()))
    rest = time[own[high + 1]] + tail[own[high + 1]];
  for (int i = high; i >= low; --i) {
    int task = taskAt(i);
    if (target[task] != none)
      rest = std::max(rest, transfer[task] + sentTail[task]);
    rest += time[task];
    longest = std::max(longest, scratch[i - low] + rest);
  }
  return longest;
}

void OrderGraph::criticalBlocks(std::vector<Block> &blocks,
                                std::mt19937_64 &random) const {
  blocks.clear();
  double latest = makespan();
  int task = none, ties = 0;
  for (const std::vector<int> &own : list)
    if (!own.empty() && end(own.back()) == latest && random() % ++ties == 0)
      task = own.back();
  while (task != none) {
    Block block{device[task], position[task], position[task]};
    while (true) {
      // Back on the device as long as it runs without a gap.
      int before = previous(task), from = source[task];
      bool waits = from != none && sent[from] + latency[from] == head[task];
      bool follows = before != none && end(before) == head[task];
      if (follows && (!waits || random() % 2)) {
        task = before;
        block.first = position[task];
        continue;
      }
      blocks.push_back(block);
      if (!waits)
        return;
      // The message itself may have waited for others on its link.
      block = {device[from], position[from], position[from]};
      task = from;
      while (linkBefore[task] != none && link[task] != none && sent[linkBefore[task]] > end(task))
        task = linkBefore[task];
      block.first = position[task];
    }
  }
}
