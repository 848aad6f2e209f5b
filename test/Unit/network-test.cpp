//===- network-test.cpp - Messages between processes, by every library ------===//
//
//   network-test N                     threads of this process, N ranks
//   mpirun -n 4 network-test           what the launcher has started, by MPI
//   mpirun -n 4 network-test ucx       by UCX
//   mpirun -n 2 network-test large     and one message of 5 GiB
//   mpirun -n 3 network-test endless   until a rank is killed
//
// Rank 0 prints what connected how many; $SEED chooses orders and delays.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/local-network.h"
#include "test/Unit/network-conformance.h"

#include "lib/Runtime/Launch/Form.h"

#include <csignal>
#include <cstdlib>
#include <unistd.h>

using namespace bitpipe;

namespace {

unsigned seed() {
  const char *text = std::getenv("SEED");
  return text ? unsigned(std::atoi(text)) : 1;
}

/// How long to wait for the others.
int timeout() {
  const char *text = std::getenv("TIMEOUT");
  return text ? std::atoi(text) : 60;
}

void endProcess(const NetworkError &error) {
  std::fprintf(stderr, "error: the network to rank %d: %s\n", error.rank, error.what());
  std::_Exit(5);
}

void runThreads(int size) {
  auto fabric = std::make_shared<LocalNetwork::Fabric>(size);
  std::vector<std::jthread> ranks;
  for (int rank = 0; rank < size; ++rank)
    ranks.emplace_back([=] {
      World world(std::make_unique<NetworkThread>(
          std::make_unique<LocalNetwork>(fabric, rank), endProcess));
      Conformance(world, seed()).run();
      world.finish();
    });
}

/// A network that breaks is told once; what is posted afterwards does not block.
void runBroken() {
  auto fabric = std::make_shared<LocalNetwork::Fabric>(2);
  Counter told, never;
  int rank = -1;
  NetworkThread network(std::make_unique<LocalNetwork>(fabric, 0),
                        [&](const NetworkError &error) {
                          rank = error.rank;
                          told.advance();
                        });
  {
    std::lock_guard lock(fabric->mutex);
    fabric->brokenRank = 1;
  }
  told.waitFor(1);
  for (int i = 0; i < 5000; ++i)
    network.send(1, 0, nullptr, 0, never);
  network.finish();
  if (rank != 1 || told.get() != 1 || never.get() != 0)
    fail("error: told ", told.get(), " times of rank ", rank, ", expected once of rank 1");
}

void runProcesses(TransportKind transport, bool large) {
  World world = formWorld(readLaunch(transport, std::getenv), std::chrono::seconds(timeout()),
                          endProcess);
  if (!world.connection())
    fail("error: one process, expected a launcher that starts several");
  std::string description = world.connection()->description();
  Conformance conformance(world, seed());
  conformance.run();
  if (large)
    conformance.large((size_t(5) << 30) + 3);
  if (world.speaks())
    std::printf("%d processes by %s\n", world.size(), description.c_str());
  world.finish();
}

/// Every rank sends to the next and receives from all, over and over; says when the
/// network tells of an end.
void runEndless() {
  World world = formWorld(readLaunch(TransportKind::Auto, std::getenv),
                          std::chrono::seconds(timeout()), [](const NetworkError &error) {
    std::fprintf(stderr, "error: the network to rank %d: %s\n", error.rank, error.what());
  });
  std::signal(SIGTERM, [](int) { (void)!write(2, "SIGTERM\n", 8); });
  std::fprintf(stderr, "rank %d is process %d\n", world.rank(), int(getpid()));
  for (;;)
    Conformance(world, seed()).run();
}

} // namespace

int main(int argc, char **argv) {
  std::string what = argc > 1 ? argv[1] : "auto";
  try {
    if (int size = std::atoi(what.c_str())) {
      runThreads(size);
      runBroken();
    } else if (what == "endless") {
      runEndless();
    } else {
      runProcesses(transportNamed(what).value_or(TransportKind::Auto), what == "large");
    }
  } catch (const UserError &error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::_Exit(1); // the others must not wait for this rank
  }
}
