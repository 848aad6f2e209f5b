//===- NCCL.cpp - NCCL without a GPU --------------------------------------------===//
//
// Ranks are processes of this host, which exchange files in shared memory. Operations of
// a communicator run in the order in which they were started; a send ends when it has
// been received; all members of a collective must have come to it. They add up in the
// order of ranks.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/NCCLTypes.h"
#include "test/Doubles/Streams.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace doubles;
using namespace bitpipe::nccl;
namespace fs = std::filesystem;

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

struct Group {
  std::string name;
  int rank, ranks;
  uint64_t started = 0; // operations
  std::vector<std::shared_ptr<Captured>> captures = {}; // that hold some of them
};

Group *of(Communicator communicator) { return reinterpret_cast<Group *>(communicator); }

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

/// BITPIPE_DOUBLES_EXCHANGE: another folder, for runs that end early and leave files there.
std::string pathOf(const std::string &name) {
  static const char *given = std::getenv("BITPIPE_DOUBLES_EXCHANGE");
  return (given ? std::string(given) : "/dev/shm") + "/" + name;
}

/// What a rank gives to an operation.
std::string fileOf(const Group &group, uint64_t operation, int rank) {
  return pathOf(group.name + "." + std::to_string(operation) + "." + std::to_string(rank));
}

void give(const std::string &path, const char *data, size_t bytes) {
  std::ofstream(path + "~", std::ios::binary).write(data, std::streamsize(bytes));
  fs::rename(path + "~", path);
}

std::string take(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

size_t bytesOf(DataType type) { return type == Int8 ? 1 : type == Float32 ? 4 : 8; }


Status put(Group *group, bitpipe::cuda::Stream stream, Work work) {
  if (std::shared_ptr<Captured> graph = captureOf(stream))
    group->captures.push_back(graph);
  return enqueue(stream, std::move(work)) == bitpipe::cuda::Success ? Success : Status(1);
}

bool allHaveCome(const Group &group, uint64_t operation) {
  for (int rank = 0; rank < group.ranks; ++rank)
    if (!fs::exists(fileOf(group, operation, rank)))
      return false;
  return true;
}

/// Gives this rank's part, then waits for all and works on their parts. Whoever is at an
/// operation has ended the one before, so that nobody reads the one before that.
Status collect(Group *group, const void *mine, size_t bytes, bitpipe::cuda::Stream stream,
               std::function<std::optional<std::string>(std::vector<std::string>)> finish) {
  auto operation = std::make_shared<uint64_t>();
  Status status = put(group, stream, {"a collective's part", nullptr, [=]() -> std::optional<std::string> {
                                 char *there = nullptr;
                                 if (auto wrong = translate(mine, bytes, false, there))
                                   return wrong;
                                 *operation = group->started++;
                                 if (*operation >= 2)
                                   fs::remove(fileOf(*group, *operation - 2, group->rank));
                                 give(fileOf(*group, *operation, group->rank), there, bytes);
                                 return std::nullopt;
                               }});
  if (status != Success)
    return status;
  return put(group, stream, {"a collective", [=] { return allHaveCome(*group, *operation); },
                      [=] {
                        std::vector<std::string> parts;
                        for (int rank = 0; rank < group->ranks; ++rank)
                          parts.push_back(take(fileOf(*group, *operation, rank)));
                        return finish(std::move(parts));
                      }});
}

} // namespace

EXPORT Status ncclGetVersion(int *version) {
  const char *given = std::getenv("BITPIPE_DOUBLES_NCCL");
  *version = given ? std::atoi(given) : 22809;
  return Success;
}
EXPORT const char *ncclGetErrorString(Status) { return "an error of the doubles"; }
EXPORT const char *ncclGetLastError(Communicator) { return ""; }
EXPORT Status ncclGetUniqueId(UniqueId *id) {
  static std::atomic<int> count = 0;
  std::memset(id->internal, 0, sizeof(id->internal));
  std::snprintf(id->internal, sizeof(id->internal), "bitpipe-nccl-%d-%d", int(getpid()),
                count++);
  return Success;
}
EXPORT Status ncclCommInitRankConfig(Communicator *communicator, int ranks, UniqueId id, int rank,
                                     Config *config) {
  if (config->magic != 0xcafebeef || config->maxBlocks < 1 || config->blocking == 0)
    return Status(4);
  wakeStreams();
  *communicator = reinterpret_cast<Communicator>(new Group{id.internal, rank, ranks});
  return Success;
}
/// Nobody's last part goes before all have read it: each leaves a mark, and the first
/// rank, which goes last, takes the marks away.
EXPORT Status ncclCommDestroy(Communicator communicator) {
  const Group &group = *of(communicator);
  for (const std::shared_ptr<Captured> &capture : group.captures)
    if (capture->handles > 0) {
      std::fprintf(stderr, "doubles: a communicator ends before a graph that uses it, for which "
                           "NCCL waits\n");
      std::abort();
    }
  std::error_code ignored;
  auto mark = [&](int rank, const char *what) {
    return pathOf(group.name + "." + what + "." + std::to_string(rank));
  };
  auto awaitAll = [&](const char *what) {
    for (int rank = 0, tries = 0; rank < group.ranks && tries < 10'000;)
      if (fs::exists(mark(rank, what), ignored))
        ++rank;
      else
        ++tries, std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  give(mark(group.rank, "ends"), "", 0);
  awaitAll("ends");
  for (uint64_t i = group.started >= 2 ? group.started - 2 : 0; i < group.started; ++i)
    fs::remove(fileOf(group, i, group.rank), ignored);
  give(mark(group.rank, "ended"), "", 0);
  if (group.rank != 0)
    return Success;
  awaitAll("ended");
  for (int rank = 0; rank < group.ranks; ++rank)
    for (const char *what : {"ends", "ended"})
      fs::remove(mark(rank, what), ignored);
  return Success;
}

EXPORT Status ncclSend(const void *data, size_t count, DataType type, int peer,
                       Communicator communicator, bitpipe::cuda::Stream stream) {
  Group *group = of(communicator);
  auto path = std::make_shared<std::string>();
  size_t bytes = count * bytesOf(type);
  if (peer == group->rank || peer >= group->ranks)
    return Status(4);
  if (loses())
    return Success;
  Status status = put(group, stream, {"a send", nullptr, [=]() -> std::optional<std::string> {
                                 char *there = nullptr;
                                 if (auto wrong = translate(data, bytes, false, there))
                                   return wrong;
                                 *path = fileOf(*group, group->started++, peer);
                                 give(*path, there, bytes);
                                 return std::nullopt;
                               }});
  if (status != Success)
    return status;
  return put(group, stream, {"the end of a send", [=] { return !fs::exists(*path); },
                      []() -> std::optional<std::string> { return std::nullopt; }});
}

EXPORT Status ncclRecv(void *data, size_t count, DataType type, int, Communicator communicator,
                       bitpipe::cuda::Stream stream) {
  Group *group = of(communicator);
  size_t bytes = count * bytesOf(type);
  return put(group, stream, {"a receive",
                      [=] { return fs::exists(fileOf(*group, group->started, group->rank)); },
                      [=]() -> std::optional<std::string> {
                        std::string path = fileOf(*group, group->started++, group->rank);
                        std::string got = take(path);
                        fs::remove(path);
                        if (got.size() != bytes)
                          return "a receive of " + std::to_string(bytes) +
                                 " bytes meets a send of " + std::to_string(got.size());
                        char *there = nullptr;
                        if (auto wrong = translate(data, bytes, true, there))
                          return wrong;
                        std::memcpy(there, got.data(), bytes);
                        return std::nullopt;
                      }});
}

EXPORT Status ncclAllReduce(const void *from, void *to, size_t count, DataType type,
                            bitpipe::nccl::Operation, Communicator communicator, bitpipe::cuda::Stream stream) {
  if (type != Float32)
    return Status(4);
  size_t bytes = count * sizeof(float);
  return collect(of(communicator), from, bytes, stream,
                 [=](std::vector<std::string> parts) -> std::optional<std::string> {
                   char *there = nullptr;
                   if (auto wrong = translate(to, bytes, true, there))
                     return wrong;
                   auto *sum = reinterpret_cast<float *>(there);
                   for (size_t i = 0; i < count; ++i) {
                     sum[i] = reinterpret_cast<const float *>(parts[0].data())[i];
                     for (size_t rank = 1; rank < parts.size(); ++rank)
                       sum[i] += reinterpret_cast<const float *>(parts[rank].data())[i];
                   }
                   return std::nullopt;
                 });
}

/// Every rank gives all, and takes the sum of its slice.
EXPORT Status ncclReduceScatter(const void *from, void *to, size_t count, DataType type,
                                bitpipe::nccl::Operation, Communicator communicator,
                                bitpipe::cuda::Stream stream) {
  if (type != Float32)
    return Status(4);
  Group *group = of(communicator);
  size_t bytes = count * sizeof(float);
  return collect(group, from, bytes * size_t(group->ranks), stream,
                 [=](std::vector<std::string> parts) -> std::optional<std::string> {
                   char *there = nullptr;
                   if (auto wrong = translate(to, bytes, true, there))
                     return wrong;
                   auto *sum = reinterpret_cast<float *>(there);
                   size_t first = size_t(group->rank) * count;
                   for (size_t i = 0; i < count; ++i) {
                     sum[i] = reinterpret_cast<const float *>(parts[0].data())[first + i];
                     for (size_t rank = 1; rank < parts.size(); ++rank)
                       sum[i] += reinterpret_cast<const float *>(parts[rank].data())[first + i];
                   }
                   return std::nullopt;
                 });
}

EXPORT Status ncclAllGather(const void *from, void *to, size_t count, DataType type,
                            Communicator communicator, bitpipe::cuda::Stream stream) {
  size_t bytes = count * bytesOf(type);
  Group *group = of(communicator);
  return collect(group, from, bytes, stream,
                 [=](std::vector<std::string> parts) -> std::optional<std::string> {
                   char *there = nullptr;
                   if (auto wrong = translate(to, bytes * size_t(group->ranks), true, there))
                     return wrong;
                   for (size_t rank = 0; rank < parts.size(); ++rank)
                     std::memcpy(there + rank * bytes, parts[rank].data(), bytes);
                   return std::nullopt;
                 });
}

/// Only the root gives something.
EXPORT Status ncclBroadcast(const void *from, void *to, size_t count, DataType type, int root,
                            Communicator communicator, bitpipe::cuda::Stream stream) {
  size_t bytes = count * bytesOf(type);
  Group *group = of(communicator);
  if (root < 0 || root >= group->ranks)
    return Status(4);
  bool gives = root == group->rank;
  return collect(group, gives ? from : to, gives ? bytes : 0, stream,
                 [=](std::vector<std::string> parts) -> std::optional<std::string> {
                   const std::string &given = parts[size_t(root)];
                   if (given.size() != bytes)
                     return "a broadcast of " + std::to_string(given.size()) + " bytes meets one of " +
                            std::to_string(bytes);
                   char *there = nullptr;
                   if (auto wrong = translate(to, bytes, true, there))
                     return wrong;
                   std::memcpy(there, given.data(), bytes);
                   return std::nullopt;
                 });
}

/// What is started within a group runs in its order, which is one of those that NCCL may take.
static thread_local int openGroups = 0;
EXPORT Status ncclGroupStart() {
  ++openGroups;
  return Success;
}
EXPORT Status ncclGroupEnd() { return openGroups-- > 0 ? Success : Status(5); }
