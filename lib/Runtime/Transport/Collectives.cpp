//===- Collectives.cpp - Gradient sums over replicas, gathers of slices ----===//

#include "lib/Runtime/Transport/Collectives.h"

#include "lib/Runtime/CPU/Optimizer.h"
#include "lib/Runtime/Delay.h"
#include "lib/Runtime/Error.h"

#include <algorithm>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

using namespace bitpipe;

constexpr int64_t pieceElements = Collectives::pieceBytes / sizeof(float);

Collectives::Collectives(const Links &links, const World &world,
                         const LocalDevices &devices, const std::vector<double> *given,
                         uint32_t threads)
    : links(links), world(world), devices(devices), given(given), threads(threads),
      channels{int64_t(links.devices.size())}, states(links.collectives.size()),
      members(devices.share().count()) {
  for (size_t i = 0; i < states.size(); ++i) {
    const CollectiveLink &link = links.collectives[i];
    size_t others = 0;
    forOthers(link, [&](int64_t, size_t) { ++others; });
    states[i].local = uint32_t(link.devices.size() - others);
    for (int64_t device : link.devices) {
      if (!devices.holds(device))
        continue;
      Member &member = memberOf(device);
      size_t floats = 2 * others * pieceElements;
      member.buffers.resize(std::max(member.buffers.size(), floats));
      member.sources.reserve(std::max(member.sources.capacity(), link.devices.size()));
      member.targets.reserve(member.sources.capacity());
      if (given && others > 0)
        member.unread.resize(pieceElements);
    }
  }
  for (int64_t d = devices.share().first; d < devices.share().end; ++d) {
    size_t count = links.devices[d].collectives.size();
    memberOf(d).times.resize(keptSteps * count);
    if (count > 0)
      startThread(d);
  }
}

void Collectives::startThread(int64_t device) {
  std::string owner = joined("the sums and gathers of device ", device, " of ",
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

Collectives::~Collectives() { stop(); }

void Collectives::stop() {
  for (Member &member : members) {
    member.thread.request_stop();
    member.started.advance();
  }
}

/// Collectives fill the gaps that computing leaves; whoever waits for one sleeps.
void Collectives::enter() const {
  if (given)
    Sleeper::prepareThread();
  else
    setpriority(PRIO_PROCESS, gettid(), 10);
}

void Collectives::loop(int64_t device, std::stop_token stop) {
  enter();
  const auto &order = links.devices[device].collectives;
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
    performTimed(device, index);
    delayAtRandom();
    if (state.parts.advance() + 1 == all)
      state.complete.advance();
  }
}

void Collectives::finishStep(uint32_t step) const {
  for (const State &state : states)
    if (state.local > 0)
      state.complete.waitFor(step + 1);
}

void Collectives::performTimed(int64_t device, int64_t index) {
  Member &me = memberOf(device);
  Nanoseconds begin = now(), worked = processorTime();
  me.together = begin;
  perform(device, links.collectives[index]);
  if (given)
    me.sleeper.until(me.together + Nanoseconds((*given)[index] * 1e9));
  me.times[me.done++ % me.times.size()] = {begin, now(), processorTime() - worked};
}

std::vector<std::vector<TimedWork>> Collectives::times(int64_t device) const {
  const Member &member = memberOf(device);
  size_t count = links.devices[device].collectives.size();
  std::vector<std::vector<TimedWork>> times(count);
  for (size_t i = 0; i < count; ++i)
    for (size_t done = member.done; done >= count && times[i].size() < keptSteps;
         done -= count)
      times[i].push_back(member.times[(done - count + i) % member.times.size()]);
  return times;
}

template <typename Visit>
void Collectives::forOthers(const CollectiveLink &link, Visit visit) const {
  for (size_t m = 0; m < link.devices.size(); ++m)
    if (!devices.holds(link.devices[m]))
      visit(link.devices[m], m);
}

template <typename Visit> void Collectives::forPieces(Range slice, Visit visit) {
  for (int64_t begin = slice.begin; begin < slice.end; begin += pieceElements)
    visit(Range{begin, std::min(begin + pieceElements, slice.end)});
}

template <typename Work>
void Collectives::shareElements(Member &member, int64_t count, Work work) {
  constexpr int64_t unit = 2048; // elements, worth no thread of its own
  int64_t units = (count + unit - 1) / unit;
  auto sharers = uint32_t(std::clamp<int64_t>(units / 16, 1, threads));
  member.team->share(sharers, units, [&](uint32_t, int64_t begin, int64_t end) {
    work(begin * unit, std::min(end * unit, count));
  });
}

void Collectives::perform(int64_t device, const CollectiveLink &link) {
  switch (link.kind) {
  case Collective::AllReduce:
    return allReduce(device, link);
  case Collective::ReduceScatter:
    return reduceScatter(device, link);
  case Collective::AllGather:
    return allGather(device, link);
  }
}

/// Between two members of different processes go first what each adds to the
/// other's slice, then the results of their slices.
void Collectives::allReduce(int64_t device, const CollectiveLink &link) {
  Member &me = memberOf(device);
  sendContributions(device, link);
  sumSlice(device, link, link.sliceOf(link.memberOf(device)));
  me.contributions.wait(); // the others' results go where those lie
  receiveResults(device, link, me.received);
  me.received.wait();
  me.results.wait();
}

void Collectives::reduceScatter(int64_t device, const CollectiveLink &link) {
  sendContributions(device, link);
  sumSlice(device, link, link.sliceOf(link.memberOf(device)));
  memberOf(device).contributions.wait();
}

void Collectives::allGather(int64_t device, const CollectiveLink &link) {
  Member &me = memberOf(device);
  Range mine = link.sliceOf(link.memberOf(device));
  const float *slice = sliceMemoryOf(device, link);
  forOthers(link, [&](int64_t other, size_t) {
    forPieces(mine, [&](Range piece) {
      send(device, other, slice + piece.begin - mine.begin, piece.count(), me.results);
    });
  });
  Pieces &firsts = me.round[0];
  receiveResults(device, link, firsts);
  if (!given)
    copyToLocals(device, link, mine);
  firsts.wait();
  me.together = now();
  me.received.wait();
  me.results.wait();
}

void Collectives::sendContributions(int64_t device, const CollectiveLink &link) {
  const float *memory = memoryOf(device, link);
  forOthers(link, [&](int64_t other, size_t m) {
    forPieces(link.sliceOf(m), [&](Range piece) {
      send(device, other, memory + piece.begin, piece.count(), memberOf(device).contributions);
    });
  });
}

/// Starts to receive the slices of members in other processes; first pieces tell that a
/// member has come.
void Collectives::receiveResults(int64_t device, const CollectiveLink &link, Pieces &firsts) {
  Member &me = memberOf(device);
  float *memory = memoryOf(device, link);
  forOthers(link, [&](int64_t other, size_t m) {
    Range slice = link.sliceOf(m);
    forPieces(slice, [&](Range piece) {
      receive(other, device, given ? me.unread.data() : memory + piece.begin,
              piece.count(), piece.begin == slice.begin ? firsts : me.received);
    });
  });
}

void Collectives::copyToLocals(int64_t device, const CollectiveLink &link, Range slice) {
  const float *from = sliceMemoryOf(device, link);
  bool isInPlace = link.own[link.memberOf(device)] < 0;
  for (int64_t other : link.devices) {
    if ((other == device && isInPlace) || !devices.holds(other))
      continue;
    float *to = memoryOf(other, link) + slice.begin;
    shareElements(memberOf(device), slice.count(), [&](int64_t begin, int64_t end) {
      std::copy(from + begin, from + end, to + begin);
    });
  }
}

/// While one piece is added up, the next one is on its way into other buffers.
void Collectives::sumSlice(int64_t device, const CollectiveLink &link, Range slice) {
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
    if (link.kind == Collective::ReduceScatter)
      return; // nobody else wants it
    forOthers(link, [&](int64_t other, size_t) {
      send(device, other, memoryOf(device, link) + piece.begin, piece.count(),
           me.results);
    });
  });
}

void Collectives::receivePiece(int64_t device, const CollectiveLink &link, Range piece,
                        int round) {
  Member &me = memberOf(device);
  float *buffer = me.buffers.data() + round * me.buffers.size() / 2;
  forOthers(link, [&](int64_t other, size_t) {
    receive(other, device, buffer, piece.count(), me.round[round]);
    buffer += pieceElements;
  });
}

void Collectives::addUp(int64_t device, const CollectiveLink &link, Range piece,
                 int round) {
  Member &me = memberOf(device);
  float *buffer = me.buffers.data() + round * me.buffers.size() / 2;
  bool keeps = link.kind == Collective::ReduceScatter;
  me.sources.clear();
  me.targets.clear();
  for (int64_t member : link.devices) {
    bool isLocal = devices.holds(member);
    me.sources.push_back(isLocal ? memoryOf(member, link) + piece.begin
                                 : std::exchange(buffer, buffer + pieceElements));
    if (!keeps && isLocal)
      me.targets.push_back(me.sources.back());
  }
  if (keeps) {
    int64_t begin = link.sliceOf(link.memberOf(device)).begin;
    me.targets.push_back(sliceMemoryOf(device, link) + piece.begin - begin);
  }
  shareElements(me, piece.count(), [&](int64_t begin, int64_t end) {
    sumInto(me.targets, me.sources, begin, end);
  });
}

float *Collectives::memoryOf(int64_t device, const CollectiveLink &link) const {
  return devices[device].memory().floats(link.slots[link.memberOf(device)]);
}

float *Collectives::sliceMemoryOf(int64_t device, const CollectiveLink &link) const {
  size_t member = link.memberOf(device);
  auto [slot, begin] = link.placeOfSlice(member);
  return devices[device].memory().floats(slot) + begin;
}

void Collectives::send(int64_t from, int64_t to, const float *data, int64_t count,
                Pieces &pieces) {
  ++pieces.started;
  world.connection()->send(world.rankOf(to, channels.devices),
                           channels.sum(from, to), data, count * sizeof(float),
                           pieces.complete);
}

void Collectives::receive(int64_t from, int64_t to, float *data, int64_t count,
                   Pieces &pieces) {
  ++pieces.started;
  world.connection()->receive(world.rankOf(from, channels.devices),
                              channels.sum(from, to), data,
                              count * sizeof(float), pieces.complete);
}
