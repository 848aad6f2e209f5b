//===- NetworkLibrary.h - The library that connects processes ---------------===//
//
// libbitpipe_mpi.so and libbitpipe_ucx.so lie beside the program, or in
// $BITPIPE_LIBRARIES, and are loaded only where there are processes to connect.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_NETWORKLIBRARY_H
#define BITPIPE_RUNTIME_TRANSPORT_NETWORKLIBRARY_H

#include "lib/Runtime/Launch/Environment.h"
#include "lib/Runtime/Transport/Network.h"

#include <chrono>
#include <memory>

namespace bitpipe {

/// Connects this process to the others of its run by the launch's transport. Throws
/// a UserError if the library is missing or the others do not come in time.
std::unique_ptr<Network> connectNetwork(const Launch &launch,
                                        std::chrono::seconds timeout);

// What each of the shared objects defines.

/// The build it belongs to, as --version says it.
using NetworkVersion = const char *();
constexpr const char *networkVersionName = "bitpipe_network_version";
/// A network to be deleted. Throws as connectNetwork does.
using NetworkConnect = Network *(const Launch &launch, std::chrono::seconds timeout);
constexpr const char *networkConnectName = "bitpipe_network_connect";

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_NETWORKLIBRARY_H
