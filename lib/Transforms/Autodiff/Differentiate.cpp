//===- Differentiate.cpp - Stages get their gradients ----------------------===//
//
// Reads the stages, and builds and splits the gradient of each distinct one.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/Activity.h"
#include "lib/Transforms/Autodiff/Passes.h"
#include "lib/Transforms/Autodiff/SplitGradient.h"

namespace bitpipe {
#define GEN_PASS_DEF_PIPEDIFFERENTIATE
#include "lib/Transforms/Autodiff/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// A distinct stage and where it is used.
struct Group {
  StageSignature signature;
  SmallVector<pipe::StageOp> stages;
  StageGradient gradient;
};

struct Differentiate : bitpipe::impl::PipeDifferentiateBase<Differentiate> {
  void runOnOperation() override;
};

} // namespace

//===----------------------------------------------------------------------===//
// Reading the stages
//===----------------------------------------------------------------------===//

static LogicalResult checkCounts(pipe::StageOp stage, func::FuncOp forward) {
  if (stage.getInputGradient() || stage.getWeightGradient())
    return emitError(stage.getLoc()) << "stage " << stage.getIndex()
                                     << " has gradients, expected none yet";
  size_t arguments = stage.getCarriedIn().size() + stage.getInputs().size() +
                     stage.getDropouts().size() + stage.getParameters().size();
  if (forward.getNumArguments() != arguments)
    return emitError(stage.getLoc())
           << "stage " << stage.getIndex() << " has " << arguments
           << " carried values, inputs, dropouts and parameters, but '"
           << forward.getName() << "' takes " << forward.getNumArguments();
  for (Type type : forward.getArgumentTypes())
    if (auto tensor = dyn_cast<RankedTensorType>(type);
        !tensor || !tensor.hasStaticShape())
      return emitError(forward.getLoc())
             << "'" << forward.getName() << "' takes " << type
             << ", expected tensors of static shape";
  if (forward.getNumResults() != stage.getCarriedOut().size())
    return emitError(stage.getLoc())
           << "stage " << stage.getIndex() << " carries out "
           << stage.getCarriedOut().size() << " values, but '"
           << forward.getName() << "' returns " << forward.getNumResults();
  return success();
}

static FailureOr<StageSignature> readSignature(pipe::StageOp stage,
                                               SymbolTable &symbols) {
  auto forward = symbols.lookup<func::FuncOp>(stage.getForward());
  if (!forward || !llvm::hasSingleElement(forward.getBody()))
    return emitError(stage.getLoc())
           << "stage " << stage.getIndex() << " has forward function '"
           << stage.getForward() << "', expected a func.func of one block";
  if (failed(checkCounts(stage, forward)))
    return failure();
  StageSignature signature{forward, SmallVector<bool>(stage.getCarriedIn()),
                           SmallVector<bool>(stage.getCarriedOut()), {}};
  TypeRange types = forward.getArgumentTypes().take_back(stage.getParameters().size());
  for (auto [name, type] : llvm::zip(stage.getParameters(), types)) {
    StringRef reference = cast<FlatSymbolRefAttr>(name).getValue();
    auto parameter = symbols.lookup<pipe::ParameterOp>(reference);
    if (!parameter || parameter.getType() != type)
      return emitError(stage.getLoc()) << "stage " << stage.getIndex()
                                       << " uses '" << reference
                                       << "', expected a pipe.parameter of type "
                                       << type;
    signature.trainable.push_back(parameter.getTrainable());
  }
  return signature;
}

static FailureOr<std::vector<Group>> groupStages(ModuleOp module,
                                                 SymbolTable &symbols) {
  std::vector<Group> groups;
  for (auto stage : module.getOps<pipe::StageOp>()) {
    FailureOr<StageSignature> signature = readSignature(stage, symbols);
    if (failed(signature))
      return failure();
    auto isSame = [&](Group &group) { return group.signature == *signature; };
    auto found = llvm::find_if(groups, isSame);
    if (found == groups.end()) {
      groups.push_back({*signature, {}, {}});
      found = std::prev(groups.end());
    }
    found->stages.push_back(stage);
  }
  return groups;
}

//===----------------------------------------------------------------------===//
// Writing them
//===----------------------------------------------------------------------===//

/// Puts the functions in the place of the forward function, whose name the new
/// one keeps unless another group has it.
static void replaceForward(func::FuncOp forward, MutableArrayRef<Group> groups,
                           SymbolTable &symbols) {
  Block::iterator place = std::next(forward->getIterator());
  symbols.erase(forward);
  for (Group &group : groups) {
    if (group.signature.forward != forward)
      continue;
    StageGradient &made = group.gradient;
    symbols.insert(made.forward, place);
    symbols.insert(made.inputGradient, place);
    symbols.insert(made.weightGradient, place);
    for (pipe::StageOp stage : group.stages) {
      stage.setForward(made.forward.getName());
      stage.setInputGradient(made.inputGradient.getName());
      stage.setWeightGradient(made.weightGradient.getName());
      if (made.joint)
        stage.setJoint(*made.joint);
    }
  }
}

void Differentiate::runOnOperation() {
  SymbolTable symbols(getOperation());
  FailureOr<std::vector<Group>> groups = groupStages(getOperation(), symbols);
  if (failed(groups))
    return signalPassFailure();
  bool covered = true;
  for (Group &group : *groups)
    covered &= succeeded(checkRules(group.signature));
  if (!covered)
    return signalPassFailure();
  SetVector<Operation *> functions;
  for (Group &group : *groups) {
    JointGradient joint = buildJointGradient(group.signature);
    group.gradient = splitGradient(group.signature, joint);
    functions.insert(group.signature.forward);
  }
  for (Operation *forward : functions)
    replaceForward(cast<func::FuncOp>(forward), *groups, symbols);
}
