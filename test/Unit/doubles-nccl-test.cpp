//===- doubles-nccl-test.cpp - What the double of NCCL finds ---------------------===//
//
// Small programs for two ranks, each a process, some right and some with one mistake: that must
// end both with an error, and what is said names what each called.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/Handles.h"
#include "lib/Runtime/Error.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace bitpipe;
using nccl::check;
using nccl::Float32;
using nccl::library;
using nccl::Sum;

namespace {

constexpr size_t count = 8, bytes = 2 * count * sizeof(float);

/// A communicator, with the stream that its operations are in.
struct Ring {
  Ring(const GPU &gpu, const std::string &name, int rank, int ranks = 2) : stream(gpu, CUDAStream::Low) {
    nccl::UniqueId id = {};
    std::snprintf(id.internal, sizeof(id.internal), "%s", name.c_str());
    nccl::Config config;
    config.maxBlocks = 1;
    check(library().commInitRank(&communicator, ranks, id, rank, &config), "make a communicator");
  }

  CUDAStream stream;
  nccl::Communicator communicator = nullptr;
};

struct Rank {
  const int number;
  const std::string name; // that no other case's communicators have
  GPU gpu{number};
  DeviceMemory memory{gpu, bytes, "a test"};
  PinnedMemory host{bytes, "a test"};
  void *from = reinterpret_cast<void *>(memory.begin());
  void *to = reinterpret_cast<void *>(memory.begin() + count * sizeof(float));

  Ring join(const char *which = "a") { return Ring(gpu, name + which, number); }
  /// Makes all connections, as bitpipe does before step 1.
  void connect(const Ring &ring) {
    sum(ring, 1);
    slices(ring, 1);
    gather(ring, 1);
    broadcast(ring, 0);
    message(ring, 1);
    ring.stream.synchronize();
  }
  /// Each rank has its number plus 1 everywhere.
  void fill(const Ring &ring) {
    for (size_t i = 0; i < 2 * count; ++i)
      reinterpret_cast<float *>(host.data())[i] = float(number + 1);
    cuda::check(cuda::driver().copyToDevice(memory.begin(), host.data(), bytes, ring.stream), "fill");
  }
  void sum(const Ring &ring, size_t count, nccl::Operation operation = Sum) {
    check(library().allReduce(from, to, count, Float32, operation, ring.communicator, ring.stream), "sum");
  }
  void slices(const Ring &ring, size_t count) {
    check(library().reduceScatter(from, to, count, Float32, Sum, ring.communicator, ring.stream), "slices");
  }
  void gather(const Ring &ring, size_t count, nccl::DataType type = Float32) {
    check(library().allGather(from, to, count, type, ring.communicator, ring.stream), "gather");
  }
  void broadcast(const Ring &ring, int root) {
    check(library().broadcast(from, to, count, Float32, root, ring.communicator, ring.stream), "broadcast");
  }
  void send(const Ring &ring, size_t count, nccl::DataType type = Float32) {
    check(library().send(from, count, type, 1 - number, ring.communicator, ring.stream), "send");
  }
  void receive(const Ring &ring, size_t count, nccl::DataType type = Float32) {
    check(library().recv(to, count, type, 1 - number, ring.communicator, ring.stream), "receive");
  }
  void message(const Ring &ring, size_t count) { number ? receive(ring, count) : send(ring, count); }
  /// What is in the second half.
  void expect(const Ring &ring, float value) {
    cuda::check(cuda::driver().copyToHost(host.data(), memory.begin(), bytes, ring.stream), "copy");
    ring.stream.synchronize();
    for (size_t i = count; i < 2 * count; ++i)
      if (float got = reinterpret_cast<float *>(host.data())[i]; got != value)
        fail("element ", i, " is ", got, ", expected ", value);
  }
  /// Captures `body`, and launches it twice.
  template <typename Body> void replay(const Ring &ring, Body body) {
    cuda::check(cuda::driver().streamBeginCapture(ring.stream, cuda::CaptureRelaxed), "begin");
    body();
    cuda::Graph graph;
    cuda::GraphExec exec;
    cuda::check(cuda::driver().streamEndCapture(ring.stream, &graph), "end");
    cuda::check(cuda::driver().graphInstantiate(&exec, graph, 0), "instantiate");
    for (int i = 0; i < 2; ++i)
      cuda::check(cuda::driver().graphLaunch(exec, ring.stream), "launch");
    ring.stream.synchronize();
  }
};

struct Case {
  const char *name;
  void (*program)(Rank &);
  /// What must be said; none: it is right.
  std::vector<const char *> said;
};

const Case cases[] = {
    {"a sum", [](Rank &rank) {
       Ring ring = rank.join();
       rank.fill(ring);
       rank.sum(ring, count);
       rank.expect(ring, 3);
     }, {}},
    {"all kinds, one after the other", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.fill(ring);
       rank.slices(ring, count / 2);
       rank.gather(ring, count / 2);
       rank.message(ring, count);
       rank.broadcast(ring, 1);
       rank.expect(ring, 2);
     }, {}},
    {"a graph of what was used before", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.fill(ring);
       rank.replay(ring, [&] {
         rank.message(ring, count);
         rank.sum(ring, count);
       });
       rank.expect(ring, 3);
     }, {}},
    {"sums of different sizes", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.sum(ring, rank.number ? count / 2 : count);
       ring.stream.synchronize();
     }, {"rank 0 of 2 calls ncclAllReduce(count 8, type 7, op 0), rank 1 calls ncclAllReduce(count 4, type 7, op 0)"}},
    {"the sum of one, the product of the other", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.sum(ring, count, nccl::Operation(rank.number));
       ring.stream.synchronize();
     }, {"op 0), rank 1 calls ncclAllReduce(count 8, type 7, op 1)"}},
    {"a sum meets a broadcast", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.number ? rank.broadcast(ring, 1) : rank.sum(ring, count);
       ring.stream.synchronize();
     }, {"rank 0 of 2 calls ncclAllReduce(count 8", "rank 1 calls ncclBroadcast(count 8, type 7, root 1)",
         "rank 1 of 2 calls ncclBroadcast(count 8"}},
    {"broadcasts of different roots", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.broadcast(ring, rank.number);
       ring.stream.synchronize();
     }, {"ncclBroadcast(count 8, type 7, root 0), rank 1 calls ncclBroadcast(count 8, type 7, root 1)"}},
    {"gathers of different types", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.gather(ring, 4, rank.number ? nccl::Int8 : Float32);
       ring.stream.synchronize();
     }, {"ncclAllGather(count 4, type 7), rank 1 calls ncclAllGather(count 4, type 0)"}},
    {"slices of different sizes", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.slices(ring, rank.number ? 2 : 4);
       ring.stream.synchronize();
     }, {"ncclReduceScatter(count 4, type 7, op 0), rank 1 calls ncclReduceScatter(count 2"}},
    {"a receive of less than was sent", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.message(ring, rank.number ? count / 2 : count);
       ring.stream.synchronize();
     }, {"rank 0 of 2 calls ncclSend(count 8, type 7, from rank 0), rank 1 calls ncclRecv(count 4"}},
    {"as many bytes, but of another type", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.number ? rank.receive(ring, 4 * count, nccl::Int8) : rank.send(ring, count);
       ring.stream.synchronize();
     }, {"ncclSend(count 8, type 7, from rank 0), rank 1 calls ncclRecv(count 32, type 0"}},
    {"two that send", [](Rank &rank) {
       Ring ring = rank.join();
       rank.send(ring, count);
       ring.stream.synchronize();
     }, {"rank 0 of 2 calls ncclSend(count 8, type 7, from rank 0), rank 1 calls ncclSend(count 8, type 7, from rank 1)"}},
    {"another order of launches", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.sum(ring, rank.number ? 4 : 8);
       rank.sum(ring, rank.number ? 8 : 4);
       ring.stream.synchronize();
     }, {"operation 5 of", "rank 0 of 2 calls ncclAllReduce(count 8", "rank 1 calls ncclAllReduce(count 4"}},
    {"the wrong communicator", [](Rank &rank) {
       Ring a = rank.join("a"), b = rank.join("b");
       rank.connect(a);
       rank.connect(b);
       rank.message(rank.number ? b : a, 8);
       rank.message(rank.number ? a : b, 4);
       a.stream.synchronize();
       b.stream.synchronize();
     }, {"rank 0 of 2 calls ncclSend(count ", "rank 1 of 2 calls ncclRecv(count ", "which do not match"}},
    {"a graph that does not match", [](Rank &rank) {
       Ring ring = rank.join();
       rank.connect(ring);
       rank.replay(ring, [&] { rank.sum(ring, rank.number ? 4 : 8); });
     }, {"operation 5 of", "ncclAllReduce(count 4"}},
    {"a first sum in a capture", [](Rank &rank) {
       Ring ring = rank.join();
       rank.gather(ring, 1);
       ring.stream.synchronize();
       rank.replay(ring, [&] { rank.sum(ring, count); });
     }, {"ncclAllReduce(count 8, type 7, op 0) is the first of its kind in its communicator"}},
    {"a first message in a capture, of another communicator than before", [](Rank &rank) {
       Ring a = rank.join("a"), b = rank.join("b");
       rank.message(a, 1);
       a.stream.synchronize();
       rank.replay(b, [&] { rank.message(b, count); });
     }, {"ncclSend(count 8, type 7, from rank 0) is the first", "ncclRecv(count 8, type 7, from rank 0) is the first"}},
    {"a first sum beside another communicator's", [](Rank &rank) {
       Ring a = rank.join("a"), b = rank.join("b");
       rank.connect(a);
       rank.sum(a, count);
       rank.sum(b, count);
     }, {"ncclAllReduce(count 8, type 7, op 0) makes connections while operations of another communicator"}},
    {"a communicator begun beside another one's sum", [](Rank &rank) {
       Ring a = rank.join("a");
       rank.connect(a);
       rank.sum(a, count);
       Ring b = rank.join("b");
     }, {"a communicator begins while operations of another one are under way"}},
    {"communicators begun in another order", [](Rank &rank) {
       setenv("BITPIPE_DOUBLES_MEETING", "1", /*replace=*/1);
       Ring first = rank.join(rank.number ? "b" : "a"), second = rank.join(rank.number ? "a" : "b");
     }, {"rank 0 of 2 is in ncclCommInitRank(count 2), to which did not come: 1",
         "rank 1 of 2 is in ncclCommInitRank(count 2), to which did not come: 0"}},
    {"first messages that wait for each other", [](Rank &rank) {
       setenv("BITPIPE_DOUBLES_MEETING", "1", /*replace=*/1);
       Ring a = rank.join("a"), b = rank.join("b");
       rank.message(rank.number ? b : a, 1);
       rank.message(rank.number ? a : b, 1);
     }, {"rank 0 of 2 is in ncclSend(count 1, type 7, from rank 0), to which did not come: 1",
         "rank 1 of 2 is in ncclRecv(count 1, type 7, from rank 0), to which did not come: 0"}},
    {"two of four that do not come", [](Rank &rank) {
       setenv("BITPIPE_DOUBLES_MEETING", "1", /*replace=*/1);
       Ring ring(rank.gpu, rank.name, 2 * rank.number, 4);
     }, {"rank 0 of 4 is in ncclCommInitRank(count 4), to which did not come: 1 3",
         "rank 2 of 4 is in ncclCommInitRank(count 4), to which did not come: 1 3"}},
    {"communicators of different sizes", [](Rank &rank) {
       Ring ring(rank.gpu, rank.name, rank.number, rank.number ? 2 : 3);
     }, {"rank 0 of 3 calls ncclCommInitRank(count 3), rank 1 calls ncclCommInitRank(count 2)", "rank 1 of 2 calls ncclCommInitRank(count 2), rank 0 calls ncclCommInitRank(count 3)"}},
    {"two with the same rank", [](Rank &rank) {
       setenv("BITPIPE_DOUBLES_MEETING", "1", /*replace=*/1);
       Ring ring(rank.gpu, rank.name, 0);
     }, {"rank 0 of communicator", "comes twice"}},
};

[[noreturn]] void runRank(const Case &one, int number, const std::string &name, const std::string &output) {
  alarm(100); // a hang is no error that is told
  if (!std::freopen(output.c_str(), "a", stderr))
    std::_Exit(2);
  try {
    Rank &rank = *new Rank{number, name}; // the process ends with it
    one.program(rank);
    std::_Exit(0);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::fflush(stderr);
    std::_Exit(1);
  }
}

/// What both ranks said, and whether each ended as it should.
bool ends(const Case &one, const std::string &name, std::string &said) {
  std::string output = "/tmp/" + name + ".txt";
  pid_t children[2];
  for (int number = 0; number < 2; ++number)
    if ((children[number] = fork()) == 0)
      runRank(one, number, name, output);
  bool right = true;
  for (pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    right &= WIFEXITED(status) && WEXITSTATUS(status) == (one.said.empty() ? 0 : 1);
  }
  std::stringstream text;
  text << std::ifstream(output).rdbuf();
  said = text.str();
  unlink(output.c_str());
  return right;
}

} // namespace

int main() {
  setenv("BITPIPE_DOUBLES_DEVICES", "2", /*replace=*/1);
  int wrong = 0, number = 0;
  for (const Case &one : cases) {
    std::printf("%s\n", one.name);
    std::fflush(stdout);
    std::string said, name = "bitpipe-nccl-test-" + std::to_string(getpid()) + "-" + std::to_string(number++);
    bool right = ends(one, name, said);
    for (const char *text : one.said)
      right &= said.find(text) != std::string::npos;
    if (!right) {
      std::printf("error: expected it to %s\n%s", one.said.empty() ? "run" : "fail and say why", said.c_str());
      ++wrong;
    }
    std::string files = "rm -f /dev/shm/" + name + "*"; // which a mistake leaves there
    wrong += std::system(files.c_str()) != 0;
  }
  return wrong != 0;
}
