//===- ChooseReplicas.cpp - How many devices share each stage --------------===//

#include "lib/Transforms/Partition/ChooseReplicas.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Dialect/Pipe/IR/TypeBytes.h"
#include "lib/Transforms/Partition/Balance.h"
#include "lib/Transforms/Partition/Carried.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace bitpipe;

/// The dynamic programme grows with the cube of the layers.
static constexpr size_t mostLayers = 64;
/// How uneven layers may be where that lets cuts carry less.
static constexpr double tolerance = 0.1, messageTolerance = 0.5;

/// The parameters that a node reads, also through what is computed again for it.
static void visitParameters(const ForwardGraph &graph, Operation *node,
                            llvm::function_ref<void(pipe::GetParameterOp)> visit) {
  SmallVector<Value> values = usedValues(node);
  while (!values.empty()) {
    Operation *op = values.pop_back_val().getDefiningOp();
    if (!op || graph.nodeIndex(op))
      continue;
    if (auto get = dyn_cast<pipe::GetParameterOp>(op))
      visit(get);
    else
      llvm::append_range(values, usedValues(op));
  }
}

/// The bytes of the trained parameters that each node is the first to read.
static std::vector<double> weightsByNode(const ForwardGraph &graph, ModuleOp module) {
  SymbolTable symbols(module);
  llvm::StringSet<> seen;
  std::vector<double> bytes;
  for (Operation *node : graph.nodes()) {
    bytes.push_back(0);
    visitParameters(graph, node, [&](pipe::GetParameterOp get) {
      auto parameter = symbols.lookup<pipe::ParameterOp>(get.getParameter());
      if (parameter && parameter.getTrainable() && seen.insert(get.getParameter()).second)
        bytes.back() += bytesOf(get.getType());
    });
  }
  return bytes;
}

FailureOr<LayerChain> bitpipe::layersOf(ModuleOp module) {
  auto models = module.getOps<pipe::ModelOp>();
  if (models.empty())
    return emitError(module.getLoc()) << "the file holds no model, expected one to cut";
  func::FuncOp forward = findForward(module, *models.begin());
  if (!forward)
    return failure();
  auto graph = ForwardGraph::analyse(forward, CountedCost(), 1);
  if (failed(graph))
    return failure();
  std::vector<double> costs, carried = Carried(*graph).bytes(),
                             weights = weightsByNode(*graph, module);
  for (Operation *node : graph->nodes())
    costs.push_back(graph->cost(node).total());
  LayerChain chain;
  chain.begins = balanceMessages(costs, carried, std::min(mostLayers, costs.size()), tolerance,
                                 messageTolerance);
  for (size_t i = 0; i < chain.begins.size(); ++i) {
    bool isLast = i + 1 == chain.begins.size();
    size_t end = isLast ? costs.size() : chain.begins[i + 1];
    Layer &layer = chain.layers.emplace_back();
    for (size_t node = chain.begins[i]; node < end; ++node) {
      layer.work += costs[node];
      layer.weights += weights[node];
    }
    layer.message = isLast ? 0 : carried[end];
    chain.work += layer.work;
    chain.weights += layer.weights;
  }
  return chain;
}
