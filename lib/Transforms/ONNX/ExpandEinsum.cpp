//===- ExpandEinsum.cpp - Einsum in terms of MatMul and views --------------===//
//
// Operands are multiplied from left to right. Of two, labels that nothing else
// needs are summed away first; those of both are the batch if they are needed
// later and contracted if not.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Expansion.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace bitpipe;

namespace {

/// Labels are letters; those below zero are dimensions that "..." stands for,
/// the last one being -1.
using Labels = SmallVector<int>;

struct Equation {
  SmallVector<Labels> operands;
  Labels result;
};

/// The labels of one term for a tensor of `rank` dimensions; `dots` is how
/// many dimensions "..." stands for.
std::optional<Labels> parseTerm(StringRef term, int64_t dots) {
  Labels labels;
  while (!term.empty()) {
    if (term.consume_front("...")) {
      if (dots < 0 || llvm::any_of(labels, [](int l) { return l < 0; }))
        return std::nullopt;
      for (int64_t i = dots; i > 0; --i)
        labels.push_back(-int(i));
      continue;
    }
    if (!llvm::isAlpha(term.front()))
      return std::nullopt;
    labels.push_back(term.front());
    term = term.drop_front();
  }
  return labels;
}

int64_t dotsIn(StringRef term, int64_t rank) {
  return term.contains("...") ? rank - int64_t(term.size() - 3) : 0;
}

/// Without an arrow the result has the dimensions of "...", then the labels
/// that occur once, in alphabetical order.
Labels implicitResult(const Equation &equation, int64_t dots) {
  std::map<int, int> counts;
  for (const Labels &labels : equation.operands)
    for (int label : labels)
      ++counts[label];
  Labels result;
  for (int64_t i = dots; i > 0; --i)
    result.push_back(-int(i));
  for (auto [label, count] : counts)
    if (label >= 0 && count == 1)
      result.push_back(label);
  return result;
}

bool repeats(const Labels &labels) {
  llvm::SmallDenseSet<int> seen;
  return llvm::any_of(labels, [&](int l) { return !seen.insert(l).second; });
}

std::optional<Equation> equationOf(const Node &node) {
  std::string text = node.string("equation", "").str();
  llvm::erase(text, ' ');
  auto [left, right] = StringRef(text).split("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != node.numInputs())
    return std::nullopt;
  Equation equation;
  int64_t dots = 0;
  for (auto [i, term] : llvm::enumerate(terms)) {
    int64_t rank = node.inputType(i).getRank(), own = dotsIn(term, rank);
    auto labels = parseTerm(term, own);
    if (!labels || int64_t(labels->size()) != rank)
      return std::nullopt;
    equation.operands.push_back(*labels);
    dots = std::max(dots, own);
  }
  if (StringRef(text).contains("->")) {
    auto labels = parseTerm(right, dots);
    if (!labels)
      return std::nullopt;
    equation.result = *labels;
  } else {
    equation.result = implicitResult(equation, dots);
  }
  return repeats(equation.result) ? std::nullopt : std::optional(equation);
}

/// The size of each label; nothing if operands contradict each other. A
/// dimension of one is repeated.
std::optional<std::map<int, int64_t>> sizesOf(const Node &node,
                                              const Equation &equation) {
  std::map<int, int64_t> sizes;
  for (auto [i, labels] : llvm::enumerate(equation.operands))
    for (auto [label, dim] : llvm::zip(labels, node.inputShape(i))) {
      int64_t &size = sizes.try_emplace(label, dim).first->second;
      if (size != dim && size != 1 && dim != 1)
        return std::nullopt;
      size = std::max(size, dim);
    }
  return sizes;
}

LogicalResult inferEinsum(const Node &node, SmallVectorImpl<Type> &types) {
  auto equation = equationOf(node);
  auto sizes = equation ? sizesOf(node, *equation) : std::nullopt;
  if (!sizes)
    return node.error() << "the equation '" << node.string("equation", "")
                        << "' does not fit to its operands";
  for (unsigned i = 0; i < node.numInputs(); ++i)
    if (!isa<FloatType>(node.inputType(i).getElementType()) ||
        node.inputType(i).getElementType() !=
            node.inputType(0).getElementType())
      return node.error() << "input " << i << " is " << node.inputType(i)
                          << ", expected floats of one type";
  if (llvm::any_of(equation->operands, repeats))
    return node.error() << "the equation '" << node.string("equation", "")
                        << "' takes a diagonal, which is not supported";
  SmallVector<int64_t> shape;
  for (int label : equation->result) {
    if (!sizes->count(label))
      return node.error() << "the equation '" << node.string("equation", "")
                          << "' has a label in its result only";
    shape.push_back(sizes->at(label));
  }
  types.push_back(node.inputType(0).clone(shape));
  return success();
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

/// A tensor and the label of each of its dimensions.
struct Labeled {
  Value value;
  Labels labels;
  bool has(int label) const { return llvm::is_contained(labels, label); }
  int64_t size(int label) const {
    return shapeOf(value)[llvm::find(labels, label) - labels.begin()];
  }
};

Labeled permuted(Expansion &e, const Labeled &x, const Labels &order) {
  SmallVector<int64_t> perm;
  for (int label : order)
    perm.push_back(llvm::find(x.labels, label) - x.labels.begin());
  return {e.transpose(x.value, perm), order};
}

/// Sums over the labels that are not needed any more.
Labeled summed(Expansion &e, const Labeled &x,
               function_ref<bool(int)> isNeeded) {
  SmallVector<bool> gone;
  Labels kept;
  for (int label : x.labels) {
    gone.push_back(!isNeeded(label));
    if (!gone.back())
      kept.push_back(label);
  }
  if (!llvm::is_contained(gone, true))
    return x;
  return {e.reduce("ReduceSum", x.value, gone, /*keepDims=*/false), kept};
}

/// Drops dimensions of one where another operand has more.
Labeled unrepeated(Expansion &e, const Labeled &x,
                   const std::map<int, int64_t> &sizes) {
  SmallVector<int64_t> shape;
  Labels kept;
  for (auto [label, dim] : llvm::zip(x.labels, shapeOf(x.value))) {
    if (dim == 1 && sizes.at(label) != 1)
      continue;
    shape.push_back(dim);
    kept.push_back(label);
  }
  return {e.reshape(x.value, shape), kept};
}

/// The product of two, summed over what both have and nothing else needs.
Labeled multiplied(Expansion &e, Labeled x, Labeled y,
                   function_ref<bool(int)> isNeeded) {
  x = summed(e, x, [&](int l) { return y.has(l) || isNeeded(l); });
  y = summed(e, y, [&](int l) { return x.has(l) || isNeeded(l); });
  Labels batch, inner, rows, columns;
  for (int label : x.labels)
    (!y.has(label) ? rows : isNeeded(label) ? batch : inner).push_back(label);
  for (int label : y.labels)
    if (!x.has(label))
      columns.push_back(label);
  auto joined = [](const Labels &a, const Labels &b, const Labels &c) {
    Labels all(a);
    llvm::append_range(all, b);
    llvm::append_range(all, c);
    return all;
  };
  auto shape = [&](const Labels &labels) {
    SmallVector<int64_t> dims;
    for (int label : labels)
      dims.push_back(x.has(label) ? x.size(label) : y.size(label));
    return dims;
  };
  auto count = [&](const Labels &labels) {
    return ShapedType::getNumElements(shape(labels));
  };
  auto matrices = [&](int64_t m, int64_t n) {
    SmallVector<int64_t> dims = shape(batch);
    dims.append({m, n});
    return dims;
  };
  Value lhs = e.reshape(permuted(e, x, joined(batch, rows, inner)).value,
                        matrices(count(rows), count(inner)));
  Value rhs = e.reshape(permuted(e, y, joined(batch, inner, columns)).value,
                        matrices(count(inner), count(columns)));
  // A product without a sum is no matrix product.
  Value product = inner.empty() ? e.mul(lhs, rhs)
                                : e.make("MatMul", {lhs, rhs});
  Labels labels = joined(batch, rows, columns);
  return {e.reshape(product, shape(labels)), labels};
}

Lowered expandEinsum(Expansion &e, const Node &node) {
  Equation equation = *equationOf(node);
  auto sizes = *sizesOf(node, equation);
  SmallVector<Labeled> operands;
  for (auto [i, labels] : llvm::enumerate(equation.operands))
    operands.push_back(unrepeated(e, {node.input(i), labels}, sizes));
  Labeled result = operands.front();
  auto neededAfter = [&](size_t i) {
    return [&, i](int label) {
      return llvm::is_contained(equation.result, label) ||
             llvm::any_of(ArrayRef(operands).drop_front(i + 1),
                          [&](const Labeled &x) { return x.has(label); });
    };
  };
  for (size_t i = 1; i < operands.size(); ++i)
    result = multiplied(e, result, operands[i], neededAfter(i));
  result = summed(e, result, neededAfter(operands.size() - 1));
  return lowered(permuted(e, result, equation.result).value);
}

} // namespace

void bitpipe::addEinsumOperator(OperatorTable &table) {
  table["Einsum"] = {1, ~0u, inferEinsum, nullptr, ~0u, nullptr, expandEinsum};
}
