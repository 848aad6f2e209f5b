//===- doubles-test.cpp - What the doubles of CUDA find ------------------------===//
//
// Small programs for two streams, some right and some with one mistake, each in a
// process of its own: a mistake must end it with an error, whether or not it shows.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/Handles.h"
#include "lib/Runtime/Error.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sys/wait.h>
#include <unistd.h>

using namespace bitpipe;
using cuda::check;
using cuda::driver;

namespace {

constexpr size_t bytes = 4096;

/// Two streams, memory of the device and of the host.
struct Machine {
  GPU gpu{0};
  CUDAStream one{gpu, CUDAStream::Low}, two{gpu, CUDAStream::High};
  CUDAEvent event{gpu}, other{gpu};
  DeviceMemory a{gpu, bytes, "a"}, b{gpu, bytes, "b"};
  PinnedMemory host{bytes, "a test"};

  void fill(const CUDAStream &stream, const DeviceMemory &memory, int value) {
    check(driver().fillBytes(memory.begin(), uint8_t(value), bytes, stream), "fill");
  }
  void copy(const CUDAStream &stream, const DeviceMemory &from, const DeviceMemory &to) {
    check(driver().copy(to.begin(), from.begin(), bytes, stream), "copy");
  }
  void toHost(const CUDAStream &stream, const DeviceMemory &from) {
    check(driver().copyToHost(host.data(), from.begin(), bytes, stream), "copy to the host");
  }
  void fromHost(const CUDAStream &stream, const DeviceMemory &to) {
    check(driver().copyToDevice(to.begin(), host.data(), bytes, stream), "copy from the host");
  }
  void end() {
    one.synchronize();
    two.synchronize();
  }
};

using Program = void (*)(Machine &);

void eventBetween(Machine &m) {
  m.fill(m.one, m.a, 7);
  m.event.record(m.one);
  m.two.await(m.event);
  m.copy(m.two, m.a, m.b);
  check(driver().copyToHost(m.host.data(), m.b.begin(), bytes, m.two), "copy");
  m.end();
  for (size_t i = 0; i < bytes; ++i)
    if (m.host.data()[i] != 7)
      fail("byte ", i, " is ", int(m.host.data()[i]));
}
void hostBetween(Machine &m) {
  m.fill(m.one, m.a, 1);
  m.one.synchronize();
  m.copy(m.two, m.a, m.b);
  m.end();
}
void eventMissing(Machine &m) {
  m.fill(m.one, m.a, 1);
  m.copy(m.two, m.a, m.b);
  m.end();
}
void eventOfOtherStream(Machine &m) {
  m.fill(m.one, m.a, 1);
  m.event.record(m.two);
  m.two.await(m.event);
  m.copy(m.two, m.a, m.b);
  m.end();
}
void eventTooEarly(Machine &m) {
  m.event.record(m.one);
  m.fill(m.one, m.a, 1);
  m.two.await(m.event);
  m.copy(m.two, m.a, m.b);
  m.end();
}
void waitTooLate(Machine &m) {
  m.fill(m.one, m.a, 1);
  m.event.record(m.one);
  m.copy(m.two, m.a, m.b);
  m.two.await(m.event);
  m.end();
}
/// The reader is asked for before the next writer, which does not wait for it.
void reusedEarly(Machine &m) {
  eventBetween(m);
  m.copy(m.two, m.a, m.b);
  m.fill(m.one, m.a, 2);
  m.end();
}
void reusedInTime(Machine &m) {
  m.fill(m.one, m.a, 1);
  m.event.record(m.one);
  m.two.await(m.event);
  m.copy(m.two, m.a, m.b);
  m.other.record(m.two);
  m.one.await(m.other);
  m.fill(m.one, m.a, 2);
  m.end();
}
void outside(Machine &m) {
  check(driver().fillBytes(m.a.begin() + 1, 0, bytes, m.one), "fill");
  m.end();
}
void afterFree(Machine &m) {
  auto memory = std::make_unique<DeviceMemory>(m.gpu, bytes, "c");
  auto begin = memory->begin();
  memory.reset();
  check(driver().fillBytes(begin, 0, bytes, m.one), "fill");
  m.end();
}
void hostFollowsPointer(Machine &m) { std::memset(reinterpret_cast<void *>(m.a.begin()), 0, 1); }
void copyFromUnpinned(Machine &m) {
  char memory[16] = {};
  check(driver().copyToDevice(m.a.begin(), memory, sizeof(memory), m.one), "copy");
}

void hostAndBack(Machine &m) {
  m.fill(m.one, m.a, 5);
  m.toHost(m.one, m.a);
  m.event.record(m.one);
  m.two.await(m.event);
  m.fromHost(m.two, m.b);
  m.end();
}
/// What comes back has perhaps not left.
void backTooEarly(Machine &m) {
  m.fill(m.one, m.a, 5);
  m.toHost(m.one, m.a);
  m.fromHost(m.two, m.b);
  m.end();
}
/// What leaves comes over what has perhaps not come back.
void hostUsedAgainTooEarly(Machine &m) {
  hostAndBack(m);
  m.fromHost(m.two, m.b);
  m.toHost(m.one, m.a);
  m.end();
}
void hostGives(Machine &m, int value) {
  std::memset(m.host.data(), value, bytes);
  m.fromHost(m.one, m.a);
}
void hostGivesInTime(Machine &m) {
  for (int value : {1, 2, 3}) {
    hostGives(m, value);
    m.event.record(m.one);
    check(driver().eventSynchronize(m.event), "wait");
  }
  m.end();
}
/// What the first copy is to read is perhaps what the second one is.
void hostGivesTooEarly(Machine &m) {
  hostGives(m, 1);
  hostGives(m, 2);
  m.end();
}
void pinnedTooShort(Machine &m) {
  check(driver().copyToHost(m.host.data() + 1, m.a.begin(), bytes, m.one), "copy");
}
void eventOfOtherGPU(Machine &m) {
  GPU other(1);
  CUDAEvent event(other);
  event.record(m.one);
}

/// Captures `body` on both streams and launches it twice.
void replay(Machine &m, Program body) {
  check(driver().streamBeginCapture(m.one, cuda::CaptureRelaxed), "begin");
  body(m);
  cuda::Graph graph;
  cuda::GraphExec exec;
  check(driver().streamEndCapture(m.one, &graph), "end");
  check(driver().graphInstantiate(&exec, graph, 0), "instantiate");
  for (int i = 0; i < 2; ++i)
    check(driver().graphLaunch(exec, m.one), "launch");
  m.end();
}
void graphOfTwo(Machine &m) {
  replay(m, [](Machine &m) {
    m.fill(m.one, m.a, 1);
    m.event.record(m.one);
    m.two.await(m.event);
    m.copy(m.two, m.a, m.b);
    m.other.record(m.two);
    m.one.await(m.other);
  });
}
void graphEdgeMissing(Machine &m) {
  replay(m, [](Machine &m) {
    m.event.record(m.one);
    m.two.await(m.event);
    m.fill(m.one, m.a, 1);
    m.copy(m.two, m.a, m.b);
    m.other.record(m.two);
    m.one.await(m.other);
  });
}
/// A graph keeps no memory: what it copies to must live as long as it is launched.
void graphOutlivesPinned(Machine &m) {
  auto host = std::make_unique<PinnedMemory>(bytes, "a graph");
  check(driver().streamBeginCapture(m.one, cuda::CaptureRelaxed), "begin");
  check(driver().copyToHost(host->data(), m.a.begin(), bytes, m.one), "copy");
  cuda::Graph graph;
  cuda::GraphExec exec;
  check(driver().streamEndCapture(m.one, &graph), "end");
  check(driver().graphInstantiate(&exec, graph, 0), "instantiate");
  host.reset();
  check(driver().graphLaunch(exec, m.one), "launch");
  m.end();
}
void graphOfHost(Machine &m) {
  replay(m, [](Machine &m) {
    m.fill(m.one, m.a, 1);
    m.event.record(m.one);
    m.two.await(m.event);
    m.toHost(m.two, m.a);
    m.other.record(m.two);
    m.one.await(m.other);
    m.fromHost(m.one, m.b);
  });
}
/// A scalar of a graph, which is written for every launch.
template <bool inTime> void graphOfScalar(Machine &m) {
  check(driver().streamBeginCapture(m.one, cuda::CaptureRelaxed), "begin");
  m.fromHost(m.one, m.a);
  cuda::Graph graph;
  cuda::GraphExec exec;
  check(driver().streamEndCapture(m.one, &graph), "end");
  check(driver().graphInstantiate(&exec, graph, 0), "instantiate");
  for (int value : {1, 2, 3}) {
    std::memset(m.host.data(), value, bytes);
    check(driver().graphLaunch(exec, m.one), "launch");
    if (inTime)
      m.one.synchronize();
  }
  m.end();
}
void graphUnjoined(Machine &m) {
  replay(m, [](Machine &m) {
    m.event.record(m.one);
    m.two.await(m.event);
    m.fill(m.two, m.a, 1);
  });
}
void graphWaitsForOutside(Machine &m) {
  m.event.record(m.two);
  replay(m, [](Machine &m) { m.one.await(m.event); });
}
void hostWaitsInCapture(Machine &m) {
  replay(m, [](Machine &m) { m.one.synchronize(); });
}

/// Times a fill, when the other stream's event has been recorded.
void timeFill(Machine &m, bool waits) {
  CUDAEvent begin(m.gpu, CUDAEvent::Time), end(m.gpu, CUDAEvent::Time);
  begin.record(m.one);
  m.fill(m.one, m.a, 1);
  m.event.record(m.one);
  m.two.await(m.event);
  end.record(m.two);
  m.one.synchronize();
  if (waits)
    m.two.synchronize();
  float time = 0;
  auto result = cuda::NotReady;
  while (result == cuda::NotReady)
    result = driver().eventElapsedTime(&time, begin, end);
  check(result, "time a fill");
}
void timedInTime(Machine &m) { timeFill(m, true); }
void timedByChance(Machine &m) { timeFill(m, false); }

struct Case {
  const char *name;
  Program program;
  bool right;
};
constexpr Case cases[] = {
    {"an event between", eventBetween, true},
    {"the host between", hostBetween, true},
    {"memory used again in time", reusedInTime, true},
    {"a graph of two streams", graphOfTwo, true},
    {"to the host and back", hostAndBack, true},
    {"a graph that goes to the host and back", graphOfHost, true},
    {"the host's scalars in time", hostGivesInTime, true},
    {"a graph of the host's scalars in time", graphOfScalar<true>, true},
    {"the host's scalars too early", hostGivesTooEarly, false},
    {"a graph of the host's scalars too early", graphOfScalar<false>, false},
    {"an event that is timed when it is there", timedInTime, true},
    {"an event that is timed and there by chance", timedByChance, false},
    {"back from the host too early", backTooEarly, false},
    {"the host's memory used again too early", hostUsedAgainTooEarly, false},
    {"a copy beyond pinned memory", pinnedTooShort, false},
    {"a graph that outlives its pinned memory", graphOutlivesPinned, false},
    {"an event of another GPU", eventOfOtherGPU, false},
    {"an event missing", eventMissing, false},
    {"an event of the other stream", eventOfOtherStream, false},
    {"an event recorded too early", eventTooEarly, false},
    {"a wait too late", waitTooLate, false},
    {"memory used again too early", reusedEarly, false},
    {"outside of an allocation", outside, false},
    {"after it was freed", afterFree, false},
    {"a host that follows a device pointer", hostFollowsPointer, false},
    {"a copy from memory that is not pinned", copyFromUnpinned, false},
    {"an edge missing in a graph", graphEdgeMissing, false},
    {"a stream that does not come back to its graph", graphUnjoined, false},
    {"a graph that waits for what is outside", graphWaitsForOutside, false},
    {"a host that waits in a capture", hostWaitsInCapture, false},
};

bool runsWell(const Case &one) {
  pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    try {
      Machine &machine = *new Machine; // the process ends with it
      one.program(machine);
      std::_Exit(0);
    } catch (const std::exception &error) {
      std::printf("  %s\n", error.what());
      std::fflush(stdout);
      std::_Exit(1);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace

int main() {
  setenv("BITPIPE_DOUBLES_DEVICES", "2", /*replace=*/1);
  int wrong = 0;
  for (const Case &one : cases) {
    std::printf("%s\n", one.name);
    std::fflush(stdout);
    if (runsWell(one) != one.right) {
      std::printf("error: expected it to %s\n", one.right ? "run" : "fail");
      ++wrong;
    }
  }
  return wrong != 0;
}
