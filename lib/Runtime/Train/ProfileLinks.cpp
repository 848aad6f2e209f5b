//===- ProfileLinks.cpp - What messages took -------------------------------===//
//
// A message is under way from when both sides have started it, or its sender has if it
// leaves before it is asked for. Its end shows where its receiver waits for it and for
// nothing else: in time until that goes on, which includes waking up. What came in time
// shows nothing. Nor does what was sent before its receive was posted, if it is not known
// whether it left then; that counts only between devices that have nothing else. What
// leaves unasked may queue behind the message before it, until that is used, and is taken
// for awaited if it was asked for in the first half of its time.
//
// A GPU times both ends of a message by themselves. Within a process it is a copy, which begins when
// both sides have started it. Between processes either end begins when its own side has, and the
// one that came second does not wait: it has the shorter time. That counts where the receiver
// came first, since what a library buffers is there sooner for a receiver that comes late.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Train/Profile.h"

#include "lib/Runtime/Median.h"

#include <numeric>
#include <optional>

using namespace bitpipe;

namespace {

using Pair = std::pair<int64_t, int64_t>; // from, to

/// Where a message is in the lists.
struct Ends {
  size_t send = 0, receive = 0;
  std::optional<size_t> user; // waits for this message alone
  std::optional<size_t> before; // the message that the sender sends before this one
};

class LinkProfiler {
public:
  LinkProfiler(const Program &program, const Links &links,
               const std::vector<ProcessReport> &processes)
      : program(program), links(links), devices(program.devices.size()),
        processOf(program.devices.size()), ends(links.messages.size()) {
    for (size_t p = 0; p < processes.size(); ++p)
      for (const DeviceReport &device : processes[p].devices) {
        devices[device.device] = &device;
        processOf[device.device] = p;
      }
    for (size_t d = 0; d < devices.size(); ++d)
      findEnds(d);
    findOrder();
    for (size_t m = 0; m < ends.size(); ++m)
      measure(m, processes);
    times.merge(unexpected); // of pairs that have no others
  }

  /// Whether nothing could be measured.
  bool empty() const { return times.empty(); }

  /// Of every pair: [from][to].
  std::vector<std::vector<schedule::Link>> allLinks() {
    for (auto &[pair, sizes] : times)
      found[pair] = linkOf(sizes);
    size_t count = devices.size();
    std::vector<std::vector<schedule::Link>> all(
        count, std::vector<schedule::Link>(count));
    for (bool within : {false, true}) {
      schedule::Link common = medianLink(within);
      for (size_t from = 0; from < count; ++from)
        for (size_t to = 0; to < count; ++to)
          if (from != to && (processOf[from] == processOf[to]) == within)
            all[from][to] = common;
    }
    for (const auto &[pair, link] : found)
      all[pair.first][pair.second] = link;
    return all;
  }

  /// Of the pairs that were measured within processes, or between them.
  schedule::Link medianLink(bool within) const {
    std::vector<double> latencies, transfers;
    for (const auto &[pair, link] : found)
      if ((processOf[pair.first] == processOf[pair.second]) == within) {
        latencies.push_back(link.latency);
        transfers.push_back(link.transfer);
      }
    return {median(transfers), median(latencies)};
  }

private:
  using Times = std::map<int64_t, std::vector<double>>; // by bytes, in seconds

  void findEnds(size_t d) {
    const DeviceLinks &device = links.devices[d];
    for (size_t i = 0; i < device.starts.size(); ++i) {
      const Instruction &op = program.devices[d].instructions[i];
      if (std::holds_alternative<Transmit>(op))
        ends[device.starts[i]].send = i;
      else if (std::holds_alternative<Receive>(op))
        ends[device.starts[i]].receive = i;
      if (device.waits[i].size() != 1)
        continue;
      const Wait &wait = device.waits[i].front();
      if (wait.kind == Wait::Message && !wait.previousStep && i > 0 &&
          links.messages[wait.index].to == int64_t(d))
        ends[wait.index].user = i;
    }
  }

  void findOrder() {
    std::map<Pair, std::map<size_t, size_t>> ways; // messages by their send
    for (size_t m = 0; m < ends.size(); ++m)
      ways[{links.messages[m].from, links.messages[m].to}][ends[m].send] = m;
    for (const auto &[way, sent] : ways)
      for (auto at = sent.begin(); at != sent.end(); ++at)
        if (at != sent.begin())
          ends[at->second].before = std::prev(at)->second;
  }

  /// Whether the message before it was used when a message left, in a step.
  bool hasWay(size_t m, size_t back, Nanoseconds left) const {
    if (!ends[m].before)
      return true;
    const Ends &before = ends[*ends[m].before];
    return before.user &&
           devices[links.messages[m].to]->instructions[back][*before.user].begin <= left;
  }

  void measureOnGPUs(size_t m) {
    const MessageLink &link = links.messages[m];
    bool within = processOf[link.from] == processOf[link.to];
    const auto &sent = devices[link.from]->instructions;
    const auto &received = devices[link.to]->instructions;
    for (size_t back = 0; back < std::min(sent.size(), received.size()); ++back) {
      Nanoseconds mine = sent[back][ends[m].send].work;
      Nanoseconds its = received[back][ends[m].receive].work;
      bool expected = within || mine <= its;
      if (Nanoseconds time = expected ? mine : its; time > 0)
        (expected ? times : unexpected)[{link.from, link.to}][link.bytes].push_back(
            double(time) * 1e-9);
    }
  }

  /// Devices that take turns on processors wait for those, too, which is no message.
  void measure(size_t m, const std::vector<ProcessReport> &processes) {
    const MessageLink &link = links.messages[m];
    size_t from = processOf[link.from], to = processOf[link.to];
    bool within = from == to;
    if (!link.isToHost() && isGPU(*devices[link.from]))
      return measureOnGPUs(m);
    if (!ends[m].user || link.isToHost() || (within && sharesProcessors(processes[to])))
      return;
    bool eager = leavesUnasked(processes[from].eagerBytes, to, link.bytes);
    const auto &sent = devices[link.from]->instructions;
    const auto &received = devices[link.to]->instructions;
    for (size_t back = 0; back < std::min(sent.size(), received.size()); ++back) {
      const auto &list = received[back];
      Nanoseconds left = sent[back][ends[m].send].end, asked = list[ends[m].receive].end;
      Nanoseconds used = list[*ends[m].user].begin;
      if (eager && (!hasWay(m, back, left) || used - asked < asked - left))
        continue;
      Nanoseconds begin = eager ? left : std::max(left, asked);
      bool waited = used > list[*ends[m].user - 1].end;
      bool expected = eager || left >= asked;
      if (waited && used > begin)
        (expected ? times : unexpected)[{link.from, link.to}][within ? 0 : link.bytes].push_back(
            double(used - begin) * 1e-9);
    }
  }

  /// The mean, since messages come one after the other, without the slowest tenth,
  /// when something else was going on.
  static double usualTime(std::vector<double> &all) {
    std::ranges::sort(all);
    size_t count = all.size() - all.size() / 10;
    return std::accumulate(all.begin(), all.begin() + count, 0.0) / double(count);
  }

  /// What takes longer was noticed late (Pacing.h), which a prediction adds.
  static double quartile(std::vector<double> &all) {
    std::ranges::sort(all);
    return all[all.size() / 4];
  }

  /// Messages of two sizes tell both numbers. Where all have one size, what the
  /// numbers of the gradient norm take, which are small, is the latency. Handing
  /// memory over takes the same for any size. GPUs exchange those numbers by one operation of
  /// them all, which tells nothing of a link: one size tells no latency there.
  schedule::Link linkOf(Times &sizes) {
    auto &[least, quick] = *sizes.begin();
    auto &[most, slow] = *sizes.rbegin();
    if (most == 0)
      return {0, usualTime(quick)};
    double quickTime = quartile(quick), slowTime = quartile(slow);
    schedule::Link link;
    if (least < most)
      link.transfer = std::max(0.0, (slowTime - quickTime) / double(most - least));
    else
      link.transfer = std::max(0.0, quickTime - hopTime()) / double(least);
    link.latency = std::max(0.0, quickTime - link.transfer * double(least));
    return link;
  }

  /// From when the last device has given its part of the norm, there are two small
  /// messages to when those in other processes than device 0's have the result, or one if
  /// that device is in the process of device 0.
  double hopTime() {
    if (isGPU(*devices.front()))
      return 0;
    if (hop)
      return *hop;
    std::vector<double> hops;
    size_t steps = devices.front()->instructions.size();
    for (const DeviceReport *device : devices)
      steps = std::min(steps, device->instructions.size());
    for (size_t back = 0; back < steps; ++back) {
      Nanoseconds given = 0;
      double messages = 1;
      for (size_t d = 0; d < devices.size(); ++d)
        if (const TimedWork *norm = normOf(d, back); norm && norm->begin + norm->work >= given) {
          given = norm->begin + norm->work;
          messages = processOf[d] == processOf[0] ? 1 : 2;
        }
      for (size_t d = 0; d < devices.size(); ++d)
        if (const TimedWork *norm = normOf(d, back);
            norm && processOf[d] != processOf[0])
          hops.push_back(double(norm->end - given) * 1e-9 / messages);
    }
    hop = std::max(0.0, median(hops));
    return *hop;
  }

  const TimedWork *normOf(size_t d, size_t back) const {
    const auto &list = program.devices[d].instructions;
    for (size_t i = 0; i < list.size(); ++i)
      if (std::holds_alternative<GradNorm>(list[i]))
        return &devices[d]->instructions[back][i];
    return nullptr;
  }

  const Program &program;
  const Links &links;
  std::vector<const DeviceReport *> devices;
  std::vector<size_t> processOf; // by device
  std::vector<Ends> ends;        // by message
  std::map<Pair, Times> times, unexpected; // by whether the receive was there first
  std::map<Pair, schedule::Link> found; // that were measured
  std::optional<double> hop;
};

} // namespace

/// What hosts copied by the time that it took, measured where it is done.
static std::optional<schedule::Link> hostLink(const std::vector<ProcessReport> &processes) {
  double bytes = 0, seconds = 0;
  for (const ProcessReport &process : processes)
    for (const DeviceReport &device : process.devices) {
      bytes += double(device.copiedBytes);
      seconds += double(device.copyTime) * 1e-9;
    }
  if (bytes <= 0 || seconds <= 0)
    return {};
  return schedule::Link{seconds / bytes, 0};
}

void bitpipe::addLinks(const Program &program, const Links &links,
                       const std::vector<ProcessReport> &processes,
                       schedule::Costs &costs) {
  LinkProfiler profiler(program, links, processes);
  if (!profiler.empty()) {
    costs.links = profiler.allLinks();
    costs.link = profiler.medianLink(processes.size() == 1);
  }
  costs.host = hostLink(processes).value_or(costs.link);
}
