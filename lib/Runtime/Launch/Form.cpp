//===- Form.cpp - Forming the world -----------------------------------------===//

#include "lib/Runtime/Launch/Form.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Deadline.h"
#include "lib/Runtime/Transport/NetworkLibrary.h"

#include <optional>

using namespace bitpipe;

/// A library that belongs to another launcher takes every process for the only one.
static void checkNetwork(const Network &network, const Launch &launch) {
  if (launch.size == 0 ||
      (network.rank() == launch.rank && network.size() == launch.size))
    return;
  fail("error: ", network.description(), " says rank ", network.rank(), " of ",
       network.size(), ", but ", launch.launcher, " rank ", launch.rank, " of ",
       launch.size, ": expected the launcher of that library");
}

/// UCX knows who is missing; MPI waits for good.
static std::unique_ptr<Network> connectInTime(const Launch &launch,
                                              std::chrono::seconds timeout) {
  std::optional<Deadline> deadline;
  if (launch.transport == TransportKind::MPI)
    deadline.emplace(timeout, launch.rank, "MPI has not connected all processes");
  return connectNetwork(launch, timeout);
}

World bitpipe::formWorld(const Launch &launch, std::chrono::seconds timeout,
                         std::function<void(const NetworkError &)> failed) {
  if (launch.transport == TransportKind::InProcess || launch.size == 1)
    return World();
  std::unique_ptr<Network> network = connectInTime(launch, timeout);
  checkNetwork(*network, launch);
  return World(std::make_unique<NetworkThread>(std::move(network), std::move(failed)));
}
