//===- Partition.cpp - Cuts the forward function into stages ---------------===//
//
// Analyses the forward function, balances its nodes, and replaces it by stage
// functions and the operations that bind them.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Partition/Balance.h"
#include "lib/Transforms/Partition/Carried.h"
#include "lib/Transforms/Partition/Passes.h"
#include "lib/Transforms/Partition/StageFunction.h"

#include "mlir/IR/Builders.h"

#include <numeric>

using namespace mlir;
using namespace bitpipe;

namespace bitpipe {
#define GEN_PASS_DEF_PIPEPARTITION
#include "lib/Transforms/Partition/Passes.h.inc"
} // namespace bitpipe

/// The first node of every stage in a balanced division. A stage for several devices is as
/// many equal parts in a row.
static std::vector<size_t> balancedBegins(const ForwardGraph &graph, const Carried &carried,
                                          ArrayRef<int64_t> replicas, double tolerance,
                                          double messageTolerance) {
  std::vector<double> costs;
  for (Operation *node : graph.nodes())
    costs.push_back(graph.cost(node).total());
  size_t parts = std::accumulate(replicas.begin(), replicas.end(), int64_t(0));
  std::vector<size_t> beginOfPart =
      balanceMessages(costs, carried.bytes(), parts, tolerance, messageTolerance);
  std::vector<size_t> begin;
  for (size_t stage = 0, part = 0; stage < replicas.size(); part += replicas[stage++])
    begin.push_back(beginOfPart[part]);
  return begin;
}

/// What every stage computes and what its cuts carry.
static SmallVector<StageRange> rangesFrom(const ForwardGraph &graph, const Carried &carried,
                                          ArrayRef<size_t> begin) {
  unsigned stages = begin.size();
  SmallVector<StageRange> ranges(stages);
  for (unsigned stage = 0; stage < stages; ++stage) {
    bool last = stage + 1 == stages;
    StageRange &range = ranges[stage];
    range.begin = begin[stage];
    range.end = last ? graph.nodes().size() : begin[stage + 1];
    range.carriedOut = last ? SmallVector<Value>{graph.loss()}
                            : carried.values(range.end);
    if (stage > 0)
      range.carriedIn = ranges[stage - 1].carriedOut;
  }
  return ranges;
}

/// How many devices each stage is for; a message if that does not fit the stages.
static FailureOr<SmallVector<int64_t>> replicasOf(func::FuncOp forward, int64_t stages,
                                                  ArrayRef<int64_t> asked) {
  if (asked.empty())
    return SmallVector<int64_t>(std::max<int64_t>(stages, 0), 1);
  if (int64_t(asked.size()) == stages && llvm::all_of(asked, [](int64_t r) { return r > 0; }))
    return SmallVector<int64_t>(asked);
  InFlightDiagnostic error = emitError(forward.getLoc());
  error << "replicas are [";
  llvm::interleaveComma(asked, error);
  return error << "], expected a number from 1 on for each of " << stages << " stages";
}

/// Whether these are the first nodes of so many stages, reported if not.
static LogicalResult checkBegins(func::FuncOp forward, ArrayRef<int64_t> begins, int64_t stages,
                                 int64_t nodes) {
  bool isRight = int64_t(begins.size()) == stages && begins[0] == 0 && begins.back() < nodes &&
                 llvm::is_sorted(begins, std::less_equal<int64_t>());
  if (begins.empty() || isRight)
    return success();
  InFlightDiagnostic error = emitError(forward.getLoc());
  error << "begins are [";
  llvm::interleaveComma(begins, error);
  return error << "], expected the first of " << nodes << " nodes for each of " << stages
               << " stages, from 0 on, ascending";
}

/// Whether there are at least as many nodes as stages, reported if not.
static LogicalResult checkStages(func::FuncOp forward, int64_t stages,
                                 int64_t nodes) {
  if (stages >= 1 && stages <= nodes)
    return success();
  return emitError(forward.getLoc())
         << "cannot cut '" << forward.getName() << "' into " << stages
         << " stages, expected 1 to " << nodes << ", its number of nodes";
}

namespace {

/// Adds stages to a module, each kind of function once.
class StageWriter {
public:
  StageWriter(ModuleOp module, pipe::ModelOp model, const ForwardGraph &graph)
      : symbols(module), model(model), graph(graph),
        builder(OpBuilder::atBlockEnd(module.getBody())) {}

  void write(ArrayRef<StageRange> ranges) {
    std::vector<StageFunction> stages;
    for (auto [index, range] : llvm::enumerate(ranges)) {
      std::string name = "stage_" + std::to_string(index);
      stages.push_back(buildStage(graph, range, name));
      shareFunction(stages);
    }
    for (auto [index, range] : llvm::enumerate(ranges))
      writeStage(index, range, stages[index]);
  }

private:
  /// Lets the last stage use the function of an earlier, equal one, or else
  /// puts its function into the module.
  void shareFunction(MutableArrayRef<StageFunction> stages) {
    StageFunction &stage = stages.back();
    for (StageFunction &other : stages.drop_back()) {
      if (!sameComputation(other, stage))
        continue;
      stage.function.erase();
      stage.function = other.function;
      return;
    }
    symbols.insert(stage.function);
  }

  void writeStage(int64_t index, const StageRange &range,
                  const StageFunction &stage) {
    SmallVector<Attribute> inputs;
    for (unsigned input : stage.inputs)
      inputs.push_back(model.getInputs()[input]);
    const Cost &cost = stage.cost;
    pipe::StageOp::create(
        builder, graph.nodes()[range.begin]->getLoc(),
        builder.getI64IntegerAttr(index),
        FlatSymbolRefAttr::get(stage.function), FlatSymbolRefAttr(),
        FlatSymbolRefAttr(), FlatSymbolRefAttr(), builder.getArrayAttr(inputs),
        builder.getArrayAttr(stage.parameters),
        builder.getDenseBoolArrayAttr(stage.carriedIn),
        builder.getDenseBoolArrayAttr(stage.carriedOut),
        builder.getDenseF64ArrayAttr(
            {cost.forward, cost.inputGradient, cost.weightGradient}),
        builder.getDenseI64ArrayAttr(stage.dropouts), DenseI64ArrayAttr(), ArrayAttr(),
        DenseI64ArrayAttr());
  }

  SymbolTable symbols;
  pipe::ModelOp model;
  const ForwardGraph &graph;
  OpBuilder builder;
};

struct PipePartition : bitpipe::impl::PipePartitionBase<PipePartition> {
  using PipePartitionBase::PipePartitionBase;

  void runOnOperation() override {
    if (failed(partition()))
      signalPassFailure();
  }

private:
  LogicalResult partition() {
    ModuleOp module = getOperation();
    auto models = module.getOps<pipe::ModelOp>();
    if (models.empty())
      return emitError(module.getLoc()) << "no pipe.model, expected one";
    pipe::ModelOp model = *models.begin();
    func::FuncOp forward = findForward(module, model);
    if (!forward)
      return failure();
    if (!(tolerance >= 0))
      return emitError(forward.getLoc())
             << "tolerance is " << double(tolerance) << ", expected 0 or more";
    if (!(messageTolerance >= 0))
      return emitError(forward.getLoc())
             << "message-tolerance is " << double(messageTolerance)
             << ", expected 0 or more";
    auto graph = ForwardGraph::analyse(forward, CountedCost(),
                                       std::max<int64_t>(stages, 1));
    auto parts = replicasOf(forward, stages, *replicas);
    if (failed(graph) || failed(parts) ||
        failed(checkStages(forward, std::accumulate(parts->begin(), parts->end(), int64_t(0)),
                           graph->nodes().size())) ||
        failed(checkBegins(forward, *begins, stages, graph->nodes().size())))
      return failure();
    Carried carried(*graph);
    std::vector<size_t> begin(begins.begin(), begins.end());
    if (begin.empty())
      begin = balancedBegins(*graph, carried, *parts, tolerance, messageTolerance);
    StageWriter(module, model, *graph).write(rangesFrom(*graph, carried, begin));
    forward.erase();
    return success();
  }
};

} // namespace
