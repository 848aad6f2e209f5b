//===- StageFunction.cpp - One stage as a function -------------------------===//
//
// A stage's operations are found from its nodes and results backwards, and
// copied in program order.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Partition/StageFunction.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

#include <set>

using namespace mlir;
using namespace bitpipe;

/// The stage's operations in program order. What is carried in ends the search;
/// everything else that is not one of the stage's nodes is cheap.
static SmallVector<Operation *> collectOperations(const ForwardGraph &graph,
                                                  const StageRange &range) {
  DenseSet<Value> given(range.carriedIn.begin(), range.carriedIn.end());
  DenseSet<Operation *> taken;
  SmallVector<Value> open(range.carriedOut);
  for (unsigned node = range.begin; node < range.end; ++node) {
    taken.insert(graph.nodes()[node]);
    llvm::append_range(open, usedValues(graph.nodes()[node]));
  }
  while (!open.empty()) {
    Value value = open.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (op && !given.contains(value) && taken.insert(op).second)
      llvm::append_range(open, usedValues(op));
  }
  SmallVector<Operation *> operations(taken.begin(), taken.end());
  llvm::sort(operations, [&](Operation *a, Operation *b) {
    return graph.position(a) < graph.position(b);
  });
  return operations;
}

/// Finds the model inputs, in the model's order, and the dropouts and parameters,
/// in the order of their first use: equal stages then have equal signatures.
static void findArguments(const ForwardGraph &graph,
                          ArrayRef<Operation *> operations,
                          StageFunction &stage) {
  SetVector<Attribute> parameters;
  SetVector<int64_t> dropouts;
  std::set<unsigned> inputs;
  for (Operation *op : operations)
    for (Value value : usedValues(op)) {
      if (auto argument = dyn_cast<BlockArgument>(value))
        inputs.insert(argument.getArgNumber());
      if (auto key = value.getDefiningOp<pipe::DropoutKeyOp>())
        dropouts.insert(key.getDropout());
      auto get = value.getDefiningOp<pipe::GetParameterOp>();
      if (!get || !parameters.insert(get.getParameterAttr()))
        continue;
      stage.parameters.push_back(get.getParameterAttr());
      stage.parameterTypes.push_back(get.getType());
      stage.trainable.push_back(graph.gradientOf(get) == GradientOf::Parameter);
    }
  stage.inputs.assign(inputs.begin(), inputs.end());
  stage.dropouts = dropouts.takeVector();
}

static SmallVector<bool> gradientFlags(const ForwardGraph &graph,
                                       ArrayRef<Value> values) {
  return llvm::map_to_vector(values, [&](Value value) {
    return graph.gradientOf(value) != GradientOf::Nothing;
  });
}

/// Makes the function with its arguments, and maps what they stand for.
static IRMapping buildArguments(const ForwardGraph &graph,
                                const StageRange &range,
                                ArrayRef<Operation *> operations,
                                StageFunction &stage, StringRef name) {
  Operation *first = graph.nodes()[range.begin];
  SmallVector<Value> replaced(range.carriedIn);
  for (unsigned input : stage.inputs)
    replaced.push_back(first->getBlock()->getArgument(input));
  SmallVector<Type> types(ValueRange(replaced).getTypes());
  Builder builder(first->getContext());
  types.append(stage.dropouts.size(),
               RankedTensorType::get({}, builder.getI64Type()));
  llvm::append_range(types, stage.parameterTypes);
  auto type = FunctionType::get(first->getContext(), types,
                                ValueRange(range.carriedOut).getTypes());
  stage.function = func::FuncOp::create(first->getLoc(), name, type);
  Block *block = stage.function.addEntryBlock();

  IRMapping mapping;
  mapping.map(replaced, block->getArguments().take_front(replaced.size()));
  ValueRange rest = block->getArguments().drop_front(replaced.size());
  DenseMap<int64_t, Value> keys;
  for (auto [dropout, argument] : llvm::zip(stage.dropouts, rest))
    keys[dropout] = argument;
  DenseMap<Attribute, Value> parameters;
  for (auto [symbol, argument] :
       llvm::zip(stage.parameters, rest.drop_front(stage.dropouts.size())))
    parameters[symbol] = argument;
  for (Operation *op : operations) {
    if (auto key = dyn_cast<pipe::DropoutKeyOp>(op))
      mapping.map(key.getResult(), keys[key.getDropout()]);
    if (auto get = dyn_cast<pipe::GetParameterOp>(op))
      mapping.map(get.getResult(), parameters[get.getParameterAttr()]);
  }
  return mapping;
}

StageFunction bitpipe::buildStage(const ForwardGraph &graph,
                                  const StageRange &range, StringRef name) {
  StageFunction stage;
  stage.carriedIn = gradientFlags(graph, range.carriedIn);
  stage.carriedOut = gradientFlags(graph, range.carriedOut);
  SmallVector<Operation *> operations = collectOperations(graph, range);
  findArguments(graph, operations, stage);
  IRMapping mapping = buildArguments(graph, range, operations, stage, name);

  auto builder = OpBuilder::atBlockBegin(&stage.function.getBody().front());
  for (Operation *op : operations) {
    stage.cost += graph.cost(op);
    if (!isa<pipe::GetParameterOp, pipe::DropoutKeyOp>(op))
      builder.clone(*op, mapping);
  }
  SmallVector<Value> results;
  for (Value value : range.carriedOut)
    results.push_back(mapping.lookup(value));
  func::ReturnOp::create(builder, stage.function.getLoc(), results);
  return stage;
}

bool bitpipe::sameComputation(StageFunction &a, StageFunction &b) {
  return a.trainable == b.trainable && a.carriedIn == b.carriedIn &&
         a.carriedOut == b.carriedOut && a.inputs.size() == b.inputs.size() &&
         a.dropouts.size() == b.dropouts.size() &&
         a.function.getFunctionType() == b.function.getFunctionType() &&
         a.function.front().getOperations().size() ==
             b.function.front().getOperations().size() &&
         OperationEquivalence::isRegionEquivalentTo(
             &a.function.getBody(), &b.function.getBody(),
             OperationEquivalence::IgnoreLocations);
}
