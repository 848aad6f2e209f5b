//===- Deadline.h - An end to waiting where no watch can look --------------===//
//
// The watch (Watch/) needs the network. Before that stands, and when it is taken
// down, there is only a clock.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_DEADLINE_H
#define BITPIPE_RUNTIME_LAUNCH_DEADLINE_H

#include <chrono>
#include <string>
#include <thread>

namespace bitpipe {

/// The exit code of a process that gives up since another rank does not come.
constexpr int lostRankExit = 5;

class Deadline {
public:
  /// Unless it is destroyed within `limit`, prints that this rank gives up since
  /// `what` has not happened, and ends the process with lostRankExit.
  Deadline(std::chrono::seconds limit, int rank, const std::string &what);

private:
  std::jthread thread; // its destructor ends it
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_DEADLINE_H
