//===- Alone.h - What fails on one rank where the others know nothing of it -===//

#ifndef BITPIPE_RUNTIME_LAUNCH_ALONE_H
#define BITPIPE_RUNTIME_LAUNCH_ALONE_H

#include "lib/Runtime/EndProcess.h"
#include "lib/Runtime/Launch/Agree.h"
#include "lib/Runtime/Launch/Deadline.h"

#include <new>

namespace bitpipe {

/// Does something while threads of this process, and other ranks, wait for each other. An error
/// that is not agreed upon ends the process (EndProcess.h).
template <typename Action> auto endingAlone(Action action) try {
  return action();
} catch (const AgreedError &) {
  throw; // on all ranks
} catch (const NetworkError &error) {
  endProcess(lostRankExit, joined("error: ", error.what(), "\n"));
} catch (const std::bad_alloc &) {
  endProcess(1, "error: not enough memory (see ulimit -v)\n");
} catch (const std::exception &error) {
  endProcess(1, joined(error.what(), "\n"));
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_ALONE_H
