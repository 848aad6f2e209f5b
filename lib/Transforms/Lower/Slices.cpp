//===- Slices.cpp - Parameters that devices share out among themselves ------===//

#include "lib/Transforms/Lower/Slices.h"

#include <set>

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

SmallVector<int64_t> lower::holdersOf(pipe::PlanOp plan,
                                      const ParameterGroup &group) {
  std::set<int64_t> holders;
  for (auto route : plan.getBody().getOps<pipe::RouteOp>())
    for (auto [stage, device] : llvm::enumerate(route.getDevices()))
      if (llvm::is_contained(group.stages, int64_t(stage)))
        holders.insert(device);
  return {holders.begin(), holders.end()};
}

std::pair<int64_t, int64_t> Slices::of(int64_t device) const {
  int64_t index = llvm::find(holders, device) - holders.begin();
  return {std::min(index * slice, elements), std::min((index + 1) * slice, elements)};
}

/// Slices begin at lines of memory of a GPU.
Slices lower::slicesOf(pipe::PlanOp plan, const ParameterGroup &group, bool ofAll) {
  constexpr int64_t unit = 256 / sizeof(float);
  int64_t bytes = ofAll ? group.bytes : group.trainableBytes;
  Slices slices{holdersOf(plan, group), bytes / int64_t(sizeof(float)), 0};
  int64_t units = llvm::divideCeil(slices.elements, unit);
  slices.slice = int64_t(llvm::divideCeil(units, std::max<size_t>(slices.holders.size(), 1))) * unit;
  return slices;
}
