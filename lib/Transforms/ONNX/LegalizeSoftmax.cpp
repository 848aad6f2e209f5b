//===- LegalizeSoftmax.cpp - Softmax with its scale and mask ---------------===//
//
// What a softmax's operand is computed from is looked through: constant
// factors become the scale, a constant causal mask the causal attribute.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Masks.h"
#include "lib/Transforms/ONNX/Passes.h"
#include "lib/Transforms/ONNX/Scores.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/Sequence.h"

namespace bitpipe {
#define GEN_PASS_DEF_LEGALIZESOFTMAX
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

enum class Mask { None, Causal, Other };

/// What pipe.softmax can say of a mask. A row without elements would be zero there,
/// and has the same share of each where the mask is finite.
Mask classify(const MaskForm &form) {
  if (form.kind == MaskForm::Nothing)
    return Mask::None;
  bool isCausal = form.kind == MaskForm::Band && !form.left && form.right == 0 &&
                  form.hasAllRows;
  return isCausal ? Mask::Causal : Mask::Other;
}

class SoftmaxLowering {
public:
  SoftmaxLowering(ModuleOp module) : masks(module) {}
  LogicalResult lower(pipe::OnnxNodeOp op);

private:
  bool peelMask(Value &scores, bool &causal, double scale);
  bool peelAddedMask(const Node &add, Value &scores, bool &causal, double scale);
  bool peelChosenMask(const Node &where, Value &scores, bool &causal,
                      double scale);

  MaskReader masks;
};

bool SoftmaxLowering::peelAddedMask(const Node &add, Value &scores,
                                    bool &causal, double scale) {
  for (int i : {0, 1}) {
    if (add.inputType(i) != add.resultType())
      continue;
    Mask mask = classify(masks.added(add.input(1 - i), add.inputType(i), scale));
    if (mask == Mask::Other)
      continue;
    causal |= mask == Mask::Causal;
    scores = add.input(i);
    return true;
  }
  return false;
}

bool SoftmaxLowering::peelChosenMask(const Node &where, Value &scores,
                                     bool &causal, double scale) {
  for (int i : {1, 2}) {
    auto other = splatNumber(where.input(3 - i));
    if (!other || !(*other * scale <= kMaskedOut) ||
        where.inputType(i) != where.resultType())
      continue;
    Mask mask = classify(masks.chosen(where.input(0), where.inputType(i), i == 1,
                                      *other * scale));
    if (mask == Mask::Other)
      continue;
    causal |= mask == Mask::Causal;
    scores = where.input(i);
    return true;
  }
  return false;
}

bool SoftmaxLowering::peelMask(Value &scores, bool &causal, double scale) {
  if (Node add = nodeOf(scores, "Add"); add.getOp())
    return peelAddedMask(add, scores, causal, scale);
  if (Node where = nodeOf(scores, "Where"); where.getOp())
    return peelChosenMask(where, scores, causal, scale);
  return false;
}

/// The product that scores are computed from, below masks that stay.
Value productBelow(Value scores) {
  if (nodeOf(scores, "MatMul").getOp())
    return scores;
  bool isMask =
      nodeOf(scores, "Add").getOp() || nodeOf(scores, "Where").getOp();
  if (!isMask || !scores.hasOneUse())
    return {};
  for (Value input : scores.getDefiningOp()->getOperands())
    if (input.getType() == scores.getType())
      if (Value product = productBelow(input))
        return product;
  return {};
}

/// Takes constant factors from the operands of a product and returns them as
/// one: (a q)(b k) = ab (q k).
double takeFactors(Node product) {
  double scale = 1;
  if (!product.result().hasOneUse())
    return scale;
  for (OpOperand &operand : product.getOp()->getOpOperands())
    while (auto factor = constantFactor(operand.get())) {
      scale *= factor->first;
      operand.set(factor->second);
    }
  return scale;
}

/// Puts the factors of a product that stays below a mask behind the product.
void hoistFactors(Value scores) {
  Value product = productBelow(scores);
  if (!product)
    return;
  double scale = takeFactors(nodeOf(product, "MatMul"));
  if (scale == 1)
    return;
  OpBuilder b(product.getContext());
  b.setInsertionPointAfterValue(product);
  auto type = cast<RankedTensorType>(product.getType());
  auto number = DenseElementsAttr::get(
      RankedTensorType::get({}, type.getElementType()),
      FloatAttr::get(type.getElementType(), scale));
  Value factor = arith::ConstantOp::create(b, product.getLoc(), number);
  Node mul = makeNode(b, product.getLoc(), "Mul", type, {product, factor});
  product.replaceAllUsesExcept(mul.result(), mul.getOp());
}

LogicalResult SoftmaxLowering::lower(pipe::OnnxNodeOp op) {
  Node node(op);
  OpBuilder b(op);
  int64_t rank = node.inputType(0).getRank();
  auto axis = node.axis(-1, rank);
  if (!axis)
    return node.error() << "has no axis in " << node.inputType(0);
  auto perm = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(perm[*axis], perm.back());

  Value scores = node.input(0);
  double scale = 1;
  bool causal = false, isLast = *axis == rank - 1;
  while (isLast) {
    if (auto factor = constantFactor(scores); factor && factor->first > 0) {
      scale *= factor->first;
      scores = factor->second;
    } else if (!peelMask(scores, causal, scale)) {
      break;
    }
  }
  if (Node product = nodeOf(scores, "MatMul"); product.getOp())
    scale *= takeFactors(product);
  else
    hoistFactors(scores);

  Value x = isLast ? scores : transpose(b, node.loc(), scores, perm);
  auto type = cast<RankedTensorType>(x.getType());
  auto softmax = pipe::SoftmaxOp::create(
      b, node.loc(), TypeRange(type), ValueRange(x),
      ValueRange(emptyTensor(b, node.loc(), type)), b.getF64FloatAttr(scale),
      causal ? b.getUnitAttr() : UnitAttr());
  Value y = softmax->getResult(0);
  node.result().replaceAllUsesWith(
      isLast ? y : transpose(b, node.loc(), y, perm));
  op.erase();
  dropNanGuards(y);
  return success();
}

struct LegalizeSoftmax : bitpipe::impl::LegalizeSoftmaxBase<LegalizeSoftmax> {
  void runOnOperation() override {
    SmallVector<pipe::OnnxNodeOp> nodes;
    getOperation().walk([&](pipe::OnnxNodeOp op) {
      if (op.getOpType() == "Softmax")
        nodes.push_back(op);
    });
    SoftmaxLowering lowering(getOperation());
    for (pipe::OnnxNodeOp op : nodes)
      if (failed(lowering.lower(op)))
        return signalPassFailure();
  }
};

} // namespace
