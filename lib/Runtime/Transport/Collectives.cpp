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
  for (size_t i = 0; i < states.size(); ++i)
    prepare(links.collectives[i], states[i]);
  for (int64_t d = devices.share().first; d < devices.share().end; ++d) {
    size_t count = links.devices[d].collectives.size();
    memberOf(d).times.resize(keptSteps * count);
    if (count > 0)
      startThread(d);
  }
}

void Collectives::prepare(const CollectiveLink &link, State &state) {
  auto isHere = [&](int64_t device) { return devices.holds(device); };
  state.local = uint32_t(std::ranges::count_if(link.devices, isHere));
  state.phases = phasesOf(link, pieceElements);
  for (Phase &phase : state.phases) {
    std::erase_if(phase, [&](const Exchange &exchange) {
      return std::ranges::none_of(exchange.devices, isHere);
    });
    for (const Exchange &exchange : phase)
      for (int64_t device : exchange.devices)
        if (isHere(device))
          reserve(memberOf(device), exchange);
  }
}

void Collectives::reserve(Member &member, const Exchange &exchange) {
  size_t others = 0;
  forOthers(exchange, [&](int64_t, size_t) { ++others; });
  member.buffers.resize(std::max(member.buffers.size(), 2 * others * pieceElements));
  member.sources.reserve(std::max(member.sources.capacity(), exchange.devices.size()));
  member.targets.reserve(member.sources.capacity());
  if (given && others > 0)
    member.unread.resize(pieceElements);
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
    auto step = uint32_t(next / order.size());
    delayAtRandom();
    meet(state, step, 0);
    performTimed(device, index, step);
    delayAtRandom();
    if (state.parts.advance() + 1 == state.local * (step + 1))
      state.complete.advance();
  }
}

void Collectives::meet(State &state, uint32_t step, size_t phase) {
  state.arrived.advance();
  state.arrived.waitFor(state.local * uint32_t(step * state.phases.size() + phase + 1));
}

void Collectives::finishStep(uint32_t step) const {
  for (const State &state : states)
    if (state.local > 0)
      state.complete.waitFor(step + 1);
}

void Collectives::performTimed(int64_t device, int64_t index, uint32_t step) {
  Member &me = memberOf(device);
  Nanoseconds begin = now(), worked = processorTime();
  me.together = begin;
  State &state = states[index];
  for (size_t phase = 0; phase < state.phases.size(); ++phase) {
    if (phase > 0)
      meet(state, step, phase);
    for (const Exchange &exchange : state.phases[phase])
      if (size_t i = exchange.indexOf(device); i < exchange.devices.size())
        perform(partOf(device, links.collectives[index], exchange, i));
  }
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
void Collectives::forOthers(const Exchange &exchange, Visit visit) const {
  for (size_t i = 0; i < exchange.devices.size(); ++i)
    if (!devices.holds(exchange.devices[i]))
      visit(exchange.devices[i], i);
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

Collectives::Part Collectives::partOf(int64_t device, const CollectiveLink &link,
                                      const Exchange &exchange, size_t index) const {
  float *all = memoryOf(device, link);
  if (!exchange.ofSlices)
    return {link, exchange, device, exchange.pieces[index], all, all, 0};
  size_t member = link.memberOf(device);
  auto [slot, begin] = link.placeOfSlice(member);
  float *own = devices[device].memory().floats(slot) + begin;
  return {link, exchange, device, exchange.pieces[index], all, own, link.sliceOf(member).begin};
}

void Collectives::perform(const Part &part) {
  switch (part.exchange.kind) {
  case Collective::AllReduce:
    return allReduce(part);
  case Collective::ReduceScatter:
    return reduceScatter(part);
  case Collective::AllGather:
    return allGather(part);
  }
}

/// Between two members of different processes go first what each adds to the
/// other's pieces, then the results of their pieces.
void Collectives::allReduce(const Part &part) {
  Member &me = memberOf(part.device);
  sendContributions(part);
  sumPieces(part);
  me.contributions.wait(); // the others' results go where those lie
  receiveResults(part, me.received);
  me.received.wait();
  me.results.wait();
}

void Collectives::reduceScatter(const Part &part) {
  sendContributions(part);
  sumPieces(part);
  memberOf(part.device).contributions.wait();
}

void Collectives::allGather(const Part &part) {
  Member &me = memberOf(part.device);
  forOthers(part.exchange, [&](int64_t other, size_t) {
    for (Range piece : part.pieces)
      send(part.device, other, part.ownPlace(piece.begin), piece.count(), me.results);
  });
  Pieces &firsts = me.round[0];
  receiveResults(part, firsts);
  if (!given)
    copyToLocals(part);
  firsts.wait();
  if (part.link.kind == Collective::AllGather)
    me.together = now();
  me.received.wait();
  me.results.wait();
}

void Collectives::sendContributions(const Part &part) {
  forOthers(part.exchange, [&](int64_t other, size_t i) {
    for (Range piece : part.exchange.pieces[i])
      send(part.device, other, part.all + piece.begin, piece.count(),
           memberOf(part.device).contributions);
  });
}

/// Starts to receive the pieces of members in other processes; first ones tell that a
/// member has come.
void Collectives::receiveResults(const Part &part, Pieces &firsts) {
  Member &me = memberOf(part.device);
  forOthers(part.exchange, [&](int64_t other, size_t i) {
    Pieces *counted = &firsts;
    for (Range piece : part.exchange.pieces[i])
      receive(other, part.device,
              given ? me.unread.data() : part.all + piece.begin,
              piece.count(), *std::exchange(counted, &me.received));
  });
}

void Collectives::copyToLocals(const Part &part) {
  bool isInPlace = part.own == part.all + part.ownBegin;
  for (int64_t other : part.exchange.devices) {
    if ((other == part.device && isInPlace) || !devices.holds(other))
      continue;
    float *all = memoryOf(other, part.link);
    for (Range piece : part.pieces) {
      const float *from = part.ownPlace(piece.begin);
      float *to = all + piece.begin;
      shareElements(memberOf(part.device), piece.count(), [&](int64_t begin, int64_t end) {
        std::copy(from + begin, from + end, to + begin);
      });
    }
  }
}

/// While one piece is added up, the next one is on its way into other buffers.
void Collectives::sumPieces(const Part &part) {
  Member &me = memberOf(part.device);
  const std::vector<Range> &pieces = part.pieces;
  if (!pieces.empty())
    receivePiece(part, pieces.front(), 0);
  for (size_t i = 0; i < pieces.size(); ++i) {
    int round = i % 2;
    if (i + 1 < pieces.size())
      receivePiece(part, pieces[i + 1], 1 - round);
    me.round[round].wait();
    if (!given)
      addUp(part, pieces[i], round);
    else if (i == 0)
      me.together = now();
    if (part.exchange.kind == Collective::ReduceScatter)
      continue; // nobody else wants it
    forOthers(part.exchange, [&](int64_t other, size_t) {
      send(part.device, other, part.all + pieces[i].begin, pieces[i].count(),
           me.results);
    });
  }
}

void Collectives::receivePiece(const Part &part, Range piece, int round) {
  Member &me = memberOf(part.device);
  float *buffer = me.buffers.data() + round * me.buffers.size() / 2;
  forOthers(part.exchange, [&](int64_t other, size_t) {
    receive(other, part.device, buffer, piece.count(), me.round[round]);
    buffer += pieceElements;
  });
}

void Collectives::addUp(const Part &part, Range piece, int round) {
  Member &me = memberOf(part.device);
  float *buffer = me.buffers.data() + round * me.buffers.size() / 2;
  bool keeps = part.exchange.kind == Collective::ReduceScatter;
  me.sources.clear();
  me.targets.clear();
  for (int64_t member : part.exchange.devices) {
    bool isLocal = devices.holds(member);
    me.sources.push_back(isLocal ? memoryOf(member, part.link) + piece.begin
                                 : std::exchange(buffer, buffer + pieceElements));
    if (!keeps && isLocal)
      me.targets.push_back(me.sources.back());
  }
  if (keeps)
    me.targets.push_back(part.ownPlace(piece.begin));
  shareElements(me, piece.count(), [&](int64_t begin, int64_t end) {
    sumInto(me.targets, me.sources, begin, end);
  });
}

float *Collectives::memoryOf(int64_t device, const CollectiveLink &link) const {
  return devices[device].memory().floats(link.slots[link.memberOf(device)]);
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
