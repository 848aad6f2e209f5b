//===- Deadline.cpp - An end to waiting where no watch can look ------------===//

#include "lib/Runtime/Launch/Deadline.h"

#include "lib/Runtime/EndProcess.h"
#include "lib/Runtime/Error.h"

#include <condition_variable>
#include <mutex>

using namespace bitpipe;

static void await(const std::stop_token &stop, std::chrono::seconds limit) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any never;
  never.wait_for(lock, stop, limit, [] { return false; });
}

Deadline::Deadline(std::chrono::seconds limit, int rank, const std::string &what) {
  std::string text = joined("error: rank ", rank, " gives up: ", what, " within ",
                            limit.count(), " s (--timeout)\n");
  auto wait = [limit, text](const std::stop_token &stop) {
    await(stop, limit);
    if (stop.stop_requested())
      return;
    endProcess(lostRankExit, text);
  };
  try {
    thread = std::jthread(wait);
  } catch (const std::system_error &error) {
    fail("error: cannot start a thread that watches the time: ",
         error.code().message());
  }
}
