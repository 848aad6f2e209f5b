//===- Host.h - Which machine a process is on -------------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_HOST_H
#define BITPIPE_RUNTIME_LAUNCH_HOST_H

#include <string>

namespace bitpipe {

/// The machine's name.
std::string hostName();

/// The same in two processes if and only if each can see the other by its number:
/// the host's name, this start of its kernel, and the container, if any.
std::string hostIdentity();

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_HOST_H
