//===- NCCL.cpp - NCCL without a GPU --------------------------------------------===//
//
// The functions of lib/Runtime/CUDA/NCCLFunctions.inc, for ranks that are processes of this
// host (NCCLGroup.h). Sums are added up in the order of ranks. What the real NCCL would let
// pass, and hang or compute something else, fails with a line on stderr.
//
//===----------------------------------------------------------------------===//

#include "test/Doubles/NCCLGroup.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace doubles;
using namespace bitpipe::nccl;

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

constexpr Status unhandledCuda = Status(1), invalidArgument = Status(4), invalidUsage = Status(5),
                 remoteError = Status(6);

Group *of(Communicator communicator) { return reinterpret_cast<Group *>(communicator); }

Status refuse(Status status, const std::string &why) {
  std::fprintf(stderr, "doubles: %s\n", why.c_str());
  return status;
}

/// BITPIPE_DOUBLES_LOSE=N: the N-th send of this process, from 0, is left out.
bool loses() {
  static const char *given = std::getenv("BITPIPE_DOUBLES_LOSE");
  static std::atomic<int> sends = 0;
  return given && sends++ == std::atoi(given);
}

/// What other processes do tells no stream that it may go on.
void wakeStreams() {
  static std::thread &waker = *new std::thread([] {
    while (true) {
      std::this_thread::sleep_for(std::chrono::microseconds(300));
      std::unique_lock<std::mutex> lock(Engine::get().mutex);
      Engine::get().changed.notify_all();
    }
  });
  (void)waker;
}

size_t bytesOf(DataType type) { return type == Int8 ? 1 : type == Float32 ? 4 : 8; }

/// BITPIPE_DOUBLES_NCCL: a mistake that this rank makes.
bool makes(const char *mistake) {
  static const char *const given = std::getenv("BITPIPE_DOUBLES_NCCL");
  return given && std::strcmp(given, mistake) == 0;
}

/// The communicators of this process.
std::set<Group *> groups;

bool othersAreUnderWay(const Group *group) {
  std::unique_lock<std::mutex> lock(Engine::get().mutex);
  return std::ranges::any_of(groups, [&](const Group *other) {
    return other != group && !other->isAtRest(Engine::get().host);
  });
}

/// Makes the connections that a call needs; says why they cannot be made.
std::optional<std::string> connect(Group *group, const Call &call, bool isCaptured) {
  if (group->isConnected(call))
    return std::nullopt;
  if (isCaptured)
    return call.text() + " is the first of its kind in its communicator and falls into a capture, "
                         "but connections are made at first use";
  if (othersAreUnderWay(group))
    return call.text() + " makes connections while operations of another communicator are under "
                         "way, and they may wait for each other";
  return group->connect(call);
}

using Finish = std::function<std::optional<std::string>(const std::vector<std::string> &)>;

/// Gives this rank's part of a call, then waits for all and works on their parts.
Status meet(Group *group, const Call &call, const void *mine, size_t bytes, bitpipe::cuda::Stream stream,
            Finish finish) {
  std::shared_ptr<Captured> graph = captureOf(stream);
  if (graph && makes("cold"))
    group->forgetConnections();
  if (auto wrong = connect(group, call, graph != nullptr))
    return refuse(remoteError, *wrong);
  if (graph)
    group->captures.push_back(graph);
  else
    ++group->asked;
  auto operation = std::make_shared<uint64_t>();
  Work part{"a part of NCCL", nullptr, [=]() -> std::optional<std::string> {
              char *there = nullptr;
              if (auto wrong = translate(mine, bytes, false, there); bytes > 0 && wrong)
                return wrong;
              *operation = group->post(call, there, bytes);
              return std::nullopt;
            }};
  bool isCaptured = graph != nullptr; // a graph is not to hold itself
  Work all{"an operation of NCCL", [=] { return group->allHaveCome(*operation); },
           [=]() -> std::optional<std::string> {
             std::vector<std::string> parts;
             const doubles::Operation &now = Engine::get().memory.current();
             if (!isCaptured)
               ++group->ended, group->lastEnd = {now.lane, now.clock[now.lane]};
             if (auto wrong = group->collect(*operation, call, parts))
               return wrong;
             return finish(parts);
           }};
  for (Work &work : {std::ref(part), std::ref(all)})
    if (enqueue(stream, std::move(work)) != bitpipe::cuda::Success)
      return unhandledCuda;
  return Success;
}

/// Adds up what the ranks gave, from one place on.
Finish sumInto(void *to, size_t count, size_t first) {
  return [=](const std::vector<std::string> &parts) -> std::optional<std::string> {
    char *there = nullptr;
    if (auto wrong = translate(to, count * sizeof(float), true, there))
      return wrong;
    auto *sum = reinterpret_cast<float *>(there);
    for (size_t i = 0; i < count; ++i) {
      sum[i] = reinterpret_cast<const float *>(parts[0].data())[first + i];
      for (size_t rank = 1; rank < parts.size(); ++rank)
        sum[i] += reinterpret_cast<const float *>(parts[rank].data())[first + i];
    }
    return std::nullopt;
  };
}

/// Takes what some ranks gave, one after the other.
Finish copyInto(void *to, size_t first, size_t end) {
  return [=](const std::vector<std::string> &parts) -> std::optional<std::string> {
    std::string all;
    for (size_t rank = first; rank < end; ++rank)
      all += parts[rank];
    char *there = nullptr;
    if (auto wrong = translate(to, all.size(), true, there))
      return wrong;
    std::memcpy(there, all.data(), all.size());
    return std::nullopt;
  };
}

/// Only between two, whose operations are numbered alike.
bool isMessage(const Group &group, int peer) { return group.ranks == 2 && peer == 1 - group.rank; }

} // namespace

EXPORT Status ncclGetVersion(int *version) {
  const char *given = std::getenv("BITPIPE_DOUBLES_NCCL_VERSION");
  *version = given ? std::atoi(given) : 22809;
  return Success;
}
EXPORT const char *ncclGetErrorString(Status) { return "an error of the doubles"; }
EXPORT const char *ncclGetLastError(Communicator) { return ""; }
/// No other process, before or after, has the same.
EXPORT Status ncclGetUniqueId(UniqueId *id) {
  static std::atomic<int> count = 0;
  std::memset(id->internal, 0, sizeof(id->internal));
  std::snprintf(id->internal, sizeof(id->internal), "bitpipe-nccl-%d-%d-%llx", int(getpid()), count++,
                (unsigned long long)(std::chrono::system_clock::now().time_since_epoch().count()));
  return Success;
}
EXPORT Status ncclCommInitRankConfig(Communicator *communicator, int ranks, UniqueId id, int rank,
                                     Config *config) {
  if (config->magic != 0xcafebeef || config->maxBlocks < 1 || config->blocking == 0 || rank < 0 ||
      rank >= ranks)
    return invalidArgument;
  wakeStreams();
  auto *group = new Group(id.internal, rank, ranks);
  *communicator = reinterpret_cast<Communicator>(group);
  if (othersAreUnderWay(group))
    return refuse(remoteError, "a communicator begins while operations of another one are under way, "
                               "and they may wait for each other");
  if (auto wrong = group->begin())
    return refuse(remoteError, *wrong);
  groups.insert(group);
  return Success;
}
EXPORT Status ncclCommDestroy(Communicator communicator) {
  for (const std::shared_ptr<Captured> &capture : of(communicator)->captures)
    if (capture->handles > 0) {
      refuse(invalidUsage, "a communicator ends before a graph that uses it, for which NCCL waits");
      std::abort();
    }
  of(communicator)->end();
  groups.erase(of(communicator));
  return Success;
}

EXPORT Status ncclSend(const void *data, size_t count, DataType type, int peer,
                       Communicator communicator, bitpipe::cuda::Stream stream) {
  Group *group = of(communicator);
  if (!isMessage(*group, peer))
    return refuse(invalidArgument, "a send goes to the other rank of a communicator of two");
  if (loses())
    return Success;
  return meet(group, {Call::Send, count, type, -1, group->rank}, data, count * bytesOf(type), stream,
              [](const std::vector<std::string> &) { return std::nullopt; });
}

EXPORT Status ncclRecv(void *data, size_t count, DataType type, int peer, Communicator communicator,
                       bitpipe::cuda::Stream stream) {
  Group *group = of(communicator);
  if (!isMessage(*group, peer))
    return refuse(invalidArgument, "a receive is from the other rank of a communicator of two");
  return meet(group, {Call::Receive, count, type, -1, peer}, nullptr, 0, stream,
              copyInto(data, size_t(peer), size_t(peer) + 1));
}

/// Only the root gives something.
EXPORT Status ncclBroadcast(const void *from, void *to, size_t count, DataType type, int root,
                            Communicator communicator, bitpipe::cuda::Stream stream) {
  Group *group = of(communicator);
  if (root < 0 || root >= group->ranks)
    return invalidArgument;
  return meet(group, {Call::Broadcast, count, type, -1, root}, from,
              root == group->rank ? count * bytesOf(type) : 0, stream,
              copyInto(to, size_t(root), size_t(root) + 1));
}

EXPORT Status ncclAllReduce(const void *from, void *to, size_t count, DataType type,
                            bitpipe::nccl::Operation operation, Communicator communicator,
                            bitpipe::cuda::Stream stream) {
  if (type != Float32)
    return invalidArgument;
  if (count > 1 && makes("kind"))
    return ncclBroadcast(from, to, count, type, of(communicator)->rank, communicator, stream);
  if (count > 1 && makes("short"))
    count /= 2;
  return meet(of(communicator), {Call::AllReduce, count, type, operation}, from,
              count * sizeof(float), stream, sumInto(to, count, 0));
}

/// Every rank gives all, and takes the sum of its slice.
EXPORT Status ncclReduceScatter(const void *from, void *to, size_t count, DataType type,
                                bitpipe::nccl::Operation operation, Communicator communicator,
                                bitpipe::cuda::Stream stream) {
  if (type != Float32)
    return invalidArgument;
  Group *group = of(communicator);
  return meet(group, {Call::ReduceScatter, count, type, operation}, from,
              count * sizeof(float) * size_t(group->ranks), stream,
              sumInto(to, count, size_t(group->rank) * count));
}

EXPORT Status ncclAllGather(const void *from, void *to, size_t count, DataType type,
                            Communicator communicator, bitpipe::cuda::Stream stream) {
  Group *group = of(communicator);
  return meet(group, {Call::AllGather, count, type}, from, count * bytesOf(type), stream,
              copyInto(to, 0, size_t(group->ranks)));
}

/// What is started within a group runs in its order, which is one of those that NCCL may take.
static thread_local int openGroups = 0;
EXPORT Status ncclGroupStart() {
  ++openGroups;
  return Success;
}
EXPORT Status ncclGroupEnd() { return openGroups-- > 0 ? Success : invalidUsage; }
