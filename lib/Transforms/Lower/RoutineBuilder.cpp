//===- RoutineBuilder.cpp - A function becomes a list of calls -------------===//

#include "lib/Transforms/Lower/RoutineBuilder.h"

#include "lib/Transforms/Lower/TensorFacts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

LogicalResult RoutineBuilder::lower(ArrayRef<Place> arguments,
                                    ArrayRef<ResultSpec> specs,
                                    SmallVectorImpl<Place> &results) {
  for (auto [argument, place] : llvm::zip(function.getArguments(), arguments))
    places[argument] = place;
  requestResults(arguments, specs);
  destinations.assignRest();
  Block &body = function.getBody().front();
  for (Operation &op : body.without_terminator())
    if (failed(emit(&op)))
      return failure();
  auto returned = body.getTerminator()->getOperands();
  for (auto [value, spec] : llvm::zip(returned, specs))
    results.push_back(finish(value, spec));
  return success();
}

void RoutineBuilder::requestResults(ArrayRef<Place> arguments,
                                    ArrayRef<ResultSpec> specs) {
  Operation *terminator = function.getBody().front().getTerminator();
  for (auto [value, spec] : llvm::zip(terminator->getOperands(), specs)) {
    if (!std::holds_alternative<Place>(spec))
      continue;
    Place place = std::get<Place>(spec);
    // The sum so far is an argument at the place of its result.
    for (auto [i, argument] : llvm::enumerate(arguments))
      if (argument.sameMemory(place))
        place.notBefore = destinations.lastUser(function.getArgument(i));
    destinations.request(value, place);
  }
  for (auto [value, spec] : llvm::zip(terminator->getOperands(), specs))
    if (auto *block = std::get_if<RoutineBlock>(&spec))
      destinations.keep(value, *block);
}

Place RoutineBuilder::finish(Value value, const ResultSpec &spec) {
  Location loc = function.getBody().front().getTerminator()->getLoc();
  if (auto *place = std::get_if<Place>(&spec)) {
    writeTo(value, *place, loc);
    return *place;
  }
  Operation *maker = value.getDefiningOp();
  if (!splatOf(value) && !(maker && isDeferred(maker))) {
    Place place = read(value);
    if (memory[place.buffer].block)
      return place;
  }
  Place place = memory.addToBlock(std::get<RoutineBlock>(spec),
                                  cast<RankedTensorType>(value.getType()));
  writeTo(value, place, loc);
  return place;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

void RoutineBuilder::call(Location loc, KernelCall kernel) {
  calls.push_back({loc, std::move(kernel)});
}

Place RoutineBuilder::read(Value value) {
  if (auto found = places.find(value); found != places.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  auto type = cast<RankedTensorType>(value.getType());
  if (splatOf(value) || !isView(op)) {
    Place place = memory.temporary(type);
    writeTo(value, place, op->getLoc());
    return place;
  }
  Place source = read(viewSource(op));
  std::optional<Place> place = viewOf(op, source);
  if (!place) { // strides cannot say it
    place = memory.temporary(type);
    call(op->getLoc(),
         kernels.copy(op->getLoc(), source, *sourceOfView(op, *place)));
  }
  return places[value] = *place;
}

void RoutineBuilder::writeTo(Value value, const Place &place, Location loc) {
  auto found = places.find(value);
  if (found != places.end() && found->second.sameMemory(place))
    return;
  Operation *op = value.getDefiningOp();
  if (TypedAttr scalar = splatOf(value))
    return call(loc, kernels.fill(loc, scalar, place));
  if (DenseElementsAttr constant = denseConstantOf(value))
    return call(loc, kernels.constant(loc, constant, place));
  if (found == places.end() && isa_and_nonnull<tensor::EmptyOp>(op))
    return;
  if (found == places.end() && !isView(op)) { // a broadcast nobody absorbed
    auto broadcast = cast<DestinationStyleOpInterface>(op);
    KernelOperand operands[] = {read(broadcastSource(op)), place};
    return call(loc, *kernels.outline(broadcast, operands));
  }
  if (found == places.end()) { // a view, maybe one that has to be copied
    Place source = read(viewSource(op));
    if (!viewOf(op, source))
      return call(loc, kernels.copy(loc, source, *sourceOfView(op, place)));
  }
  Place source = read(value);
  if (!source.sameMemory(place))
    call(loc, kernels.copy(loc, source, place));
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult RoutineBuilder::emit(Operation *op) {
  if (isa<linalg::FillOp>(op))
    if (const Place *place = destinations.lookup(op->getResult(0))) {
      call(op->getLoc(),
           kernels.fill(op->getLoc(), splatOf(op->getResult(0)), *place));
      places[op->getResult(0)] = *place;
    }
  if (isView(op) || isDeferred(op))
    return success(); // when it is used
  if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    emitConcat(concat);
    return success();
  }
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    emitInsert(insert);
    return success();
  }
  auto computed = dyn_cast<DestinationStyleOpInterface>(op);
  if (!computed || !isa<linalg::LinalgDialect, pipe::PipeDialect>(
                       op->getDialect()))
    return emitError(op->getLoc())
           << op->getName() << " has no lowering, expected a linalg or pipe "
           << "operation in destination style or a view of a tensor";
  return emitComputed(computed);
}

void RoutineBuilder::emitConcat(tensor::ConcatOp op) {
  Place whole = *destinations.lookup(op.getResult());
  SmallVector<int64_t> offsets(whole.sizes.size(), 0);
  for (Value input : op.getInputs()) {
    auto type = cast<RankedTensorType>(input.getType());
    writeTo(input, sliced(whole, offsets, type.getShape()), op.getLoc());
    offsets[op.getDim()] += type.getDimSize(op.getDim());
  }
  places[op.getResult()] = whole;
}

void RoutineBuilder::emitInsert(tensor::InsertSliceOp op) {
  Place whole = *destinations.lookup(op.getResult());
  writeTo(op.getDest(), whole, op.getLoc());
  writeTo(op.getSource(), insertedPlace(op, whole), op.getLoc());
  places[op.getResult()] = whole;
}

/// Whether the other operands say how often every loop runs.
static bool sizesAreKnownWithout(OpOperand &input, linalg::GenericOp op) {
  llvm::SmallBitVector known(op.getNumLoops());
  for (OpOperand &other : op->getOpOperands())
    if (&other != &input && !(op.isDpsInput(&other) && splatOf(other.get())))
      for (AffineExpr place : op.getMatchingIndexingMap(&other).getResults())
        if (auto loop = dyn_cast<AffineDimExpr>(place))
          known.set(loop.getPosition());
  return known.all();
}

/// The kernel's operand for an input: scalars and constants need no memory.
KernelOperand RoutineBuilder::inputOperand(OpOperand &operand) {
  auto generic = dyn_cast<linalg::GenericOp>(operand.getOwner());
  Value input = operand.get();
  if (generic && sizesAreKnownWithout(operand, generic))
    if (TypedAttr scalar = splatOf(input))
      return scalar;
  if (DenseElementsAttr constant = denseConstantOf(input))
    return constant;
  return read(input);
}

LogicalResult RoutineBuilder::emitComputed(DestinationStyleOpInterface op) {
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  for (Value operand : op->getOperands())
    if (!isa<RankedTensorType>(operand.getType()))
      return emitError(op->getLoc())
             << op->getName() << " has an operand of type "
             << operand.getType() << ", expected tensors only";
  if (auto attention = dyn_cast<pipe::AttentionOp>(op.getOperation()))
    return emitAttention(attention);
  if (auto gradient = dyn_cast<pipe::AttentionGradOp>(op.getOperation()))
    return emitAttention(gradient);
  if (generic)
    if (std::optional<double> alpha = matchContraction(generic))
      return emitContraction(generic, *alpha);
  return biasGradients.sums.contains(op) ? success() : emitKernel(op); // a sum goes with its product
}

LogicalResult RoutineBuilder::emitKernel(DestinationStyleOpInterface op) {
  SmallVector<KernelOperand, 0> operands;
  for (OpOperand *input : op.getDpsInputOperands())
    operands.push_back(inputOperand(*input));
  size_t inputs = operands.size();
  SmallVector<std::pair<Place, Place>, 0> moves;
  for (auto [i, init] : llvm::enumerate(op.getDpsInits())) {
    Place place = *destinations.lookup(op->getResult(i)), target = place;
    if (disturbs(op, i, ArrayRef(operands).take_front(inputs), place)) {
      target = memory.temporary(
          cast<RankedTensorType>(op->getResult(i).getType()));
      moves.emplace_back(target, place);
    }
    if (readsInit(op, i))
      writeTo(init, target, op->getLoc());
    operands.push_back(target);
    places[op->getResult(i)] = place;
  }
  FailureOr<KernelCall> kernel = kernels.outline(op, operands);
  if (failed(kernel))
    return failure();
  call(op->getLoc(), *kernel);
  for (auto &[from, to] : moves)
    call(op->getLoc(), kernels.copy(op->getLoc(), from, to));
  return success();
}

/// Whether the operation would read a gradient sum in another order than it
/// writes it, and so needs a temporary for the result.
bool RoutineBuilder::disturbs(DestinationStyleOpInterface op, unsigned result,
                              ArrayRef<KernelOperand> inputs,
                              const Place &target) const {
  const Buffer &buffer = memory[target.buffer];
  if (!buffer.block || buffer.block->role != Role::Gradients)
    return false;
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  for (auto [i, operand] : llvm::enumerate(inputs)) {
    auto *place = std::get_if<Place>(&operand);
    if (!place || place->buffer != target.buffer ||
        place->offset != target.offset)
      continue;
    bool sameOrder = generic && place->sameMemory(target) &&
                     generic.getIndexingMapsArray()[i] ==
                         generic.getIndexingMapsArray()[inputs.size() + result];
    if (!sameOrder)
      return true;
  }
  return false;
}
