//===- AttentionOperands.cpp - Operands in pipe.attention's order ----------===//

#include "lib/Transforms/ONNX/AttentionOperands.h"
#include "lib/Transforms/ONNX/AttentionSearch.h"
#include "lib/Transforms/ONNX/Scores.h"
#include "lib/Transforms/ONNX/Views.h"

#include <limits>

using namespace mlir;
using namespace bitpipe;

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

/// The value in another shape; one that it was made from, if that has it.
static Value reshaped(Expansion &e, Value value, ArrayRef<int64_t> shape) {
  if (Value before = inShape(value, shape))
    return before;
  return e.reshape(reshapedRoot(value), shape);
}

/// The value transposed; together with a transpose that it comes from.
static Value transposed(Expansion &e, Value value, ArrayRef<int64_t> perm) {
  Node before = nodeOf(value, "Transpose");
  std::optional<SmallVector<int64_t>> first;
  if (before.getOp())
    first = permutation(before);
  if (!first)
    return e.transpose(value, perm);
  SmallVector<int64_t> both;
  for (int64_t dim : perm)
    both.push_back((*first)[dim]);
  return e.transpose(before.input(0), both);
}

/// [..., size, columns] as [..., columns, size].
static Value lastSwapped(Expansion &e, Value value) {
  auto op = value.getDefiningOp<pipe::OnnxNodeOp>();
  ArrayRef<int64_t> shape = shapeOf(value);
  if (op && isReshape(op)) {
    Value source = Node(op).input(0);
    ArrayRef<int64_t> before = shapeOf(source);
    if (before.size() >= 2 && before.take_back(2) == shape.take_back(2)) {
      SmallVector<int64_t> swapped(shape);
      std::swap(swapped[shape.size() - 1], swapped[shape.size() - 2]);
      return reshaped(e, lastSwapped(e, source), swapped);
    }
  }
  SmallVector<int64_t> perm = axisToLast(shape.size() - 2, shape.size());
  return transposed(e, value, perm);
}

//===----------------------------------------------------------------------===//
// Repeated heads
//===----------------------------------------------------------------------===//

/// The count of elements of some dimensions.
static int64_t count(ArrayRef<int64_t> shape) { return ShapedType::getNumElements(shape); }

/// What an Expand along one dimension repeats, and how often; `before` and `after`
/// are the elements around that dimension.
struct Repetition {
  Value source;
  int64_t times = 1, before = 1, after = 1;
};

static std::optional<Repetition> expanded(Value value) {
  Node node = nodeOf(value, "Expand");
  if (!node.getOp())
    return std::nullopt;
  ArrayRef<int64_t> to = node.resultType().getShape();
  SmallVector<int64_t> from(to.size() - node.inputShape(0).size(), 1);
  llvm::append_range(from, node.inputShape(0));
  std::optional<Repetition> found;
  for (auto [dim, sizes] : llvm::enumerate(llvm::zip(from, to))) {
    auto [had, has] = sizes;
    if (had == has)
      continue;
    if (found)
      return std::nullopt;
    found = {node.input(0), has, count(to.take_front(dim)), count(to.drop_front(dim + 1))};
  }
  return found;
}

/// A Gather that takes every element of a dimension so many times in a row.
static std::optional<Repetition> gathered(Value value) {
  Node node = nodeOf(value, "Gather");
  if (!node.getOp() || node.inputType(1).getRank() != 1)
    return std::nullopt;
  auto axis = node.axis(0, node.inputType(0).getRank());
  auto places = integersOf(node.input(1));
  if (!axis || !places)
    return std::nullopt;
  int64_t size = node.inputShape(0)[*axis], many = places->size();
  if (size == 0 || many % size)
    return std::nullopt;
  for (auto [i, place] : llvm::enumerate(*places))
    if (place != int64_t(i) / (many / size))
      return std::nullopt;
  ArrayRef<int64_t> shape = node.resultType().getShape();
  return Repetition{node.input(0), many / size, count(shape.take_front(*axis)) * size,
                    count(shape.drop_front(*axis + 1))};
}

/// Heads, dimension `axis`, that were repeated in groups: once each.
static Value ungrouped(Expansion &e, Value value, int64_t axis) {
  Value root = reshapedRoot(value);
  auto found = expanded(root);
  if (!found)
    found = gathered(root);
  SmallVector<int64_t> shape(shapeOf(value));
  if (!found || shape[axis] % found->times)
    return value;
  shape[axis] /= found->times;
  bool isOfHeads = found->before == count(ArrayRef(shape).take_front(axis + 1)) &&
                   found->after == count(ArrayRef(shape).drop_front(axis + 1));
  return isOfHeads ? reshaped(e, found->source, shape) : value;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// A shape of fewer dimensions with ones in front.
static SmallVector<int64_t> padded(ArrayRef<int64_t> shape, size_t rank) {
  SmallVector<int64_t> all(rank - shape.size(), 1);
  llvm::append_range(all, shape);
  return all;
}

/// A tensor [lead..., m, n] as [batch, heads, m, n], where lead may repeat it to
/// `full`. What is repeated for all heads has one, if `mayShare`; anything else is
/// repeated in memory.
static Value withHeads(Expansion &e, Value value, ArrayRef<int64_t> full,
                       const AttentionPattern &pattern, bool mayShare) {
  SmallVector<int64_t> shape = padded(shapeOf(value), full.size() + 2);
  ArrayRef<int64_t> lead = ArrayRef(shape).drop_back(2), matrix = ArrayRef(shape).take_back(2);
  bool isShared = mayShare && full.size() >= 2 && full.back() == pattern.heads &&
                  lead.drop_back() == full.drop_back() && lead.back() == 1;
  if (lead != full && !isShared) {
    SmallVector<int64_t> whole(full);
    llvm::append_range(whole, matrix);
    value = e.expand(reshaped(e, value, shape), whole);
  }
  int64_t heads = isShared ? 1 : pattern.heads;
  return reshaped(e, value, {pattern.batch, heads, matrix[0], matrix[1]});
}

/// q, k or v [lead..., sequence, size] in pipe.attention's order.
static Value ordered(Expansion &e, Value value, ArrayRef<int64_t> full,
                     const AttentionPattern &pattern, bool mayShare) {
  Value heads = withHeads(e, value, full, pattern, mayShare);
  if (mayShare)
    heads = ungrouped(e, heads, 1);
  Value inOrder = transposed(e, heads, {0, 2, 1, 3});
  return mayShare ? ungrouped(e, inOrder, 2) : inOrder;
}

/// What a term adds, in as few dimensions as it has.
static Value addend(Expansion &e, const ScoreTerm &term, Value like) {
  if (!term.isMask)
    return term.factor == 1 ? term.value : e.mul(term.value, term.factor);
  Value zero = e.number(like, 0);
  Value never = e.number(like, -std::numeric_limits<double>::infinity());
  return e.where(term.value, term.wanted ? zero : never, term.wanted ? never : zero);
}

/// A term [lead..., rows, columns], any of which may be 1, in four dimensions.
static Value inFour(Expansion &e, Value value, ArrayRef<int64_t> full,
                    const AttentionPattern &pattern) {
  SmallVector<int64_t> shape = padded(shapeOf(value), full.size() + 2);
  ArrayRef<int64_t> lead = ArrayRef(shape).drop_back(2), matrix = ArrayRef(shape).take_back(2);
  auto isOne = [](int64_t size) { return size == 1; };
  SmallVector<int64_t> four{1, 1, matrix[0], matrix[1]};
  if (llvm::all_of(lead, isOne))
    return reshaped(e, value, four);
  if (full.size() == 2 && full[0] == pattern.batch) {
    std::copy(lead.begin(), lead.end(), four.begin());
    return reshaped(e, value, four);
  }
  return withHeads(e, value, full, pattern, /*mayShare=*/false);
}

static Value biasOf(Expansion &e, const AttentionPattern &pattern) {
  Value bias;
  for (const ScoreTerm &term : pattern.terms) {
    Value part = inFour(e, addend(e, term, pattern.q), term.lead, pattern);
    bias = bias ? e.add(bias, part) : part;
  }
  return bias;
}

AttentionOperands bitpipe::attentionOperands(Expansion &e, const AttentionPattern &pattern) {
  ArrayRef<int64_t> ofScores = pattern.product.resultType().getShape().drop_back(2);
  ArrayRef<int64_t> ofOutput = pattern.output.resultType().getShape().drop_back(2);
  Value keys = lastSwapped(e, pattern.k), values = pattern.output.input(1);
  AttentionOperands operands;
  operands.q = ordered(e, pattern.q, ofScores, pattern, false);
  operands.k = ordered(e, keys, ofScores, pattern, true);
  operands.v = ordered(e, values, ofOutput, pattern, true);
  if (shapeOf(operands.k)[2] != shapeOf(operands.v)[2]) {
    operands.k = ordered(e, keys, ofScores, pattern, false);
    operands.v = ordered(e, values, ofOutput, pattern, false);
  }
  operands.bias = biasOf(e, pattern);
  return operands;
}

Value bitpipe::attentionResult(Expansion &e, const AttentionPattern &pattern, Value o) {
  return e.reshape(e.transpose(o, {0, 2, 1, 3}), pattern.output.resultType().getShape());
}
