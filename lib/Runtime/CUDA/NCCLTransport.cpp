//===- NCCLTransport.cpp - Exchange between GPUs of several processes -------------===//

#include "lib/Runtime/CUDA/NCCLTransport.h"

#include "lib/Runtime/Launch/Agree.h"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace bitpipe;
using nccl::check;
using nccl::library;

namespace {

/// The ids of all groups, each made by its first member.
class Ids {
public:
  template <typename Groups> Ids(World &world, const Groups &groups, int64_t number) {
    std::string mine;
    auto make = [&](const auto &members) {
      if (members.front() != number)
        return;
      nccl::UniqueId id;
      check(library().getUniqueId(&id), "make the id of a communicator");
      mine.append(id.internal, sizeof(id.internal));
    };
    agree(world, [&] { // a rank may have no NCCL
      library();
      for (const auto &members : groups.pairs)
        make(members);
      for (const auto &members : groups.sums)
        make(members);
      make(groups.all);
    });
    ids = world.allGather(mine);
    used.resize(ids.size());
  }

  /// That of the next group, in the order in which they were made.
  nccl::UniqueId next(const std::vector<int64_t> &members) {
    auto first = size_t(members.front());
    nccl::UniqueId id;
    std::memcpy(id.internal, ids[first].data() + used[first]++ * sizeof(id), sizeof(id));
    return id;
  }

private:
  std::vector<std::string> ids; // by rank
  std::vector<size_t> used;
};

} // namespace

NCCLTransport::NCCLTransport(const Links &links, World &world, CUDADevice &device,
                             int64_t number, StepGraph *graph, bool walked)
    : links(links), device(device), number(number), graph(graph),
      hostCopies(links, device, number), timer(links, device, number), agreed(device.gpu()) {
  device.setTargets({device.numbers()});
  for (size_t i = 0; i < links.messages.size(); ++i)
    messages.emplace_back(device.gpu());
  for (size_t i = 0; i < links.collectives.size(); ++i)
    collectives.emplace_back(device.gpu());
  if (walked)
    marks.emplace(markOfNumbers() + 1, device.begunSteps(), joined("marks of device ", number));
  makeGroups(world);
}

NCCLTransport::~NCCLTransport() {
  cuda::driver().streamSynchronize(device.stream()); // which may have failed: no error here
  if (graph)
    graph->destroy();
  for (auto *groups : {&pairs, &sumGroups})
    for (auto &[members, group] : *groups)
      library().commDestroy(group.communicator);
  library().commDestroy(all->communicator);
}

/// Groups of all devices, the same on all ranks: pairs that exchange messages, groups that
/// sum, and all.
NCCLTransport::Groups NCCLTransport::groupsOf(const Links &links) {
  Groups groups;
  for (const MessageLink &link : links.messages)
    if (!link.isToHost())
      groups.pairs.insert({link.from, link.to});
  for (const CollectiveLink &link : links.collectives)
    groups.sums.insert(link.devices);
  groups.all.resize(links.devices.size());
  std::iota(groups.all.begin(), groups.all.end(), 0);
  return groups;
}

/// A group's first member makes its id. Groups come one after the other, so that all who
/// wait for the others in one wait in the same.
void NCCLTransport::makeGroups(World &world) {
  const GPU &gpu = device.gpu();
  gpu.use();
  device.stream().synchronize(); // memory is cleared there
  Groups groups = groupsOf(links);
  agree(world, [&] { checkBlocks(groups); });
  Ids ids(world, groups, number);
  for (const Members &members : groups.pairs)
    if (auto id = ids.next(members); isMember(members)) {
      Group &group = pairs.try_emplace(members, gpu, CUDAStream::High).first->second;
      join(group, members, id, pairBlocks);
      warmUpPair(group, members);
    }
  for (const Members &members : groups.sums)
    if (auto id = ids.next(members); isMember(members)) {
      Group &group = sumGroups.try_emplace(members, gpu, CUDAStream::Low).first->second;
      join(group, members, id, sumBlocks);
      warmUpGroup(group);
    }
  all = std::make_unique<Group>(gpu, CUDAStream::Low);
  join(*all, groups.all, ids.next(groups.all), numbersBlocks);
  warmUpGroup(*all);
}

bool NCCLTransport::isMember(const Members &members) const {
  return std::ranges::find(members, number) != members.end();
}

void NCCLTransport::checkBlocks(const Groups &groups) const {
  auto mine = [&](const Members &members) { return isMember(members); };
  auto pairCount = std::ranges::count_if(groups.pairs, mine);
  auto sumCount = std::ranges::count_if(groups.sums, mine);
  int64_t blocks = pairCount * pairBlocks + sumCount * sumBlocks + numbersBlocks;
  if (int64_t there = device.gpu().multiprocessors(); blocks > there)
    fail("error: device ", number, " has ", pairCount, " ways to exchange messages and is in ",
         sumCount, " groups that sum, for which up to ", blocks,
         " blocks of NCCL wait at once, and ", there, " multiprocessors on ",
         device.gpu().text(), ", expected one for each block, or one might never start");
}

void NCCLTransport::join(Group &group, const Members &members, const nccl::UniqueId &id,
                         int blocks) const {
  auto me = std::ranges::find(members, number) - members.begin();
  nccl::Config config;
  config.maxBlocks = blocks;
  check(library().commInitRank(&group.communicator, int(members.size()), id, int(me), &config),
        "make a communicator");
}

/// Connections are made at first use, which must not fall into a capture. The numbers of
/// a step are not there yet.
void NCCLTransport::warmUpPair(const Group &group, const Members &members) const {
  auto *place = reinterpret_cast<void *>(device.numbers());
  if (members.front() == number)
    check(library().send(place, 1, nccl::Int8, 1, group.communicator, group.stream), "send");
  else
    check(library().recv(place, 1, nccl::Int8, 0, group.communicator, group.stream), "receive");
  group.stream.synchronize();
}

/// What is added up is 0, and what is gathered: one number of each member.
void NCCLTransport::warmUpGroup(const Group &group) const {
  auto *place = reinterpret_cast<void *>(device.numbers());
  const nccl::Communicator &communicator = group.communicator;
  check(library().allReduce(place, place, 1, nccl::Float32, nccl::Sum, communicator,
                            group.stream),
        "sum");
  check(library().reduceScatter(place, place, 1, nccl::Float32, nccl::Sum, communicator,
                                group.stream),
        "sum slices");
  check(library().allGather(place, place, 1, nccl::Float32, communicator, group.stream),
        "gather");
  check(library().broadcast(place, place, 1, nccl::Float32, 0, communicator, group.stream),
        "gather a slice");
  group.stream.synchronize();
}

template <typename Start>
void NCCLTransport::start(Work &work, size_t mark, Marked marked, Group &group, Start begin) {
  work.ready.record(device.stream());
  group.stream.await(work.ready);
  begin();
  if (marked == Behind)
    work.complete.record(group.stream);
  marks->leave(mark, group.stream);
  work.marked.record(group.stream);
  if (marked == First)
    work.complete.record(group.stream);
  work.enqueued.advance();
}

void NCCLTransport::startMessage(int64_t, int64_t message) {
  const MessageLink &link = links.messages[message];
  if (link.isToHost())
    return hostCopies.start(message);
  Group &group = pairs.at({link.from, link.to});
  bool sends = link.from == number;
  void *place = device.memory().address(sends ? link.fromSlot : link.toSlot);
  auto bytes = size_t(link.bytes);
  start(messages[message], size_t(message), Behind, group, [&] {
    timer.begin(Wait::Message, message, group.stream);
    if (sends)
      check(library().send(place, bytes, nccl::Int8, 1, group.communicator, group.stream),
            "send");
    else
      check(library().recv(place, bytes, nccl::Int8, 0, group.communicator, group.stream),
            "receive");
    timer.end(Wait::Message, message, group.stream);
  });
}

static bool endsBeforeNumbers(const CollectiveLink &link) {
  return link.kind != Collective::AllGather;
}

void NCCLTransport::startCollective(int64_t) {
  const std::vector<int64_t> &order = links.devices[number].collectives;
  int64_t started = order[startedCollectives++ % order.size()];
  const CollectiveLink &link = links.collectives[started];
  Group &group = sumGroups.at(link.devices);
  start(collectives[started], messages.size() + size_t(started), endsBeforeNumbers(link) ? Behind : First,
        group, [&] {
          timer.begin(Wait::Collective, started, group.stream);
          collect(link, group);
          timer.end(Wait::Collective, started, group.stream);
        });
}

/// NCCL knows a slice in place by its address.
void NCCLTransport::collect(const CollectiveLink &link, const Group &group) const {
  size_t member = link.memberOf(number);
  float *all = device.memory().floats(link.slots[member]);
  auto [slot, begin] = link.placeOfSlice(member);
  float *mine = device.memory().floats(slot) + begin;
  auto slice = size_t(link.slice);
  switch (link.kind) {
  case Collective::AllReduce:
    return check(library().allReduce(all, all, size_t(link.elements), nccl::Float32, nccl::Sum,
                                     group.communicator, group.stream),
                 "sum");
  case Collective::ReduceScatter:
    return check(library().reduceScatter(all, mine, slice, nccl::Float32, nccl::Sum,
                                         group.communicator, group.stream),
                 "sum slices");
  case Collective::AllGather:
    if (!link.isEven())
      return broadcastSlices(link, group, mine, all);
    return check(library().allGather(mine, all, slice, nccl::Float32, group.communicator,
                                     group.stream),
                 "gather slices");
  }
}

/// Slices of different sizes, each from its owner.
void NCCLTransport::broadcastSlices(const CollectiveLink &link, const Group &group, const float *mine,
                                    float *all) const {
  check(library().groupStart(), "begin a group");
  for (size_t member = 0; member < link.devices.size(); ++member)
    if (Range slice = link.sliceOf(member); slice.count() > 0) {
      float *place = all + slice.begin;
      check(library().broadcast(link.devices[member] == number ? mine : place, place, size_t(slice.count()),
                                nccl::Float32, int(member), group.communicator, group.stream),
            "gather a slice");
    }
  check(library().groupEnd(), "gather slices");
}

/// As in PeerTransport.
Event NCCLTransport::completion(int64_t, const Wait &wait, uint32_t step) const {
  if (wait.kind == Wait::Message && links.messages[wait.index].isToHost())
    return hostCopies.completion(wait.index, wait.previousStep, step);
  const Work &work = wait.kind == Wait::Message ? messages[wait.index] : collectives[wait.index];
  if (wait.previousStep)
    return {&work.enqueued, 0, nullptr};
  return {&work.enqueued, step + 1, cuda::EventHandle(work.complete)};
}

/// What goes to hosts waits for no rank, and steps end with what they started.
std::optional<uint32_t> NCCLTransport::stepsPassed(int64_t, const Wait &wait) const {
  if (!marks || wait.previousStep ||
      (wait.kind == Wait::Message && links.messages[wait.index].isToHost()))
    return std::nullopt;
  return marks->steps(markOf(wait));
}

std::optional<uint32_t> NCCLTransport::stepsAgreed(int64_t) const {
  return marks ? std::optional(marks->steps(markOfNumbers())) : std::nullopt;
}

std::vector<std::vector<TimedWork>> NCCLTransport::collectiveTimes(int64_t) const {
  return timer.collectiveTimes();
}

/// After all messages and sums of this device, so that a step ends with what it started;
/// what it gathers comes later.
void NCCLTransport::contribute(int64_t, uint32_t) {
  for (size_t i = 0; i < messages.size(); ++i)
    if (const MessageLink &link = links.messages[i];
        !link.isToHost() && (link.from == number || link.to == number))
      all->stream.await(messages[i].marked);
  for (int64_t started : links.devices[number].collectives)
    if (endsBeforeNumbers(links.collectives[started]))
      all->stream.await(collectives[started].marked);
  auto count = size_t(device.numbersOfDevice());
  auto *numbers = reinterpret_cast<double *>(device.numbers());
  start(agreed, markOfNumbers(), First, *all, [&] {
    check(library().allGather(numbers + size_t(number) * count, numbers, count, nccl::Float64,
                              all->communicator, all->stream),
          "gather");
  });
}

Event NCCLTransport::agreement(uint32_t step) const {
  return {&agreed.enqueued, step + 1, cuda::EventHandle(agreed.complete)};
}
