//===- Sums.cpp - Gradient sums over replicas ------------------------------===//

#include "lib/Runtime/Transport/Sums.h"

#include "lib/Runtime/CPU/Optimizer.h"
#include "lib/Runtime/Delay.h"
#include "lib/Runtime/Error.h"

#include <algorithm>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

using namespace bitpipe;

constexpr int64_t pieceElements = Sums::pieceBytes / sizeof(float);

Sums::Sums(const Links &links, const World &world, const LocalDevices &devices,
           const std::vector<double> *given, uint32_t threads)
    : links(links), world(world), devices(devices), given(given), threads(threads),
      channels{int64_t(links.devices.size())}, states(links.reductions.size()),
      members(devices.share().count()) {
  for (size_t i = 0; i < states.size(); ++i) {
    const ReductionLink &link = links.reductions[i];
    size_t others = 0;
    forOthers(link, [&](int64_t, size_t) { ++others; });
    states[i].local = uint32_t(link.devices.size() - others);
    for (int64_t device : link.devices) {
      if (!devices.holds(device))
        continue;
      Member &member = memberOf(device);
      size_t floats = 2 * others * pieceElements;
      member.buffers.resize(std::max(member.buffers.size(), floats));
      member.sources.resize(std::max(member.sources.size(), link.devices.size()));
      if (given && others > 0)
        member.unread.resize(pieceElements);
    }
  }
  for (int64_t d = devices.share().first; d < devices.share().end; ++d) {
    size_t count = links.devices[d].reductions.size();
    memberOf(d).times.resize(keptSteps * count);
    if (count > 0)
      startThread(d);
  }
}

void Sums::startThread(int64_t device) {
  std::string owner = joined("the gradient sums of device ", device, " of ",
                             links.devices.size());
  try {
    // Helpers sleep at once: who spins takes the core of who computes.
    memberOf(device).team =
        std::make_unique<Team>(threads, owner, 0, [this](uint32_t) { enter(); });
    memberOf(device).thread = std::jthread(
        [this, device](std::stop_token stop) { loop(device, stop); });
  } catch (const std::system_error &error) {
    stop(); // a constructor that throws runs no destructor
    failThread(owner, error);
  } catch (const UserError &) {
    stop();
    throw;
  }
}

Sums::~Sums() { stop(); }

void Sums::stop() {
  for (Member &member : members) {
    member.thread.request_stop();
    member.started.advance();
  }
}

/// Sums fill the gaps that computing leaves; whoever waits for one sleeps.
void Sums::enter() const {
  if (given)
    Sleeper::prepareThread();
  else
    setpriority(PRIO_PROCESS, gettid(), 10);
}

void Sums::loop(int64_t device, std::stop_token stop) {
  enter();
  const auto &order = links.devices[device].reductions;
  for (uint32_t next = 0;; ++next) {
    memberOf(device).started.waitFor(next + 1);
    if (stop.stop_requested())
      return;
    int64_t index = order[next % order.size()];
    State &state = states[index];
    uint32_t all = state.local * uint32_t(next / order.size() + 1);
    delayAtRandom();
    state.arrived.advance();
    state.arrived.waitFor(all);
    timedSum(device, index);
    delayAtRandom();
    if (state.slices.advance() + 1 == all)
      state.complete.advance();
  }
}

void Sums::timedSum(int64_t device, int64_t index) {
  Member &me = memberOf(device);
  Nanoseconds begin = now(), worked = processorTime();
  me.together = begin;
  sum(device, links.reductions[index]);
  if (given)
    me.sleeper.until(me.together + Nanoseconds((*given)[index] * 1e9));
  me.times[me.done++ % me.times.size()] = {begin, now(), processorTime() - worked};
}

std::vector<std::vector<TimedWork>> Sums::times(int64_t device) const {
  const Member &member = memberOf(device);
  size_t count = links.devices[device].reductions.size();
  std::vector<std::vector<TimedWork>> times(count);
  for (size_t i = 0; i < count; ++i)
    for (size_t done = member.done; done >= count && times[i].size() < keptSteps;
         done -= count)
      times[i].push_back(member.times[(done - count + i) % member.times.size()]);
  return times;
}

Sums::Range Sums::sliceOf(const ReductionLink &link, size_t member) {
  constexpr int64_t line = 16; // f32 in a cache line
  auto members = int64_t(link.devices.size());
  int64_t slice = (link.elements / members + line) / line * line;
  int64_t begin = std::min(int64_t(member) * slice, link.elements);
  return {begin, std::min(begin + slice, link.elements)};
}

template <typename Visit>
void Sums::forOthers(const ReductionLink &link, Visit visit) const {
  for (size_t m = 0; m < link.devices.size(); ++m)
    if (!devices.holds(link.devices[m]))
      visit(link.devices[m], m);
}

template <typename Visit> void Sums::forPieces(Range slice, Visit visit) {
  for (int64_t begin = slice.begin; begin < slice.end; begin += pieceElements)
    visit(Range{begin, std::min(begin + pieceElements, slice.end)});
}

/// Between two members of different processes go first what each adds to the
/// other's slice, then the results of their slices.
void Sums::sum(int64_t device, const ReductionLink &link) {
  Member &me = memberOf(device);
  float *memory = memoryOf(device, link);
  forOthers(link, [&](int64_t other, size_t m) {
    forPieces(sliceOf(link, m), [&](Range piece) {
      send(device, other, memory + piece.begin, piece.count(), me.contributions);
    });
  });
  size_t mine = std::ranges::find(link.devices, device) - link.devices.begin();
  sumSlice(device, link, sliceOf(link, mine));
  me.contributions.wait(); // the others' results go where those lie
  forOthers(link, [&](int64_t other, size_t m) {
    forPieces(sliceOf(link, m), [&](Range piece) {
      receive(other, device, given ? me.unread.data() : memory + piece.begin,
              piece.count(), me.received);
    });
  });
  me.received.wait();
  me.results.wait();
}

/// While one piece is added up, the next one is on its way into other buffers.
void Sums::sumSlice(int64_t device, const ReductionLink &link, Range slice) {
  Member &me = memberOf(device);
  int round = 0;
  if (slice.count() > 0)
    receivePiece(device, link,
                 {slice.begin, std::min(slice.begin + pieceElements, slice.end)},
                 round);
  forPieces(slice, [&](Range piece) {
    if (piece.end < slice.end)
      receivePiece(device, link,
                   {piece.end, std::min(piece.end + pieceElements, slice.end)},
                   1 - round);
    me.round[round].wait();
    if (!given)
      addUp(device, link, piece, round);
    else if (piece.begin == slice.begin)
      me.together = now();
    round = 1 - round;
    forOthers(link, [&](int64_t other, size_t) {
      send(device, other, memoryOf(device, link) + piece.begin, piece.count(),
           me.results);
    });
  });
}

void Sums::receivePiece(int64_t device, const ReductionLink &link, Range piece,
                        int round) {
  Member &me = memberOf(device);
  float *buffer = me.buffers.data() + round * me.buffers.size() / 2;
  forOthers(link, [&](int64_t other, size_t) {
    receive(other, device, buffer, piece.count(), me.round[round]);
    buffer += pieceElements;
  });
}

void Sums::addUp(int64_t device, const ReductionLink &link, Range piece,
                 int round) {
  Member &me = memberOf(device);
  float *buffer = me.buffers.data() + round * me.buffers.size() / 2;
  for (size_t m = 0; m < link.devices.size(); ++m) {
    int64_t member = link.devices[m];
    me.sources[m] =
        devices.holds(member)
            ? memoryOf(member, link) + piece.begin
            : std::exchange(buffer, buffer + pieceElements);
  }
  constexpr int64_t unit = 2048; // elements, worth no thread of its own
  int64_t units = (piece.count() + unit - 1) / unit;
  auto sharers = uint32_t(std::clamp<int64_t>(units / 16, 1, threads));
  me.team->share(sharers, units, [&](uint32_t, int64_t begin, int64_t end) {
    sumInto(me.sources.data(), int64_t(link.devices.size()), begin * unit,
            std::min(end * unit, piece.count()));
  });
}

float *Sums::memoryOf(int64_t device, const ReductionLink &link) const {
  size_t m = std::ranges::find(link.devices, device) - link.devices.begin();
  return devices[device].memory().floats(link.slots[m]);
}

void Sums::send(int64_t from, int64_t to, const float *data, int64_t count,
                Pieces &pieces) {
  ++pieces.started;
  world.connection()->send(world.rankOf(to, channels.devices),
                           channels.sum(from, to), data, count * sizeof(float),
                           pieces.complete);
}

void Sums::receive(int64_t from, int64_t to, float *data, int64_t count,
                   Pieces &pieces) {
  ++pieces.started;
  world.connection()->receive(world.rankOf(from, channels.devices),
                              channels.sum(from, to), data,
                              count * sizeof(float), pieces.complete);
}
