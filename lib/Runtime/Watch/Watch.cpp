//===- Watch.cpp - What happens when a rank does not come -------------------===//

#include "lib/Runtime/Watch/Watch.h"

#include "lib/Runtime/EndProcess.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Watch/DeviceMoment.h"
#include "lib/Runtime/Watch/HangReport.h"

#include <algorithm>
#include <cstdio>
#include <utility>

using namespace bitpipe;
using namespace std::chrono_literals;

/// How often the watch looks around.
constexpr std::chrono::milliseconds tick = 50ms;
/// A launcher ends all when the first one has ended, so who has to tell is first.
constexpr std::chrono::milliseconds silence = 1s;
/// A watch that has not looked for so long was stopped.
constexpr auto stopped = 1s;

static std::mutex ofCurrent; // so that it is not destroyed while it hears of a failure
static Watch *current = nullptr;

Watch::Watch(World &world, std::chrono::seconds timeout,
             std::atomic<bool> &asked)
    : world(world), timeout(timeout), asked(asked) {
  if (world.size() > 1) {
    Deadline deadline(timeout, world.rank(), "other ranks have not begun");
    peers = std::make_unique<Peers>(gatherProcesses(world), world.rank());
    beats = std::make_unique<Beats>(world);
  }
  try {
    thread = std::thread([this] { loop(); });
  } catch (const std::system_error &error) {
    failThread("the watch over the run", error);
  }
  std::lock_guard lock(ofCurrent);
  current = this;
}

Watch::~Watch() { stop(); }

void Watch::stop() {
  {
    std::lock_guard lock(ofCurrent);
    current = nullptr;
  }
  {
    std::lock_guard lock(mutex);
    stops = true;
  }
  changed.notify_all();
  if (thread.joinable())
    thread.join();
}

Watch::Attachment::Attachment(Watch &watch, const Program &program, const Links &links,
                              const Executor &executor)
    : watch(watch) {
  std::lock_guard lock(watch.mutex);
  watch.program = &program;
  watch.links = &links;
  watch.executor = &executor;
}

Watch::Attachment::~Attachment() {
  std::lock_guard lock(watch.mutex);
  watch.program = nullptr;
  watch.links = nullptr;
  watch.executor = nullptr;
}

void Watch::finish() {
  {
    std::lock_guard lock(mutex);
    finishes = true;
  }
  changed.notify_all();
  Deadline deadline(timeout, world.rank(), "other ranks have not come to the end");
  thread.join();
}

void Watch::lost(const NetworkError &error) {
  std::lock_guard lockOfCurrent(ofCurrent);
  Watch *watch = current;
  if (!watch)
    endProcess(lostRankExit, joined("error: ", error.what(), "\n"));
  std::lock_guard lock(watch->mutex);
  watch->networkFailure = error.what();
  watch->changed.notify_all();
}

void Watch::loop() {
  std::unique_lock lock(mutex);
  while (!stops) {
    bool last = finishes;
    if (beats) {
      beats->receive();
      bool gone = beats->send(self(), last);
      if (gone && (!beats->listens() || beats->allFinished()))
        return;
    } else if (last) {
      return;
    }
    askedForReport();
    lookAtClock();
    lookAtOthers();
    lookAtSelf();
    changed.wait_for(lock, last ? 1ms : tick);
  }
}

const RankStatus &Watch::self() {
  mine.life = RankStatus::Alive;
  mine.main = world.mainThread().moment();
  mine.devices.clear();
  if (executor)
    for (int64_t d = executor->share().first; d < executor->share().end; ++d)
      mine.devices.push_back(momentOf(*executor, *program, *links, d));
  return mine;
}

void Watch::lookAtOthers() {
  // Rank 0 ends when it has told of another, so that other comes first.
  while (peers && endedRank <= 0) {
    auto ended = peers->waitForEnd(0ms);
    if (!ended)
      break;
    endedRank = *ended;
  }
  if (endedRank < 0 && networkFailure.empty())
    return;
  if (endSeen == Clock::time_point())
    endSeen = Clock::now();
  // The network may notice an end before the kernel says whose it was.
  auto patience = !tells() ? silence : endedRank < 0 ? 2 * tick : 0ms;
  if (Clock::now() - endSeen < patience)
    return;
  giveUp(endedRank < 0 ? networkFailure
                       : joined("rank ", endedRank, " has ended"),
         tells());
}

/// Everything here waits: no device computes, and the main thread waits for others
/// or for the devices. A GPU that does not tell where it is computes if there is nobody to
/// wait for.
bool Watch::waits(const RankStatus &status) const {
  return status.main.waits &&
         std::ranges::none_of(status.devices, [&](const DeviceMoment &device) {
           return device.wait == DeviceStatus::Works ||
                  (device.wait == DeviceStatus::AwaitsGPU && world.size() == 1);
         });
}

/// Time in which this process was stopped (SIGSTOP, a job suspended by its batch
/// system) is none in which others kept it waiting.
void Watch::lookAtClock() {
  auto sinceLook = Clock::now() - std::exchange(lastLook, Clock::now());
  if (sinceLook <= stopped)
    return;
  lastChange += sinceLook;
  stoodStill = std::chrono::round<std::chrono::seconds>(sinceLook);
}

void Watch::lookAtSelf() {
  const RankStatus &now = self();
  if (now.main != before.main || now.devices != before.devices || !waits(now)) {
    before = now;
    lastChange = Clock::now();
    return;
  }
  // Those who can tell most are first.
  auto limit = std::chrono::duration<double>(timeout) *
               (world.rank() == 0 ? 0.96 : world.rank() == 1 ? 0.98 : 1.0);
  // Rank 0 would have told by the time that rank 1 comes here, if it could.
  if (Clock::now() - lastChange > limit)
    giveUp(joined("nothing has come from other ranks for ", timeout.count(),
                  " s (--timeout)"),
           world.rank() <= 1);
}

std::string Watch::report() {
  std::vector<RankStatus> ranks;
  for (int rank = 0; rank < world.size(); ++rank) {
    RankStatus status =
        rank == world.rank() ? self() : beats->status(rank);
    if (rank == endedRank)
      status.life = RankStatus::Ended;
    if (executor)
      status.devices.resize(
          world.firstDevice(program->devices.size(), rank + 1) -
          world.firstDevice(program->devices.size(), rank));
    else
      status.devices.clear();
    ranks.push_back(std::move(status));
  }
  return hangReport(ranks, program, links);
}

void Watch::askedForReport() {
  if (!asked.exchange(false))
    return;
  std::string text =
      world.rank() == 0
          ? report()
          : joined("rank ", world.rank(), " runs; rank 0 tells of all\n");
  OpenLine::end();
  std::fputs(text.c_str(), stderr);
}

/// Of an end rank 0 tells, or rank 1 if rank 0 has ended; the others say a line.
bool Watch::tells() const {
  return world.rank() == 0 || (world.rank() == 1 && endedRank == 0);
}

void Watch::giveUp(const std::string &why, bool withReport) {
  std::string text = joined("error: rank ", world.rank(), " gives up: ", why);
  if (stoodStill >= timeout)
    text += joined("; this process had been stopped for ", stoodStill.count(),
                   " s, longer than others wait (--timeout)");
  text += "\n";
  if (withReport)
    text += report();
  endProcess(lostRankExit, text);
}
