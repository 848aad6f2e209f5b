//===- BrainFloat.cpp - bf16 to and from f32 as integer arithmetic ---------===//
//
// bf16 is the upper half of f32. LLVM calls a function per element to round where
// the processor has no instruction for it, and the instruction, where there is one,
// takes small numbers for zero. Shifts and sums run in vectors everywhere, and
// everywhere give the bits that Files/Floats.h gives.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/ExpandMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace bitpipe;

namespace {

/// Integer arithmetic on one number or a vector of them, as `like` is.
class Bits {
public:
  Bits(OpBuilder &b, Location loc, Type like) : b(b), loc(loc), like(like) {}

  Type type(Type element) const {
    auto vector = dyn_cast<VectorType>(like);
    return vector ? Type(vector.clone(element)) : element;
  }
  Value number(int32_t value) {
    TypedAttr one = b.getI32IntegerAttr(value);
    if (auto vector = dyn_cast<VectorType>(type(b.getI32Type())))
      one = DenseElementsAttr::get(vector, one);
    return arith::ConstantOp::create(b, loc, one);
  }
  template <typename Op> Value make(Value x, Value y) { return Op::create(b, loc, x, y); }
  Value as(Type element, Value x) {
    return arith::BitcastOp::create(b, loc, type(element), x);
  }

private:
  OpBuilder &b;
  Location loc;
  Type like;
};

bool isConversion(Value from, Value to, bool rounds) {
  Type source = getElementTypeOrSelf(from.getType()), target = getElementTypeOrSelf(to.getType());
  return rounds ? source.isF32() && target.isBF16() : source.isBF16() && target.isF32();
}

struct Extend : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &b) const override {
    if (!isConversion(op.getIn(), op.getOut(), /*rounds=*/false))
      return failure();
    Bits bits(b, op.getLoc(), op.getType());
    Value half = bits.as(b.getI16Type(), op.getIn());
    Value whole = arith::ExtUIOp::create(b, op.getLoc(), bits.type(b.getI32Type()), half);
    Value shifted = bits.make<arith::ShLIOp>(whole, bits.number(16));
    b.replaceOp(op, bits.as(b.getF32Type(), shifted));
    return success();
  }
};

/// To nearest, ties to even: half of what is cut off is added, less one where the
/// last bit that stays is 0. A NaN would become infinity or zero; it is made quiet
/// and cut. The choice is made before the upper half is taken: LLVM would choose
/// between halves one by one.
struct Round : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &b) const override {
    if (!isConversion(op.getIn(), op.getOut(), /*rounds=*/true))
      return failure();
    Location loc = op.getLoc();
    Bits bits(b, loc, op.getType());
    Value x = bits.as(b.getI32Type(), op.getIn()), places = bits.number(16);
    Value last = bits.make<arith::AndIOp>(bits.make<arith::ShRUIOp>(x, places), bits.number(1));
    Value half = bits.make<arith::AddIOp>(last, bits.number(0x7fff));
    Value rounded = bits.make<arith::AddIOp>(x, half);
    Value quiet = bits.make<arith::OrIOp>(x, bits.number(0x400000));
    Value isNaN = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, op.getIn(), op.getIn());
    Value chosen = arith::SelectOp::create(b, loc, isNaN, quiet, rounded);
    Value upper = bits.make<arith::ShRUIOp>(chosen, places);
    Value cut = arith::TruncIOp::create(b, loc, bits.type(b.getI16Type()), upper);
    b.replaceOp(op, bits.as(b.getBF16Type(), cut));
    return success();
  }
};

} // namespace

/// `type` with i16 in the place of bf16.
static Type asBits(Type type) {
  auto half = IntegerType::get(type.getContext(), 16);
  if (type.isBF16())
    return half;
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped && shaped.getElementType().isBF16() ? shaped.clone(half) : type;
}

static Attribute asBits(Attribute value) {
  auto half = IntegerType::get(value.getContext(), 16);
  if (auto number = dyn_cast<FloatAttr>(value); number && number.getType().isBF16())
    return IntegerAttr::get(half, number.getValue().bitcastToAPInt());
  auto elements = dyn_cast<DenseElementsAttr>(value);
  return elements && elements.getElementType().isBF16() ? elements.bitcast(half) : value;
}

/// A function's or a global's own type and value.
static void holdSymbolAsBits(Operation *op) {
  if (auto function = dyn_cast<func::FuncOp>(op)) {
    auto inputs = llvm::map_to_vector(function.getArgumentTypes(), [](Type type) { return asBits(type); });
    function.setFunctionType(FunctionType::get(op->getContext(), inputs, function.getResultTypes()));
  }
  if (auto global = dyn_cast<memref::GlobalOp>(op)) {
    global.setType(cast<MemRefType>(asBits(global.getType())));
    if (auto value = global.getInitialValue())
      global.setInitialValueAttr(asBits(*value));
  }
}

void bitpipe::holdBrainFloatsAsBits(Operation *root) {
  SmallVector<arith::BitcastOp> casts;
  root->walk([&](Operation *op) {
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          argument.setType(asBits(argument.getType()));
    for (Value result : op->getResults())
      result.setType(asBits(result.getType()));
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      constant.setValueAttr(cast<TypedAttr>(asBits(constant.getValue())));
    if (auto cast = dyn_cast<arith::BitcastOp>(op))
      casts.push_back(cast);
    holdSymbolAsBits(op);
  });
  for (arith::BitcastOp cast : casts) {
    if (cast.getIn().getType() != cast.getType())
      continue;
    cast.replaceAllUsesWith(cast.getIn());
    cast.erase();
  }
}

void bitpipe::populateBrainFloatPatterns(RewritePatternSet &patterns) {
  patterns.add<Extend, Round>(patterns.getContext());
}
