//===- Destinations.cpp - Where the results of a function are computed -----===//

#include "lib/Transforms/Lower/Destinations.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Lower/Contraction.h"
#include "lib/Transforms/Lower/TensorFacts.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

//===----------------------------------------------------------------------===//
// Requests
//===----------------------------------------------------------------------===//

Destinations::Destinations(func::FuncOp function, Memory &memory)
    : function(function), memory(memory) {
  for (Operation &op : llvm::make_early_inc_range(
           llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  findLastUsers();
}

bool Destinations::request(Value value, Place place) {
  while (isView(value.getDefiningOp())) {
    std::optional<Place> source = sourceOfView(value.getDefiningOp(), place);
    if (!source)
      return false;
    place = *source;
    value = viewSource(value.getDefiningOp());
  }
  Operation *op = value.getDefiningOp();
  if (!op || places.contains(value) || denseConstantOf(value))
    return false;
  if (place.notBefore && op->isBeforeInBlock(place.notBefore))
    return false;
  places[value] = place;
  return true;
}

void Destinations::keep(Value value, RoutineBlock block) {
  // Slices of one tensor are kept as that tensor, unless most of it would be
  // kept for nothing.
  Value base = value, top = value;
  while (isView(top.getDefiningOp())) {
    bool isSlice = isa<tensor::ExtractSliceOp>(top.getDefiningOp());
    top = viewSource(top.getDefiningOp());
    if (isSlice)
      base = top;
  }
  auto type = cast<RankedTensorType>(base.getType());
  int64_t elements = cast<RankedTensorType>(value.getType()).getNumElements();
  bool isComputed = top.getDefiningOp() && !isDeferred(top.getDefiningOp());
  if (!isComputed || places.contains(top) ||
      type.getNumElements() > 4 * elements)
    return;
  request(base, memory.addToBlock(block, type));
}

const Place *Destinations::lookup(Value value) const {
  auto found = places.find(value);
  return found == places.end() ? nullptr : &found->second;
}

//===----------------------------------------------------------------------===//
// Lifetimes
//===----------------------------------------------------------------------===//

Value Destinations::root(Value value) const {
  while (Operation *op = value.getDefiningOp()) {
    if (isView(op))
      value = viewSource(op);
    else if (isDeferred(op) && broadcastSource(op))
      value = broadcastSource(op);
    else
      break;
  }
  return value;
}

void Destinations::findLastUsers() {
  for (Operation &op : function.getBody().front())
    if (!isView(&op) && !isDeferred(&op))
      for (Value operand : op.getOperands())
        lastUsers[root(operand)] = &op;
}

Operation *Destinations::lastUser(Value value) const {
  return lastUsers.lookup(root(value));
}

/// Whether the memory of `value` is free for anything else after `op`.
bool Destinations::diesAt(Value value, Operation *op) const {
  Value whole = root(value);
  Operation *maker = whole.getDefiningOp();
  if (!maker || isDeferred(maker) || lastUsers.lookup(whole) != op)
    return false;
  return llvm::count_if(op->getOperands(), [&](Value operand) {
           return root(operand) == whole;
         }) == 1;
}

//===----------------------------------------------------------------------===//
// Everything else
//===----------------------------------------------------------------------===//

Place Destinations::placeFor(Value result) {
  auto [entry, isNew] = places.try_emplace(result);
  if (isNew)
    entry->second = memory.temporary(cast<RankedTensorType>(result.getType()));
  return entry->second;
}

void Destinations::assignRest() {
  SmallVector<Operation *> order;
  for (Operation &op : function.getBody().front().without_terminator())
    order.push_back(&op);
  for (Operation *op : llvm::reverse(order))
    assign(op);
}

void Destinations::assign(Operation *op) {
  if (isDeferred(op))
    return;
  TypeSwitch<Operation *>(op)
      .Case<tensor::CollapseShapeOp>([&](auto view) { assignCollapse(view); })
      .Case<tensor::ConcatOp>([&](auto concat) { assignConcat(concat); })
      .Case<tensor::InsertSliceOp>([&](auto insert) { assignInsert(insert); })
      .Case<linalg::TransposeOp>([](auto) {})
      .Case<DestinationStyleOpInterface>(
          [&](auto computed) { assignComputed(computed); });
}

/// A collapse of transposed dimensions is a view only if its source was
/// computed in the transposed order.
void Destinations::assignCollapse(Operation *op) {
  Value source = viewSource(op);
  bool isTransposed = false;
  while (isView(source.getDefiningOp())) {
    isTransposed |= isa<linalg::TransposeOp>(source.getDefiningOp());
    source = viewSource(source.getDefiningOp());
  }
  if (isTransposed && !places.contains(source)) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    request(op->getResult(0), memory.temporary(type));
  }
}

void Destinations::assignConcat(tensor::ConcatOp op) {
  Place whole = placeFor(op.getResult());
  SmallVector<int64_t> offsets(whole.sizes.size(), 0);
  for (Value input : op.getInputs()) {
    auto type = cast<RankedTensorType>(input.getType());
    request(input, sliced(whole, offsets, type.getShape()));
    offsets[op.getDim()] += type.getDimSize(op.getDim());
  }
}

/// Whether two insertions write an element both.
static bool overlap(tensor::InsertSliceOp a, tensor::InsertSliceOp b) {
  for (auto [offsetA, sizeA, offsetB, sizeB] :
       llvm::zip(a.getStaticOffsets(), a.getStaticSizes(),
                 b.getStaticOffsets(), b.getStaticSizes()))
    if (offsetA + sizeA <= offsetB || offsetB + sizeB <= offsetA)
      return false;
  return true;
}

static bool areApart(ArrayRef<tensor::InsertSliceOp> chain) {
  for (size_t i = 0; i < chain.size(); ++i) {
    tensor::InsertSliceOp op = chain[i];
    if (llvm::any_of(op.getStaticStrides(), [](int64_t s) { return s != 1; }))
      return false;
    for (tensor::InsertSliceOp other : chain.take_front(i))
      if (overlap(op, other))
        return false;
  }
  return true;
}

/// A chain of insertions works on one place. Into a constant it is written
/// by the producers of the pieces, and filled before them where no piece is.
void Destinations::assignInsert(tensor::InsertSliceOp op) {
  if (places.contains(op.getResult()) &&
      isa<tensor::InsertSliceOp>(*op.getResult().user_begin()))
    return; // a later link of the chain has seen to it
  Place whole = placeFor(op.getResult());
  SmallVector<tensor::InsertSliceOp> chain = {op};
  auto next = [&] { return chain.back().getDest(); };
  while (next().getDefiningOp<tensor::InsertSliceOp>() &&
         next().hasOneUse() && request(next(), whole))
    chain.push_back(next().getDefiningOp<tensor::InsertSliceOp>());
  tensor::InsertSliceOp first = chain.back();
  TypedAttr scalar = splatOf(first.getDest());
  bool isEmpty = bool(first.getDest().getDefiningOp<tensor::EmptyOp>());
  if (!scalar && !isEmpty) {
    if (diesAt(first.getDest(), first))
      request(first.getDest(), whole);
    return;
  }
  if (!areApart(chain) || whole.notBefore)
    return;

  int64_t covered = 0;
  Operation *earliest = first;
  for (tensor::InsertSliceOp link : chain) {
    covered += link.getSourceType().getNumElements();
    Operation *maker = root(link.getSource()).getDefiningOp();
    if (maker && maker->isBeforeInBlock(earliest))
      earliest = maker;
  }
  OpBuilder builder(earliest);
  auto type = first.getDestType();
  Value dest = tensor::EmptyOp::create(builder, op.getLoc(), type.getShape(),
                                       type.getElementType());
  if (scalar && covered < type.getNumElements()) {
    Value value = arith::ConstantOp::create(builder, op.getLoc(), scalar);
    auto fill = linalg::FillOp::create(builder, op.getLoc(), value, dest);
    dest = fill.getResult(0);
    places[dest] = whole;
    whole.notBefore = fill;
  }
  first.getDestMutable().assign(dest);
  for (tensor::InsertSliceOp link : chain)
    request(link.getSource(), insertedPlace(link, whole));
}

void Destinations::assignComputed(DestinationStyleOpInterface op) {
  for (unsigned i = 0; i < op->getNumResults(); ++i) {
    placeFor(op->getResult(i));
    if (readsInit(op, i))
      reuseInit(op, i);
    else
      reuseInput(op, i);
  }
}

/// Parts of a concatenation may have users of their own: never overwritten.
static bool isAssembled(Value value) {
  while (isView(value.getDefiningOp()))
    value = viewSource(value.getDefiningOp());
  return isa_and_nonnull<tensor::ConcatOp, tensor::InsertSliceOp>(
      value.getDefiningOp());
}

void Destinations::reuseInit(DestinationStyleOpInterface op, unsigned i) {
  Value init = op.getDpsInits()[i];
  if (diesAt(init, op) && !isAssembled(init))
    request(init, placeFor(op->getResult(i)));
}

/// The operand that a row operation may overwrite, as its kernel has read all of
/// a row that it needs for an element before it writes that element.
static std::optional<unsigned> overwritable(Operation *op) {
  if (isa<pipe::SoftmaxOp, pipe::SoftmaxGradOp, pipe::LayerNormGradInputOp, pipe::DropoutOp>(op))
    return 0;
  if (isa<pipe::CrossEntropyGradOp>(op))
    return 1;
  return std::nullopt;
}

/// Elementwise operations and operations on rows overwrite a dying operand of the
/// same shape.
void Destinations::reuseInput(DestinationStyleOpInterface op, unsigned i) {
  if (std::optional<unsigned> number = overwritable(op)) {
    Value input = op->getOperand(*number), result = op->getResult(i);
    if (input.getType() == result.getType() && diesAt(input, op) && !isAssembled(input))
      request(input, placeFor(result));
    return;
  }
  if (auto fused = dyn_cast<pipe::FusedRowsOp>(op.getOperation()))
    return reuseFused(fused, i);
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic || generic.getNumReductionLoops())
    return;
  auto maps = generic.getIndexingMapsArray();
  if (!llvm::all_equal(ArrayRef<AffineMap>(maps).drop_front(generic.getNumDpsInputs())))
    return;
  Value result = op->getResult(i);
  for (auto [input, map] : llvm::zip(generic.getDpsInputs(), maps)) {
    if (map != maps.back() || input.getType() != result.getType() ||
        !diesAt(input, op) || isAssembled(input))
      continue;
    if (request(input, placeFor(result)))
      return;
  }
}

void Destinations::reuseFused(pipe::FusedRowsOp op, unsigned i) {
  Value result = op->getResult(i);
  for (auto [number, input] : llvm::enumerate(op.getInputs()))
    if (input.getType() == result.getType() && op.mayOverwrite(number) && diesAt(input, op) &&
        !isAssembled(input) && request(input, placeFor(result)))
      return;
}
