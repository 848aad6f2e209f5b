//===- StageFunctions.cpp - The functions of a stage, checked --------------===//

#include "lib/Transforms/Lower/StageLowering.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

namespace {

/// Compares a function's signature with what the stage says of it.
class SignatureCheck {
public:
  SignatureCheck(pipe::StageOp stage, func::FuncOp function)
      : stage(stage), function(function) {}

  LogicalResult arguments(size_t expected, StringRef what) {
    if (function.getNumArguments() == expected)
      return success();
    return error() << " has " << function.getNumArguments()
                   << " arguments, expected " << expected << ": " << what;
  }
  LogicalResult results(size_t expected, StringRef what) {
    if (function.getNumResults() == expected)
      return success();
    return error() << " has " << function.getNumResults()
                   << " results, expected " << expected << ": " << what;
  }
  LogicalResult atLeast(size_t got, size_t expected, StringRef what) {
    if (got >= expected)
      return success();
    return error() << " has " << got << " " << what << ", expected at least "
                   << expected;
  }
  LogicalResult type(Type got, Type expected, const Twine &what) {
    if (got == expected)
      return success();
    return error() << " has " << what << " of type " << got << ", expected "
                   << expected;
  }
  /// One block, static tensors of elements that lie in memory.
  LogicalResult body() {
    if (!llvm::hasSingleElement(function.getBody()))
      return error() << " has "
                     << std::distance(function.getBody().begin(),
                                      function.getBody().end())
                     << " blocks, expected 1";
    auto isStored = [](Type type) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      return tensor && tensor.hasStaticShape() &&
             elementBytes(tensor.getElementType()) > 0;
    };
    auto type = function.getFunctionType();
    for (auto types : {type.getInputs(), type.getResults()})
      for (Type one : types)
        if (!isStored(one))
          return error() << " has a value of type " << one
                         << ", expected a static tensor of numbers";
    return success();
  }

private:
  InFlightDiagnostic error() {
    return emitError(function.getLoc())
           << "function '" << function.getSymName() << "' of stage "
           << stage.getIndex();
  }

  pipe::StageOp stage;
  func::FuncOp function;
};

/// Parameters, and the working weights behind them.
size_t parameterArguments(pipe::StageOp stage) {
  return stage.getParameters().size() + stage.workingNames().size();
}

LogicalResult checkWorking(SignatureCheck &check, pipe::StageOp stage, TypeRange types,
                           SymbolTable &symbols) {
  for (auto [ref, type] : llvm::zip(stage.workingNames(), types)) {
    StringRef name = cast<FlatSymbolRefAttr>(ref).getValue();
    auto parameter = symbols.lookup<pipe::ParameterOp>(name);
    auto expected = cast<RankedTensorType>(parameter.getType())
                        .clone(BFloat16Type::get(stage.getContext()));
    if (failed(check.type(type, expected, "working weights of '" + name + "'")))
      return failure();
  }
  return success();
}

LogicalResult checkForward(pipe::StageOp stage, func::FuncOp forward,
                           SymbolTable &symbols) {
  SignatureCheck check(stage, forward);
  size_t dropouts = stage.getDropouts().size();
  size_t before = stage.getCarriedIn().size() + stage.getInputs().size() + dropouts;
  size_t carriedOut = stage.carriedByForward();
  if (failed(check.body()) ||
      failed(check.arguments(before + parameterArguments(stage),
                             "carried in, inputs, dropout keys, parameters, working weights")) ||
      failed(check.atLeast(forward.getNumResults(), carriedOut, "results")))
    return failure();
  auto key = RankedTensorType::get({}, Builder(stage.getContext()).getI64Type());
  for (Type type : forward.getArgumentTypes().slice(before - dropouts, dropouts))
    if (failed(check.type(type, key, "a dropout key")))
      return failure();
  auto types = forward.getArgumentTypes().drop_front(before);
  for (auto [ref, type] :
       llvm::zip(stage.getParameters().getAsRange<FlatSymbolRefAttr>(), types)) {
    auto parameter = symbols.lookup<pipe::ParameterOp>(ref.getValue());
    if (failed(check.type(type, parameter.getType(),
                          "parameter '" + ref.getValue() + "'")))
      return failure();
  }
  return checkWorking(check, stage, types.drop_front(stage.getParameters().size()),
                      symbols);
}

/// A recomputation takes what the forward takes, which then saves nothing.
LogicalResult checkRecompute(pipe::StageOp stage, func::FuncOp forward,
                             func::FuncOp recompute) {
  SignatureCheck check(stage, recompute);
  if (failed(SignatureCheck(stage, forward)
                 .results(stage.carriedByForward(),
                          "carried out, since the stage recomputes what it saves")) ||
      failed(check.body()) ||
      failed(check.arguments(forward.getNumArguments(), "those of the forward")))
    return failure();
  for (auto [got, expected] :
       llvm::zip(recompute.getArgumentTypes(), forward.getArgumentTypes()))
    if (failed(check.type(got, expected, "an argument of the forward")))
      return failure();
  return success();
}

/// The saved arguments of the input gradient have the types that the forward
/// function returns behind what it carries out, or the recomputation.
LogicalResult checkInputGradient(pipe::StageOp stage, const StageFunctions &functions) {
  func::FuncOp saving = functions.saving(), gradient = functions.inputGradient;
  SignatureCheck check(stage, gradient);
  size_t firstSaved = functions.resultsBeforeSaved(stage);
  size_t saved = saving.getNumResults() - firstSaved;
  size_t gradientsOut = llvm::count(stage.getCarriedOut(), true);
  size_t gradientsIn = llvm::count(stage.getCarriedIn(), true);
  size_t parameters = stage.getParameters().size();
  size_t before = gradientsOut + saved + parameters;
  ArrayRef<int64_t> joint = stage.jointNumbers();
  if (failed(check.body()) ||
      failed(check.arguments(before + joint.size() + stage.workingNames().size(),
                             "gradients, saved, parameters, joint gradients, working weights")) ||
      failed(check.atLeast(gradient.getNumResults(), gradientsIn + stage.jointResults(),
                           "results")))
    return failure();
  for (auto [i, number] : llvm::enumerate(joint)) {
    if (number < 0 || size_t(number) >= parameters)
      return emitError(stage.getLoc())
             << "stage " << stage.getIndex() << " has the joint gradient " << number
             << ", expected the number of one of its " << parameters << " parameters";
    Type expected = gradient.getArgumentTypes()[gradientsOut + saved + number];
    if (failed(check.type(gradient.getArgumentTypes()[before + i], expected,
                          "a joint gradient")) ||
        failed(check.type(gradient.getResultTypes()[gradientsIn + 1 + i], expected,
                          "a joint gradient")))
      return failure();
  }
  for (auto [got, expected] :
       llvm::zip(gradient.getArgumentTypes().slice(gradientsOut, saved),
                 saving.getResultTypes().drop_front(firstSaved)))
    if (failed(check.type(got, expected, "a saved value")))
      return failure();
  return success();
}

LogicalResult checkWeightGradient(pipe::StageOp stage, func::FuncOp before,
                                  func::FuncOp gradient,
                                  SymbolTable &symbols) {
  SignatureCheck check(stage, gradient);
  size_t gradientsIn = llvm::count(stage.getCarriedIn(), true);
  size_t firstKept = gradientsIn + stage.jointResults();
  size_t kept = before.getNumResults() - firstKept;
  SmallVector<Type> trainable;
  for (auto ref : stage.getParameters().getAsRange<FlatSymbolRefAttr>()) {
    auto parameter = symbols.lookup<pipe::ParameterOp>(ref.getValue());
    if (parameter.getTrainable())
      trainable.push_back(parameter.getType());
  }
  if (failed(check.body()) ||
      failed(check.arguments(kept + trainable.size(),
                             "kept, gradients of trainable parameters")) ||
      failed(check.results(trainable.size(),
                           "gradients of trainable parameters")))
    return failure();
  for (auto [got, expected] :
       llvm::zip(gradient.getArgumentTypes().take_front(kept),
                 before.getResultTypes().drop_front(firstKept)))
    if (failed(check.type(got, expected, "a kept value")))
      return failure();
  for (auto types : {gradient.getArgumentTypes().drop_front(kept),
                     gradient.getResultTypes()})
    for (auto [got, expected] : llvm::zip(types, trainable))
      if (failed(check.type(got, expected, "a gradient")))
        return failure();
  return success();
}

FailureOr<func::FuncOp> lookup(pipe::StageOp stage, SymbolTable &symbols,
                               std::optional<StringRef> name) {
  if (!name)
    return func::FuncOp();
  auto function = symbols.lookup<func::FuncOp>(*name);
  if (!function || function.isExternal())
    return emitError(stage.getLoc())
           << "stage " << stage.getIndex() << " names function '" << *name
           << "', which is not defined";
  return function;
}

} // namespace

FailureOr<StageFunctions> StageFunctions::find(pipe::StageOp stage,
                                               SymbolTable &symbols) {
  auto forward = lookup(stage, symbols, stage.getForward());
  auto recompute = lookup(stage, symbols, stage.getRecompute());
  auto input = lookup(stage, symbols, stage.getInputGradient());
  auto weight = lookup(stage, symbols, stage.getWeightGradient());
  if (failed(forward) || failed(recompute) || failed(input) || failed(weight))
    return failure();
  if (*weight && !*input)
    return emitError(stage.getLoc())
           << "stage " << stage.getIndex()
           << " has a weight gradient but no input gradient, expected both";
  StageFunctions functions{*forward, *recompute, *input, *weight};
  if (failed(checkForward(stage, *forward, symbols)) ||
      (*recompute && failed(checkRecompute(stage, *forward, *recompute))) ||
      (*input && failed(checkInputGradient(stage, functions))) ||
      (*weight && failed(checkWeightGradient(stage, *input, *weight, symbols))))
    return failure();
  return functions;
}
