//===- Sharded.cpp - What a device keeps slices of ---------------------------===//

#include "lib/Transforms/Lower/DeviceProgram.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

void lower::findSharded(pipe::DeviceOp device, const ParameterGroups &groups,
                        DeviceProgram &program) {
  auto isTrainable = [&](int64_t group) {
    return group >= 0 && groups.all()[group].trainableBytes > 0;
  };
  for (auto unshard : device.getBody().getOps<pipe::UnshardOp>())
    if (int64_t group = groups.withStages(unshard.getStages()); isTrainable(group))
      program.sharded.insert(group);
  for (auto run : device.getBody().getOps<pipe::RunOp>()) {
    int64_t group = groups.withStages({int64_t(run.getStage())});
    if (run.getKind() == pipe::RunKind::S && isTrainable(group)) {
      program.sharded.insert(group);
      program.scattered.insert(group);
    }
    if (run.getKind() == pipe::RunKind::A && group >= 0)
      program.gathered.insert(group);
  }
}

std::pair<int64_t, int64_t> DeviceProgram::stepped(int64_t group,
                                                   const ParameterGroups &groups) const {
  auto [begin, end] = slices.at(group).of(index);
  int64_t trainable = groups.all()[group].trainableBytes / int64_t(sizeof(float));
  return {std::min(begin, trainable), std::min(end, trainable)};
}
