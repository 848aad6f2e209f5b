//===- CheckPlan.cpp - No plan passes that is wrong or blocks --------------===//

#include "lib/Transforms/Planning/Passes.h"
#include "lib/Transforms/Planning/Translate.h"
#include "lib/Transforms/Schedule/Check/Check.h"
#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"

namespace bitpipe {
#define GEN_PASS_DEF_CHECKPLANPASS
#include "lib/Transforms/Planning/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

static LogicalResult checkPlan(pipe::PlanOp plan) {
  FailureOr<PlanProgram> read = readPlan(plan);
  if (failed(read))
    return failure();
  schedule::Checked wrong = schedule::check(read->program);
  if (!wrong) {
    auto pairs = schedule::checkPairs(read->program.placement, orderOf(read->program));
    if (!pairs)
      return success();
    return emitError(plan.getLoc()) << pairs->text;
  }
  Operation *where = plan;
  if (wrong->position >= 0)
    where = read->operations[wrong->device][wrong->position];
  return emitError(where->getLoc()) << wrong->text;
}

namespace {
struct CheckPlanPass : bitpipe::impl::CheckPlanPassBase<CheckPlanPass> {
  void runOnOperation() override {
    for (auto plan : getOperation().getOps<pipe::PlanOp>())
      if (failed(checkPlan(plan)))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
