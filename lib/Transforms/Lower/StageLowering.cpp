//===- StageLowering.cpp - The routines of one stage -----------------------===//

#include "lib/Transforms/Lower/StageLowering.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

SmallVector<std::pair<int64_t, int64_t>>
lower::parameterLayout(pipe::StageOp stage, const ParameterGroups &groups) {
  ArrayRef<int64_t> own = groups.ofStage(stage.getIndex());
  SmallVector<std::pair<int64_t, int64_t>> layout;
  for (auto ref : stage.getParameters().getAsRange<FlatSymbolRefAttr>()) {
    auto [group, offset] = groups.locate(ref.getValue());
    layout.emplace_back(llvm::find(own, group) - own.begin(), offset);
  }
  return layout;
}

SmallVector<std::pair<int64_t, int64_t>>
lower::workingLayout(pipe::StageOp stage, const ParameterGroups &groups) {
  ArrayRef<int64_t> own = groups.ofStage(stage.getIndex());
  SmallVector<std::pair<int64_t, int64_t>> layout;
  for (Attribute ref : stage.workingNames()) {
    StringRef name = cast<FlatSymbolRefAttr>(ref).getValue();
    int64_t group = groups.locate(name).first;
    layout.emplace_back(llvm::find(own, group) - own.begin(),
                        *groups.member(name).working);
  }
  return layout;
}

namespace {

class StageLowering {
public:
  StageLowering(pipe::StageOp stage, bool isLast, StageFunctions functions,
                const ParameterGroups &groups, KernelLibrary &kernels, bool onGPUs)
      : stage(stage), index(stage.getIndex()), isLast(isLast), functions(functions), groups(groups),
        kernels(kernels), onGPUs(onGPUs) {}

  FailureOr<StageRoutines>
  run(llvm::function_ref<std::string(StringRef)> nameFor, OpBuilder &builder) {
    // Each finds what the one before it saved.
    auto forward = makeForward();
    if (failed(forward))
      return failure();
    auto recompute = makeRecompute();
    if (failed(recompute))
      return failure();
    auto inputGradient = makeInputGradient();
    if (failed(inputGradient))
      return failure();
    auto weightGradient = makeWeightGradient();
    if (failed(weightGradient))
      return failure();
    // Only now all blocks have their size.
    auto write = [&](func::FuncOp function, auto &routine) {
      if (!function)
        return FlatSymbolRefAttr();
      auto op = (*routine)->write(builder, nameFor(function.getSymName()));
      return FlatSymbolRefAttr::get(op.getSymNameAttr());
    };
    return StageRoutines{write(functions.forward, forward),
                         write(functions.recompute, recompute),
                         write(functions.inputGradient, inputGradient),
                         write(functions.weightGradient, weightGradient)};
  }

private:
  using Routine = FailureOr<std::unique_ptr<RoutineBuilder>>;

  Routine lower(func::FuncOp function, ArrayRef<Place> arguments,
                ArrayRef<ResultSpec> specs, SmallVectorImpl<Place> &results) {
    BiasGradients sums = onGPUs ? findBiasGradients(function) : BiasGradients();
    auto routine =
        std::make_unique<RoutineBuilder>(function, memory, kernels, std::move(sums));
    if (failed(routine->lower(arguments, specs, results)))
      return failure();
    return routine;
  }

  /// The places of the forward's arguments, which are those of the recomputation.
  void placeArguments() {
    SmallVector<Place> &arguments = forwardArguments;
    TypeRange types = functions.forward.getArgumentTypes();
    size_t carried = stage.getCarriedIn().size();
    size_t inputs = stage.getInputs().size();
    size_t dropouts = stage.getDropouts().size();
    addTo({Role::CarriedIn}, types.take_front(carried), arguments);
    for (size_t i = 0; i < inputs; ++i)
      addTo({Role::Input, int64_t(i)}, types.slice(carried + i, 1), arguments);
    for (size_t i = 0; i < dropouts; ++i)
      addTo({Role::Key, int64_t(i)}, types.slice(carried + inputs + i, 1), arguments);
    addParameters(arguments);
    addWorking(arguments);
  }

  Routine makeForward() {
    placeArguments();
    SmallVector<Place> out, results;
    TypeRange types = functions.forward.getResultTypes();
    size_t carriedOut = stage.carriedByForward();
    addTo({isLast ? Role::Loss : Role::CarriedOut},
          types.take_front(carriedOut), out);
    SmallVector<ResultSpec> specs(out.begin(), out.end());
    addSaved(types.size() - carriedOut, specs);
    Routine routine = lower(functions.forward, forwardArguments, specs, results);
    if (succeeded(routine))
      saved = SmallVector<Place>(llvm::drop_begin(results, carriedOut));
    return routine;
  }

  Routine makeRecompute() {
    func::FuncOp function = functions.recompute;
    if (!function)
      return std::unique_ptr<RoutineBuilder>();
    SmallVector<ResultSpec> specs;
    addSaved(function.getNumResults(), specs);
    return lower(function, forwardArguments, specs, saved);
  }

  /// Where so many values go that the input gradient reads.
  void addSaved(size_t count, SmallVectorImpl<ResultSpec> &specs) {
    for (size_t i = 0; i < count; ++i)
      specs.push_back(RoutineBlock{isKept(i) ? Role::SavedKept : Role::Saved});
  }

  Routine makeInputGradient() {
    func::FuncOp function = functions.inputGradient;
    if (!function)
      return std::unique_ptr<RoutineBuilder>();
    SmallVector<Place> arguments, results, in;
    size_t gradientsOut = llvm::count(stage.getCarriedOut(), true);
    addTo({isLast ? Role::Seed : Role::GradientOut},
          function.getArgumentTypes().take_front(gradientsOut), arguments);
    llvm::append_range(arguments, saved);
    addParameters(arguments);

    size_t gradientsIn = llvm::count(stage.getCarriedIn(), true);
    TypeRange types = function.getResultTypes();
    addTo({Role::GradientIn}, types.take_front(gradientsIn), in);
    if (stage.getJointAttr()) {
      addTo({Role::Loss}, types.slice(gradientsIn, 1), in);
      SmallVector<Place> sums = jointGradients();
      llvm::append_range(arguments, sums);
      llvm::append_range(in, sums);
    }
    addWorking(arguments);
    SmallVector<ResultSpec> specs(in.begin(), in.end());
    specs.append(types.size() - in.size(), RoutineBlock{Role::Kept});
    Routine routine = lower(function, arguments, specs, results);
    if (succeeded(routine))
      kept = SmallVector<Place>(llvm::drop_begin(results, in.size()));
    return routine;
  }

  /// Where the gradient of a parameter is summed up.
  Place gradientPlace(std::pair<int64_t, int64_t> place, RankedTensorType type) {
    unsigned buffer = memory.block({Role::Gradients, place.first});
    memory.reserve(buffer, group(place.first).trainableBytes);
    return densePlace(buffer, place.second, type);
  }

  /// The gradients that the input gradient adds to.
  SmallVector<Place> jointGradients() {
    SmallVector<Place> places;
    auto layout = parameterLayout(stage, groups);
    for (int64_t number : stage.jointNumbers())
      places.push_back(gradientPlace(
          layout[number], typeOf(cast<FlatSymbolRefAttr>(stage.getParameters()[number]))));
    return places;
  }

  Routine makeWeightGradient() {
    func::FuncOp function = functions.weightGradient;
    if (!function)
      return std::unique_ptr<RoutineBuilder>();
    SmallVector<Place> arguments = kept, results;
    SmallVector<ResultSpec> specs;
    auto types = function.getResultTypes();
    for (auto [type, place] : llvm::zip(types, gradientLayout())) {
      arguments.push_back(gradientPlace(place, cast<RankedTensorType>(type)));
      specs.push_back(arguments.back());
    }
    return lower(function, arguments, specs, results);
  }

  /// Adds tensors to a block, one behind the other.
  void addTo(RoutineBlock block, TypeRange types,
             SmallVectorImpl<Place> &places) {
    for (Type type : types)
      places.push_back(memory.addToBlock(block, cast<RankedTensorType>(type)));
  }

  void addParameters(SmallVectorImpl<Place> &places) {
    auto refs = stage.getParameters().getAsRange<FlatSymbolRefAttr>();
    for (auto [ref, place] : llvm::zip(refs, parameterLayout(stage, groups))) {
      const ParameterGroup &own = group(place.first);
      unsigned buffer = memory.block({Role::Weights, place.first});
      memory.reserve(buffer, own.fullBytes());
      places.push_back(densePlace(buffer, placeInFull(own, place.second), typeOf(ref)));
    }
  }

  /// What is not in the block is read in bf16 alone, and its place by nothing.
  static int64_t placeInFull(const ParameterGroup &group, int64_t offset) {
    bool isOutside = group.full && (offset < group.full->first || offset >= group.full->second);
    return isOutside ? 0 : offset - group.fullBegin();
  }

  void addWorking(SmallVectorImpl<Place> &places) {
    auto brain = BFloat16Type::get(stage.getContext());
    for (auto [ref, place] : llvm::zip(stage.workingNames(), workingLayout(stage, groups))) {
      unsigned buffer = memory.block({Role::Working, place.first});
      memory.reserve(buffer, group(place.first).workingBytes);
      RankedTensorType type = typeOf(cast<FlatSymbolRefAttr>(ref)).clone(brain);
      places.push_back(densePlace(buffer, place.second, type));
    }
  }

  /// The layout of the trainable parameters.
  SmallVector<std::pair<int64_t, int64_t>> gradientLayout() const {
    SmallVector<std::pair<int64_t, int64_t>> layout;
    for (auto place : parameterLayout(stage, groups))
      if (place.second < group(place.first).trainableBytes)
        layout.push_back(place);
    return layout;
  }

  const ParameterGroup &group(int64_t block) const {
    return groups.all()[groups.ofStage(index)[block]];
  }

  RankedTensorType typeOf(FlatSymbolRefAttr parameter) const {
    ParameterGroup::Member member = groups.member(parameter.getValue());
    return cast<RankedTensorType>(member.parameter.getType());
  }

  /// Whether the input gradient hands the i-th saved value on.
  bool isKept(size_t i) {
    func::FuncOp gradient = functions.inputGradient;
    if (!gradient)
      return false;
    size_t position = llvm::count(stage.getCarriedOut(), true) + i;
    size_t gradientsIn = llvm::count(stage.getCarriedIn(), true);
    Operation *terminator = gradient.getBody().front().getTerminator();
    return llvm::any_of(
        terminator->getOperands().drop_front(gradientsIn), [&](Value value) {
          while (isView(value.getDefiningOp()))
            value = viewSource(value.getDefiningOp());
          return value == gradient.getArgument(position);
        });
  }

  pipe::StageOp stage;
  int64_t index;
  bool isLast;
  StageFunctions functions;
  const ParameterGroups &groups;
  KernelLibrary &kernels;
  const bool onGPUs;
  Memory memory;
  SmallVector<Place> forwardArguments, saved, kept;
};

} // namespace

FailureOr<StageRoutines>
lower::lowerStage(pipe::StageOp stage, bool isLast, StageFunctions functions,
                    const ParameterGroups &groups, KernelLibrary &kernels,
                    llvm::function_ref<std::string(StringRef)> nameFor,
                    OpBuilder &builder, bool onGPUs) {
  return StageLowering(stage, isLast, functions, groups, kernels, onGPUs)
      .run(nameFor, builder);
}
