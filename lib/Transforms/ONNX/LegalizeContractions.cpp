//===- LegalizeContractions.cpp - Matrix products --------------------------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace bitpipe {
#define GEN_PASS_DEF_LEGALIZECONTRACTIONS
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

namespace {

/// An operand without the batch dimensions along which it is repeated, and how
/// the loops over (batch..., m, n, k) read it. `last` are its last dimensions.
std::pair<Value, AffineMap> batchOperand(OpBuilder &b, Location loc,
                                         Value value, ArrayRef<int64_t> batch,
                                         ArrayRef<AffineExpr> last) {
  auto type = cast<RankedTensorType>(value.getType());
  ArrayRef<int64_t> own = type.getShape().drop_back(last.size());
  SmallVector<int64_t> shape;
  SmallVector<AffineExpr> exprs;
  for (auto [i, dim] : llvm::enumerate(own)) {
    int64_t at = batch.size() - own.size() + i;
    if (dim == 1 && batch[at] != 1)
      continue;
    shape.push_back(dim);
    exprs.push_back(b.getAffineDimExpr(at));
  }
  llvm::append_range(shape, type.getShape().take_back(last.size()));
  llvm::append_range(exprs, last);
  return {reshape(b, loc, value, shape),
          AffineMap::get(batch.size() + 3, 0, exprs, b.getContext())};
}

Lowered lowerMatMul(OpBuilder &b, const Node &node) {
  RankedTensorType type = node.resultType();
  bool vectorA = node.inputType(0).getRank() == 1;
  bool vectorB = node.inputType(1).getRank() == 1;
  ArrayRef<int64_t> batch = type.getShape().drop_back(!vectorA + !vectorB);
  AffineExpr m = b.getAffineDimExpr(batch.size());
  AffineExpr n = b.getAffineDimExpr(batch.size() + 1);
  AffineExpr k = b.getAffineDimExpr(batch.size() + 2);
  SmallVector<AffineExpr> lastA{m, k}, lastB{k, n}, out;
  for (unsigned i = 0; i < batch.size(); ++i)
    out.push_back(b.getAffineDimExpr(i));
  if (vectorA)
    lastA.erase(lastA.begin());
  else
    out.push_back(m);
  if (vectorB)
    lastB.pop_back();
  else
    out.push_back(n);
  auto [lhs, lhsMap] = batchOperand(b, node.loc(), node.input(0), batch, lastA);
  auto [rhs, rhsMap] = batchOperand(b, node.loc(), node.input(1), batch, lastB);
  SmallVector<AffineMap> maps{
      lhsMap, rhsMap,
      AffineMap::get(batch.size() + 3, 0, out, b.getContext())};
  maps = compressUnusedDims(maps);
  Value zero = filledTensor(b, node.loc(), type, 0);
  return lowered(contraction(b, node.loc(), lhs, rhs, zero, maps));
}

/// Where the rows of a Gemm's operand come from several dimensions that a
/// reshape has just flattened: the operand with these dimensions kept.
Value unflattened(OpBuilder &b, Value value) {
  auto collapse = value.getDefiningOp<tensor::CollapseShapeOp>();
  if (!collapse)
    return value;
  ArrayRef<int64_t> source = collapse.getSrcType().getShape();
  size_t rows = collapse.getReassociationIndices().front().size();
  SmallVector<int64_t> shape(source.take_front(rows));
  shape.push_back(ShapedType::getNumElements(source.drop_front(rows)));
  return reshape(b, value.getLoc(), collapse.getSrc(), shape);
}

bool isOne(double number) { return number == 1.0; }

Value scaled(OpBuilder &b, Location loc, Value value, double factor) {
  if (isOne(factor))
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  return elementwise(b, loc, type, value,
                     [&](OpBuilder &inner, Location loc, ValueRange args) {
                       Value f = scalar(inner, loc, type.getElementType(),
                                        factor);
                       return arith::MulFOp::create(inner, loc, args[0], f)
                           .getResult();
                     });
}

/// The product stays in as many dimensions as its rows came in, so that what
/// follows it fuses with what came before the reshape.
Lowered lowerGemm(OpBuilder &b, const Node &node) {
  Location loc = node.loc();
  RankedTensorType flat = node.resultType();
  bool transA = node.integer("transA", 0), transB = node.integer("transB", 0);
  double alpha = node.real("alpha", 1), beta = node.real("beta", 1);
  Value bias = beta == 0 ? Value() : node.input(2);
  bool biasPerRow =
      bias && node.inputType(2).getNumElements() > flat.getDimSize(1);
  bool biasPerColumn = bias && node.inputType(2).getRank() == 2 &&
                       node.inputShape(2)[1] != flat.getDimSize(1);
  Value lhs = node.input(0);
  if (!transA && !biasPerRow && !biasPerColumn)
    lhs = unflattened(b, lhs);

  auto lhsType = cast<RankedTensorType>(lhs.getType());
  unsigned rows = lhsType.getRank() - 1;
  SmallVector<AffineExpr> out, lhsDims;
  for (unsigned i = 0; i <= rows; ++i)
    out.push_back(b.getAffineDimExpr(i));
  AffineExpr n = out.back(), k = b.getAffineDimExpr(rows + 1);
  lhsDims.assign(out.begin(), out.end() - 1);
  lhsDims.insert(transA ? lhsDims.begin() : lhsDims.end(), k);
  SmallVector<AffineExpr> rhsDims =
      transB ? SmallVector<AffineExpr>{n, k} : SmallVector<AffineExpr>{k, n};
  SmallVector<AffineMap> maps;
  for (ArrayRef<AffineExpr> dims : {ArrayRef(lhsDims), ArrayRef(rhsDims),
                                    ArrayRef(out)})
    maps.push_back(AffineMap::get(rows + 2, 0, dims, b.getContext()));

  SmallVector<int64_t> shape(lhsType.getShape().drop_back());
  if (transA)
    shape = {lhsType.getDimSize(1)};
  shape.push_back(flat.getDimSize(1));
  RankedTensorType type = flat.clone(shape);
  Value addend = bias ? scaled(b, loc, bias, beta) : Value();
  bool accumulates = addend && isOne(alpha);
  Value start = accumulates ? broadcast(b, loc, type, addend)
                            : filledTensor(b, loc, type, 0);
  Value product = contraction(b, loc, lhs, node.input(1), start, maps);
  product = scaled(b, loc, product, alpha);
  if (addend && !accumulates)
    product = elementwise(b, loc, type, {product, addend},
                          [](OpBuilder &inner, Location loc, ValueRange args) {
                            return arith::AddFOp::create(inner, loc, args[0],
                                                         args[1])
                                .getResult();
                          });
  return lowered(reshape(b, loc, product, flat.getShape()));
}

struct LegalizeContractions
    : bitpipe::impl::LegalizeContractionsBase<LegalizeContractions> {
  void runOnOperation() override {
    if (failed(legalizeNodes(getOperation(),
                             {{"MatMul", lowerMatMul}, {"Gemm", lowerGemm}})))
      signalPassFailure();
  }
};

} // namespace
