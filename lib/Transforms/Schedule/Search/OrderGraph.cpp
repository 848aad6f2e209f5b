//===- OrderGraph.cpp - The times of an order, kept while it changes -------===//

#include "lib/Transforms/Schedule/Search/OrderGraph.h"

#include "lib/Transforms/Schedule/Core/MemoryWalk.h"
#include "lib/Transforms/Schedule/Search/Flow.h"

#include <algorithm>
#include <cassert>

using namespace bitpipe::schedule;

OrderGraph::OrderGraph(const Problem &problem)
    : tasks(problem), nodes(tasks.count()), takes(tasks.count()), gives(tasks.count()),
      load(tasks.count()), list(problem.placement.devices()), sequence(tasks.count()),
      staleHead(tasks.count()), staleTail(tasks.count()) {
  for (int device = 0; device < problem.placement.devices(); ++device)
    limit.push_back(problem.limit(device) + 1e-9 * problem.activation);
  addActions(problem);
}

void OrderGraph::addActions(const Problem &problem) {
  Flow flow(problem.placement, problem.split);
  for (int task = 0; task < int(nodes.size()); ++task) {
    Action action = tasks.action(task);
    Node &node = nodes[task];
    node.device = problem.placement.device(action.stage, action.microbatch);
    node.time = problem.costs.time(action);
    MemoryChange change = memoryChange(problem.placement, problem.costs, action);
    takes[task] = change.taken;
    gives[task] = change.freed;
    int run = task % int(flow.runs.size());
    for (int reader : flow.runs[run].readers)
      addReader(problem, task, task - run + reader);
  }
}

/// What reads what a task makes. Of a forward that is the next one, behind which its own gradient
/// comes anyway.
void OrderGraph::addReader(const Problem &problem, int task, int reader) {
  Action action = tasks.action(task);
  Node &node = nodes[task];
  bool isWeight = tasks.action(reader).kind == Kind::W;
  int &known = isWeight ? node.weight : node.reader;
  if (known != none)
    return;
  known = reader;
  nodes[reader].maker = task;
  int to = receiver(problem.placement, action);
  if (isWeight || to < 0)
    return;
  node.target = reader;
  nodes[reader].source = task;
  MessageTime message = problem.costs.message(node.device, to, action);
  node.transfer = message.transfer;
  node.latency = message.latency;
  if (message.transfer > 0)
    node.link = to;
}

void OrderGraph::set(const Order &order) {
  std::vector<std::vector<int>> lists(order.size());
  for (size_t device = 0; device < order.size(); ++device)
    for (const Action &action : order[device])
      lists[device].push_back(
          int(tasks.index(action.kind, action.stage, action.microbatch)));
  restore(lists);
}

Order OrderGraph::order() const {
  Order result(list.size());
  for (size_t device = 0; device < list.size(); ++device)
    for (int task : list[device])
      result[device].push_back(tasks.action(task));
  return result;
}

void OrderGraph::restore(const std::vector<std::vector<int>> &lists) {
  for (size_t i = 0; i < list.size(); ++i) {
    int device = int(i), last = int(lists[i].size()) - 1;
    list[i] = lists[i];
    chain(device, 0, last);
    updateLoads(device, 0, last);
    linkMessages(device);
  }
  evaluate();
}

void OrderGraph::evaluate() {
  sortTopologically();
  for (int task : sequence)
    updateHead(task);
  // By time, so that what is near on a device is near in the sequence.
  std::stable_sort(sequence.begin(), sequence.end(), [&](int one, int other) {
    return nodes[one].head < nodes[other].head;
  });
  for (size_t i = 0; i < sequence.size(); ++i)
    nodes[sequence[i]].place = int(i);
  for (size_t i = sequence.size(); i-- > 0;)
    updateTail(sequence[i]);
  std::fill(staleTail.begin(), staleTail.end(), 0);
  staleTails = 0;
}

/// Devices go on in turn as far as they can.
void OrderGraph::sortTopologically() {
  for (Node &node : nodes)
    node.isMarked = false;
  std::vector<size_t> at(list.size());
  int count = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t device = 0; device < list.size(); ++device)
      for (; at[device] < list[device].size(); ++at[device]) {
        int task = list[device][at[device]];
        Node &node = nodes[task];
        if (node.maker != none && !nodes[node.maker].isMarked)
          break;
        node.isMarked = moved = true;
        node.place = count;
        sequence[count++] = task;
      }
  }
  assert(count == int(sequence.size()) && "the order blocks");
  for (Node &node : nodes)
    node.isMarked = false;
}

/// Positions and neighbours on a device from one place to another.
void OrderGraph::chain(int device, int first, int last) {
  const std::vector<int> &own = list[device];
  auto at = [&](int i) { return i >= 0 && i < int(own.size()) ? own[i] : none; };
  for (int i = first; i <= last; ++i) {
    Node &node = nodes[own[i]];
    node.position = i;
    node.before = at(i - 1);
    node.after = at(i + 1);
  }
  if (int before = at(first - 1); before != none)
    nodes[before].after = own[first];
  if (int after = at(last + 1); after != none)
    nodes[after].before = own[last];
}

void OrderGraph::updateLoads(int device, int first, int last) {
  const std::vector<int> &own = list[device];
  double alive = first ? load[own[first - 1]] - gives[own[first - 1]] : 0;
  for (int i = first; i <= last; ++i) {
    load[own[i]] = alive += takes[own[i]];
    alive -= gives[own[i]];
  }
}

void OrderGraph::linkMessages(int device) {
  std::vector<int> latest(list.size(), none);
  for (int task : list[device]) {
    Node &node = nodes[task];
    node.linkBefore = node.linkAfter = none;
    if (node.link == none)
      continue;
    int &before = latest[node.link];
    node.linkBefore = before;
    if (before != none)
      nodes[before].linkAfter = task;
    before = task;
  }
}

double OrderGraph::makespan() const {
  double last = 0;
  for (const std::vector<int> &own : list)
    if (!own.empty())
      last = std::max(last, nodes[own.back()].end());
  return last;
}

// What is on the same device needs no edge of its own: it comes one after the other
// anyway.
bool OrderGraph::updateHead(int task) {
  ++visited;
  Node &node = nodes[task];
  double head = node.before == none ? 0 : nodes[node.before].end();
  if (node.source != none)
    head = std::max(head, arrival(node));
  double sent = head + node.time;
  if (node.linkBefore != none)
    sent = std::max(sent, nodes[node.linkBefore].sent);
  sent += node.transfer;
  bool changed = node.head != head || node.sent != sent;
  node.head = head;
  node.sent = sent;
  return changed;
}

bool OrderGraph::updateTail(int task) {
  ++visited;
  Node &node = nodes[task];
  double tail = 0, sentTail = 0;
  if (node.after != none)
    tail = nodes[node.after].time + nodes[node.after].tail;
  if (node.target != none) {
    const Node &target = nodes[node.target];
    sentTail = node.latency + target.time + target.tail;
    if (node.linkAfter != none)
      sentTail = std::max(sentTail, nodes[node.linkAfter].transfer +
                                        nodes[node.linkAfter].sentTail);
    tail = std::max(tail, node.transfer + sentTail);
  }
  bool changed = node.tail != tail || node.sentTail != sentTail;
  node.tail = tail;
  node.sentTail = sentTail;
  return changed;
}

void OrderGraph::markHead(int task) {
  if (task == none)
    return;
  size_t place = nodes[task].place;
  staleHeads += !staleHead[place];
  staleHead[place] = 1;
  firstStale = std::min(firstStale, place);
}

void OrderGraph::markTail(int task) {
  if (task == none)
    return;
  size_t place = nodes[task].place;
  staleTails += !staleTail[place];
  staleTail[place] = 1;
  lastStale = std::max(lastStale, place);
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
    markHead(nodes[task].after);
    markHead(nodes[task].target);
    markHead(nodes[task].linkAfter);
  }
}

/// Down to a place in the sequence; what is before that remains to be done.
void OrderGraph::spreadTails(size_t lowest) {
  for (size_t i = lastStale; staleTails; --i) {
    lastStale = i;
    if (i < lowest)
      return;
    if (!staleTail[i])
      continue;
    staleTail[i] = 0;
    --staleTails;
    int task = sequence[i];
    if (!updateTail(task))
      continue;
    markTail(nodes[task].before);
    markTail(nodes[task].source);
    markTail(nodes[task].linkBefore);
  }
}

/// Back on the device as long as it runs without a gap; where an action waits for its
/// message as long as for its device, one of the two is drawn.
int OrderGraph::startOfBlock(int task, std::mt19937_64 &random) const {
  while (true) {
    const Node &node = nodes[task];
    bool waits = node.source != none && arrival(node) == node.head;
    bool follows = node.before != none && nodes[node.before].end() == node.head;
    if (!follows || (waits && random() % 2))
      return task;
    task = node.before;
  }
}

void OrderGraph::criticalBlocks(std::vector<Block> &blocks,
                                std::mt19937_64 &random) {
  blocks.clear();
  double latest = makespan();
  int task = none, ties = 0;
  for (const std::vector<int> &own : list)
    if (!own.empty() && nodes[own.back()].end() == latest && random() % ++ties == 0)
      task = own.back();
  while (task != none) {
    Block block{nodes[task].device, 0, nodes[task].position};
    // A message may have waited for others on its link.
    if (!blocks.empty())
      while (nodes[task].linkBefore != none &&
             nodes[nodes[task].linkBefore].sent > nodes[task].end())
        task = nodes[task].linkBefore;
    int from = startOfBlock(task, random);
    block.first = nodes[from].position;
    blocks.push_back(block);
    visited += (block.last - block.first) / 4 + 1;
    const Node &node = nodes[from];
    bool waits = node.source != none && arrival(node) == node.head;
    task = waits ? node.source : none;
  }
}
