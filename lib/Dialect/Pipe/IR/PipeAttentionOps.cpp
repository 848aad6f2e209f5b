//===- PipeAttentionOps.cpp - Verifiers of attention -----------------------===//
//
// q, k and v have the sizes; every other operand is held to them.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace bitpipe::pipe;

namespace {

/// A size that an operand may have as it likes.
constexpr int64_t kAny = -1;

/// How a shape is written in an error: "2x?x4x8".
std::string written(ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + (size == kAny ? "?" : std::to_string(size));
  return text.empty() ? "no dimensions" : text;
}

InFlightDiagnostic refuse(Operation *op) {
  return mlir::emitError(op->getLoc()) << op->getName() << " ";
}

template <typename Op>
class Checker {
public:
  explicit Checker(Op op) : op(op) {}

  LogicalResult checkAttributes();
  LogicalResult checkArity(size_t plainInits, bool mayHaveBiasGradient);
  /// Sets the sizes.
  LogicalResult checkInputs();
  LogicalResult checkResults();
  LogicalResult checkGradients();

private:
  LogicalResult checkRange(StringRef name, std::optional<int64_t> value);
  LogicalResult checkShape(Value value, StringRef name, ArrayRef<int64_t> want);
  LogicalResult checkElement(Value value, StringRef name, Type want);
  LogicalResult checkTensor(Value value, StringRef name, ArrayRef<int64_t> want) {
    return success(succeeded(checkShape(value, name, want)) &&
                   succeeded(checkElement(value, name, element)));
  }
  LogicalResult checkSums(Value lse) {
    return success(succeeded(checkShape(lse, "lse", {n.batch, n.heads, n.rows})) &&
                   succeeded(checkElement(lse, "lse", Float32Type::get(op->getContext()))));
  }
  LogicalResult checkBias(Value bias);
  LogicalResult checkDropout(Value key);

  /// Of the bias, to which scores are added up.
  Type wideElement() const {
    return element.isBF16() ? Float32Type::get(op->getContext()) : element;
  }

  Op op;
  Type element;
  AttentionSizes n = {};
};

template <typename Op>
LogicalResult Checker<Op>::checkRange(StringRef name, std::optional<int64_t> value) {
  if (!value || *value >= 0)
    return success();
  return refuse(op) << "has " << name << " " << *value << ", expected 0 or more";
}

template <typename Op>
LogicalResult Checker<Op>::checkAttributes() {
  if (failed(checkRange("left", op.getLeft())) ||
      failed(checkRange("right", op.getRight())))
    return failure();
  double scale = op.getScale().convertToDouble();
  if (!std::isfinite(scale))
    return refuse(op) << "has scale " << scale << ", expected a finite number";
  if (auto given = op.getSoftcap()) {
    double softcap = given->convertToDouble();
    if (!(softcap > 0) || !std::isfinite(softcap))
      return refuse(op) << "has softcap " << softcap << ", expected a finite number above 0";
  }
  if (auto given = op.getDropout()) {
    double ratio = given->convertToDouble();
    if (!(ratio >= 0 && ratio < 1))
      return refuse(op) << "has dropout " << ratio << ", expected 0 or more and below 1";
  }
  return success();
}

template <typename Op>
LogicalResult Checker<Op>::checkArity(size_t plainInits, bool mayHaveBiasGradient) {
  size_t inputs = Op::plainInputs + op.getBiased() + op.getDropout().has_value();
  size_t gotInputs = op.getInputs().size(), gotInits = op.getInits().size();
  bool initsFit = gotInits == plainInits || (mayHaveBiasGradient && gotInits == plainInits + 1);
  if (gotInputs == inputs && initsFit)
    return success();
  auto error = refuse(op);
  error << "with" << (op.getBiased() ? "" : "out") << " bias and with"
        << (op.getDropout() ? "" : "out") << " dropout has " << gotInputs
        << " inputs and " << gotInits << " destinations, expected " << inputs
        << " and " << plainInits;
  return mayHaveBiasGradient ? error << " or " << plainInits + 1 : error;
}

template <typename Op>
LogicalResult Checker<Op>::checkShape(Value value, StringRef name, ArrayRef<int64_t> want) {
  auto type = cast<ShapedType>(value.getType());
  bool fits = type.hasStaticShape() && type.getRank() == int64_t(want.size()) &&
              llvm::all_of(llvm::zip(type.getShape(), want), [](auto sizes) {
                auto [got, wanted] = sizes;
                return got >= 1 && (wanted == kAny || got == wanted);
              });
  if (fits)
    return success();
  return refuse(op) << "has " << name << " of " << type << ", expected "
                    << written(want);
}

template <typename Op>
LogicalResult Checker<Op>::checkElement(Value value, StringRef name, Type want) {
  Type got = getElementTypeOrSelf(value.getType());
  if (got == want)
    return success();
  return refuse(op) << "has " << name << " with elements of " << got << ", expected "
                    << want;
}

template <typename Op>
LogicalResult Checker<Op>::checkInputs() {
  Value q = op.getQuery(), k = op.getKeys(), v = op.getValues();
  element = getElementTypeOrSelf(q.getType());
  if (!isa<FloatType>(element))
    return refuse(op) << "has q with elements of " << element
                      << ", expected a floating-point type";
  if (failed(checkTensor(q, "q", {kAny, kAny, kAny, kAny})))
    return failure();
  auto query = cast<ShapedType>(q.getType()).getShape();
  if (failed(checkTensor(k, "k", {query[0], kAny, kAny, query[3]})))
    return failure();
  auto keys = cast<ShapedType>(k.getType()).getShape();
  if (failed(checkTensor(v, "v", {query[0], keys[1], keys[2], kAny})))
    return failure();
  n = op.getSizes();
  if (n.heads % n.kvHeads != 0)
    return refuse(op) << "has " << n.heads << " heads in q and " << n.kvHeads
                      << " in k, expected a multiple";
  if (op.getBiased() && failed(checkBias(op.getBias())))
    return failure();
  return op.getDropout() ? checkDropout(op.getDropoutKey()) : success();
}

template <typename Op>
LogicalResult Checker<Op>::checkBias(Value bias) {
  auto type = cast<ShapedType>(bias.getType());
  int64_t full[] = {n.batch, n.heads, n.rows, n.columns};
  bool fits = type.hasStaticShape() && type.getRank() == 4 &&
              llvm::all_of(llvm::zip(type.getShape(), full), [](auto sizes) {
                auto [got, whole] = sizes;
                return got == 1 || got == whole;
              });
  if (!fits)
    return refuse(op) << "has bias of " << type << ", expected " << written(full)
                      << " or 1 in place of any size";
  return checkElement(bias, "bias", wideElement());
}

template <typename Op>
LogicalResult Checker<Op>::checkDropout(Value key) {
  if (failed(checkShape(key, "key", {})) ||
      failed(checkElement(key, "key", IntegerType::get(op->getContext(), 64))))
    return failure();
  double scores = double(n.batch) * n.heads * n.rows * n.columns;
  if (scores <= 0x1p32)
    return success();
  return refuse(op) << "with dropout has " << written({n.batch, n.heads, n.rows, n.columns})
                    << " scores, expected at most 2^32";
}

template <typename Op>
LogicalResult Checker<Op>::checkResults() {
  ValueRange inits = op.getInits();
  return success(
      succeeded(checkTensor(inits[0], "o", {n.batch, n.rows, n.heads, n.valueSize})) &&
      succeeded(checkSums(inits[1])));
}

template <typename Op>
LogicalResult Checker<Op>::checkGradients() {
  ValueRange inputs = op.getInputs(), inits = op.getInits();
  SmallVector<int64_t, 4> result{n.batch, n.rows, n.heads, n.valueSize};
  if (failed(checkTensor(inputs[0], "do", result)) ||
      failed(checkTensor(inputs[4], "o", result)) || failed(checkSums(inputs[5])) ||
      failed(checkTensor(inits[0], "dq", {n.batch, n.rows, n.heads, n.size})) ||
      failed(checkTensor(inits[1], "dk", {n.batch, n.columns, n.kvHeads, n.size})) ||
      failed(checkTensor(inits[2], "dv", {n.batch, n.columns, n.kvHeads, n.valueSize})))
    return failure();
  if (inits.size() == 3)
    return success();
  return success(
      succeeded(checkShape(inits[3], "dbias",
                           cast<ShapedType>(op.getBias().getType()).getShape())) &&
      succeeded(checkElement(inits[3], "dbias", wideElement())));
}

} // namespace

LogicalResult AttentionOp::verify() {
  Checker<AttentionOp> checker(*this);
  return success(succeeded(checker.checkAttributes()) &&
                 succeeded(checker.checkArity(2, false)) &&
                 succeeded(checker.checkInputs()) && succeeded(checker.checkResults()));
}

LogicalResult AttentionGradOp::verify() {
  Checker<AttentionGradOp> checker(*this);
  return success(succeeded(checker.checkAttributes()) &&
                 succeeded(checker.checkArity(3, getBiased())) &&
                 succeeded(checker.checkInputs()) &&
                 succeeded(checker.checkGradients()));
}
