//===- network_bench.cpp - Latency and bandwidth between two devices --------===//
//
//   mpirun -n 2 --bind-to none network-bench      two processes, by MPI
//   mpirun -n 2 --bind-to none network-bench ucx  by UCX
//   mpirun -n 32 --oversubscribe network-bench idle   what waiting costs
//   network-bench                                 two threads of one process
//
// Latency: half of the median time of a round trip of 8 bytes. Bandwidth: messages
// one way, eight under way at a time. "library": the network alone, polled by the
// thread that sends; "runtime": posted to its thread, as devices do.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Form.h"
#include "lib/Runtime/Transport/NetworkLibrary.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <thread>

using namespace bitpipe;

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t sizes[] = {1 << 10, 16 << 10, 256 << 10, 4 << 20, 64 << 20};
constexpr int window = 8;

double seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

/// Messages with one peer: start any number of them, then wait for all.
struct Messenger {
  virtual ~Messenger() = default;
  virtual void send(const void *data, size_t bytes) = 0;
  virtual void receive(void *data, size_t bytes) = 0;
  virtual void wait() = 0;
};

struct LibraryMessenger : Messenger {
  explicit LibraryMessenger(Network &network) : network(network) {}
  void send(const void *data, size_t bytes) override {
    network.send(1 - network.rank(), 1, data, bytes, nullptr);
    ++started;
  }
  void receive(void *data, size_t bytes) override {
    network.receive(1 - network.rank(), 1, data, bytes, nullptr);
    ++started;
  }
  void wait() override {
    for (; started > 0; started -= done.size()) {
      done.clear();
      network.poll(done);
      if (done.empty())
        std::this_thread::yield(); // to others, who may be on this core
    }
  }
  Network &network;
  size_t started = 0;
  std::vector<Network::Token> done;
};

struct RuntimeMessenger : Messenger {
  explicit RuntimeMessenger(NetworkThread &network) : network(network) {}
  void send(const void *data, size_t bytes) override {
    network.send(1 - network.rank(), 1, data, bytes, done);
    ++started;
  }
  void receive(void *data, size_t bytes) override {
    network.receive(1 - network.rank(), 1, data, bytes, done);
    ++started;
  }
  void wait() override { done.waitFor(started); }
  NetworkThread &network;
  Counter done;
  uint32_t started = 0;
};

/// Microseconds from one to the other.
double latency(Messenger &messenger, bool first) {
  constexpr int rounds = 2000;
  std::vector<double> times;
  char ping[8] = {}, pong[8];
  for (int i = 0; i < rounds; ++i) {
    Clock::time_point start = Clock::now();
    if (first) {
      messenger.receive(pong, sizeof(pong));
      messenger.send(ping, sizeof(ping));
      messenger.wait();
    } else {
      messenger.receive(pong, sizeof(pong));
      messenger.wait();
      messenger.send(ping, sizeof(ping));
      messenger.wait();
    }
    times.push_back(seconds(start));
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[rounds / 2] / 2 * 1e6;
}

/// GB/s.
double bandwidth(Messenger &messenger, bool first, size_t bytes) {
  std::vector<std::vector<char>> buffers(window, std::vector<char>(bytes, 1));
  int rounds = int(std::clamp<size_t>((size_t(1) << 30) / (bytes * window), 2, 500));
  Clock::time_point start;
  for (int i = -1; i < rounds; ++i) { // the first finds the memory
    if (i == 0)
      start = Clock::now();
    for (std::vector<char> &buffer : buffers)
      first ? messenger.send(buffer.data(), bytes) : messenger.receive(buffer.data(), bytes);
    messenger.wait();
  }
  char end = 0; // the last message has come
  first ? messenger.receive(&end, 1) : messenger.send(&end, 1);
  messenger.wait();
  return double(rounds) * window * bytes / seconds(start) / 1e9;
}

void header(const char *name) {
  std::printf("%-34s %10s", name, "8 B");
  for (size_t bytes : sizes)
    std::printf(bytes < (1 << 20) ? " %6zu KiB" : " %6zu MiB",
                bytes < (1 << 20) ? bytes >> 10 : bytes >> 20);
  std::printf("\n");
}

void measure(Messenger &messenger, bool first, const std::string &name) {
  double micros = latency(messenger, first);
  std::vector<double> rates;
  for (size_t bytes : sizes)
    rates.push_back(bandwidth(messenger, first, bytes));
  if (!first)
    return;
  std::printf("%-34s %7.2f us", name.c_str(), micros);
  for (double rate : rates)
    std::printf("  %4.2f GB/s", rate);
  std::printf("\n");
}

void endProcess(const NetworkError &error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  std::_Exit(5);
}

void measureProcesses(TransportKind transport) {
  Launch launch = readLaunch(transport, std::getenv);
  auto network = connectNetwork(launch, std::chrono::seconds(60));
  bool first = network->rank() == 0;
  if (network->size() != 2)
    fail("error: ", network->size(), " processes, expected 2");
  std::string name = network->description();
  if (first)
    header("two processes");
  LibraryMessenger library(*network);
  measure(library, first, name + ", library");
  NetworkThread thread(std::move(network), endProcess);
  RuntimeMessenger runtime(thread);
  measure(runtime, first, name + ", runtime");
  thread.finish();
}

/// What a process costs that awaits a message for long, in a share of one core.
void measureWaiting() {
  constexpr int duration = 5;
  World world = formWorld(readLaunch(TransportKind::Auto, std::getenv),
                          std::chrono::seconds(60), endProcess);
  Counter done;
  char sent = 0, received;
  int size = world.size(), next = (world.rank() + 1) % size;
  world.connection()->receive((world.rank() + size - 1) % size, 1, &received, 1, done);
  world.barrier();
  std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::seconds(duration));
  double share = double(std::clock() - before) / CLOCKS_PER_SEC / duration, sum = 0;
  world.connection()->send(next, 1, &sent, 1, done);
  done.waitFor(2);
  std::vector<double> shares(size);
  world.allGatherValues(share, shares);
  for (double other : shares)
    sum += other;
  if (world.speaks())
    std::printf("%d processes that wait: %.1f%% of a core each\n", size, 100 * sum / size);
  world.finish();
}

/// A hand-over as between devices of one process: two counters and no copy, and
/// what a copy costs.
void measureThreads() {
  constexpr uint32_t rounds = 20000;
  Counter ping, pong;
  std::jthread other([&] {
    for (uint32_t i = 1; i <= rounds; ++i) {
      ping.waitFor(i);
      pong.advance();
    }
  });
  std::vector<double> times;
  for (uint32_t i = 1; i <= rounds; ++i) {
    Clock::time_point start = Clock::now();
    ping.advance();
    pong.waitFor(i);
    times.push_back(seconds(start));
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  header("two threads");
  std::printf("%-34s %7.2f us", "hand-over, and memcpy", times[rounds / 2] / 2 * 1e6);
  for (size_t bytes : sizes) {
    std::vector<char> from(bytes, 1), to(bytes, 2);
    int count = int(std::max<size_t>((size_t(4) << 30) / bytes, 1));
    count = std::min(count, 100000);
    Clock::time_point start = Clock::now();
    for (int i = 0; i < count; ++i) {
      std::memcpy(to.data(), from.data(), bytes);
      asm volatile("" : : "r"(to.data()) : "memory");
    }
    std::printf("  %4.2f GB/s", double(count) * bytes / seconds(start) / 1e9);
  }
  std::printf("\n");
}

} // namespace

int main(int argc, char **argv) {
  try {
    std::string what = argc > 1 ? argv[1] : "auto";
    TransportKind kind = transportNamed(what).value_or(TransportKind::Auto);
    if (what == "idle")
      measureWaiting();
    else if (readLaunch(kind, std::getenv).size > 1)
      measureProcesses(kind);
    else
      measureThreads();
  } catch (const UserError &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
