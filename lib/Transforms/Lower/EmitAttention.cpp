//===- EmitAttention.cpp - Attention becomes one call -----------------------===//
//
// The part of RoutineBuilder that deals with attention: q, k and v are read where
// a projection has left them, and everything is written where it is wanted. Only what
// has no contiguous rows is copied.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/AttentionWorkspace.h"
#include "lib/Transforms/Lower/RoutineBuilder.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

static bool hasContiguousRows(const Place &place) {
  return place.sizes.back() == 1 || place.strides.back() == 1;
}

/// Strides of all dimensions but the last, which is contiguous.
static SmallVector<int64_t> outerStrides(const Place &place) {
  return llvm::to_vector(ArrayRef(place.strides).drop_back());
}

/// Strides of a bias, which is repeated along dimensions of 1.
static SmallVector<int64_t> repeatedStrides(const Place &place) {
  SmallVector<int64_t> strides(place.strides);
  for (auto [stride, size] : llvm::zip(strides, place.sizes))
    if (size == 1)
      stride = 0;
  return strides;
}

/// The names of the attributes that hold the plain inputs and the results.
static ArrayRef<StringRef> inputNames(pipe::AttentionOp) {
  static constexpr StringRef names[] = {"q", "k", "v"};
  return names;
}
static ArrayRef<StringRef> inputNames(pipe::AttentionGradOp) {
  static constexpr StringRef names[] = {"d_output", "q", "k", "v", "o", "lse"};
  return names;
}
static ArrayRef<StringRef> resultNames(pipe::AttentionOp) {
  static constexpr StringRef names[] = {"o", "lse"};
  return names;
}
static ArrayRef<StringRef> resultNames(pipe::AttentionGradOp) {
  static constexpr StringRef names[] = {"dq", "dk", "dv"};
  return names;
}

/// A place of the value with contiguous rows.
Place RoutineBuilder::rowsOf(Value value) {
  Place place = read(value);
  if (hasContiguousRows(place))
    return place;
  Place copy = memory.temporary(cast<RankedTensorType>(value.getType()));
  call(value.getLoc(), kernels.copy(value.getLoc(), place, copy));
  return copy;
}

static RankedTensorType workspaceType(MLIRContext *context, const pipe::AttentionSizes &n,
                                      bool gradient) {
  attention::Sizes sizes{n.batch,   n.heads, n.kvHeads,  n.rows,
                         n.columns, n.size,  n.valueSize};
  return RankedTensorType::get({attention::workspaceOf(sizes, gradient).floats},
                               Float32Type::get(context));
}

template <typename Op>
LogicalResult RoutineBuilder::emitAttention(Op op) {
  Location loc = op.getLoc();
  Type element = cast<RankedTensorType>(op.getQuery().getType()).getElementType();
  if (!element.isF32() && !element.isBF16())
    return emitError(loc) << op.getOperationName() << " has elements of " << element
                          << ", expected f32 or bf16";
  pipe::AttentionSizes n = op.getSizes();
  AttentionCall attention{
      op, element, {n.batch, n.heads, n.kvHeads, n.rows, n.columns, n.size, n.valueSize}, {}, {}};
  auto add = [&](StringRef name, const Place &place, SmallVector<int64_t> strides,
                 bool isWritten) {
    attention.operands.push_back({name, place, std::move(strides), isWritten});
  };
  for (auto [name, value] : llvm::zip(inputNames(op), op.getInputs())) {
    Place place = rowsOf(value);
    add(name, place, outerStrides(place), false);
  }
  if (Value bias = op.getBias()) {
    Place place = read(bias);
    add("bias", place, repeatedStrides(place), false);
  }
  if (Value key = op.getDropoutKey())
    add("key", read(key), {}, false);

  SmallVector<std::pair<Place, Place>, 0> moves;
  ArrayRef<StringRef> names = resultNames(op);
  for (OpResult result : op->getResults()) {
    Place target = *destinations.lookup(result), place = target;
    places[result] = target;
    if (result.getResultNumber() >= names.size()) { // the bias's, which is added to
      writeTo(op.getInits()[result.getResultNumber()], target, loc);
      add("dbias", target, repeatedStrides(target), true);
      continue;
    }
    if (!hasContiguousRows(target)) {
      place = memory.temporary(cast<RankedTensorType>(result.getType()));
      moves.emplace_back(place, target);
    }
    add(names[result.getResultNumber()], place, outerStrides(place), true);
  }
  bool isGradient = std::is_same_v<Op, pipe::AttentionGradOp>;
  attention.workspace =
      memory.temporary(workspaceType(op.getContext(), n, isGradient));
  calls.push_back({loc, std::move(attention)});
  for (auto &[from, to] : moves)
    call(loc, kernels.copy(loc, from, to));
  return success();
}

template LogicalResult RoutineBuilder::emitAttention(pipe::AttentionOp op);
template LogicalResult RoutineBuilder::emitAttention(pipe::AttentionGradOp op);
