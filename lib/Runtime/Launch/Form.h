//===- Form.h - Forming the world -------------------------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_FORM_H
#define BITPIPE_RUNTIME_LAUNCH_FORM_H

#include "lib/Runtime/Launch/Environment.h"
#include "lib/Runtime/Launch/World.h"

#include <chrono>

namespace bitpipe {

/// The processes that a launcher has started with this one, connected. `failed` is
/// called from the network's thread if the connection fails later. Throws a
/// UserError if the library is missing or does not belong to the launcher, or if
/// others do not come within `timeout`.
World formWorld(const Launch &launch, std::chrono::seconds timeout,
                std::function<void(const NetworkError &)> failed);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_FORM_H
