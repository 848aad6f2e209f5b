//===- Checkpoints.cpp - The checkpoints of a training ---------------------===//

#include "lib/Runtime/Checkpoint/Checkpoints.h"

#include "lib/Runtime/Launch/Agree.h"

#include <cstdio>
#include <numeric>

using namespace bitpipe;

void Checkpoints::begin(StateMemory memory,
                        const std::set<std::string> &replaced) {
  if (found)
    restore(memory);
  if (world.speaks())
    tellStart();
  constants.insert(replaced.begin(), replaced.end());
  agree(world, [&] {
    writer.emplace(folder, writers,
                   Snapshot(stateTensors(program, constants), memory, world,
                            int64_t(program.devices.size())),
                   options.checkpoint.keep);
  });
  last = start().step;
  lastTime = now();
  std::vector<int64_t> sizes;
  world.allGatherValues(writer->bytes(), sizes);
  int64_t bytes = std::accumulate(sizes.begin(), sizes.end(), int64_t(0));
  if (world.speaks())
    std::printf("%s: a checkpoint has %.1f MiB, and its copy in memory as much\n",
                options.checkpoint.folder.c_str(), double(bytes) / (1 << 20));
}

bool Checkpoints::isDue(int64_t step) const {
  if (step <= last)
    return false;
  const Interval &every = options.checkpoint.every;
  if (every.steps)
    return step % every.steps == 0;
  return double(now() - lastTime) >= every.seconds * 1e9;
}

void Checkpoints::take(const Position &position) {
  Nanoseconds begin = now();
  writer->start({position, setting, parameters, {}});
  last = position.step;
  lastTime = now();
  still += lastTime - begin;
  ++taken;
}

void Checkpoints::finish(const Position &position) {
  bool isThere = position.step == last && writer->wait().empty();
  if (isThere)
    return;
  take(position);
  if (std::string error = writer->wait(); !error.empty())
    fail("error: the run ends without a checkpoint after step ", position.step,
         ": ", error);
}

void Checkpoints::tellCost() const {
  if (taken)
    std::printf("checkpoints    %10lld taken, training stood still for %.1f ms "
                "each\n",
                static_cast<long long>(taken), double(still) / double(taken) * 1e-6);
}
