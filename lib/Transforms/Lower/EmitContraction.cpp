//===- EmitContraction.cpp - Contractions become calls of pipe.matmul ------===//
//
// The part of RoutineBuilder that deals with matrix products: operands that
// have no fitting strides are packed, and the init becomes a bias, a residual
// or the sum so far.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Lower/RoutineBuilder.h"
#include "lib/Transforms/Lower/TensorFacts.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

/// A temporary for an operand with strides that always fit.
Place RoutineBuilder::packed(linalg::GenericOp op, unsigned operand,
                             const Place &c) {
  auto type = cast<RankedTensorType>(op->getOperand(operand).getType());
  Place place = memory.temporary(type);
  place.strides = packedStrides(op, operand, c);
  return place;
}

static bool isZero(TypedAttr scalar) {
  auto value = dyn_cast_or_null<FloatAttr>(scalar);
  return value && value.getValue().isZero();
}

static bool sameStrides(const Place &x, const Place &y) {
  for (auto [size, a, b] : llvm::zip(x.sizes, x.strides, y.strides))
    if (size != 1 && a != b)
      return false;
  return true;
}

LogicalResult RoutineBuilder::emitContraction(linalg::GenericOp op,
                                              double alpha) {
  Value init = op.getDpsInits()[0];
  Place target = *destinations.lookup(op->getResult(0));
  Place operands[] = {read(op.getDpsInputs()[0]), read(op.getDpsInputs()[1]),
                      target};
  auto pack = [&](unsigned i) {
    Place place = packed(op, i, operands[2]);
    if (i < 2)
      call(op.getLoc(), kernels.copy(op.getLoc(), operands[i], place));
    operands[i] = place;
  };
  auto loops = [&] {
    return loopStrides(op, operands[0], operands[1], operands[2]);
  };
  MatmulForm form;
  // The result is the first to be packed, then what misfits it: once each.
  int misfits = 0;
  for (Misfit misfit; (misfit = formMatmul(loops(), form)) != Misfit::None;) {
    if (++misfits > 3)
      return emitError(op.getLoc())
             << "contraction has no form on packed operands, expected that of "
                "a matrix product";
    if (misfit == Misfit::C)
      pack(2);
    if (misfit == Misfit::A || misfit == Misfit::Sum)
      pack(0);
    if (misfit == Misfit::B || misfit == Misfit::Sum)
      pack(1);
  }
  MatmulCall product{form,  operands[0], operands[1], operands[2],
                     {},    {},          alpha,       false, {}};
  absorbInit(op, init, product);
  if (failed(absorbSum(op, product)))
    return failure();
  if (product.form.swapped)
    std::swap(product.a, product.b);
  calls.push_back({op.getLoc(), product});
  if (!operands[2].sameMemory(target))
    call(op.getLoc(), kernels.copy(op.getLoc(), operands[2], target));
  places[op->getResult(0)] = target;
  return success();
}

/// Makes the sum of an operand that goes with the contraction part of the product, or a
/// kernel before it.
LogicalResult RoutineBuilder::absorbSum(linalg::GenericOp op, MatmulCall &product) {
  auto found = biasGradients.ofContractions.find(op);
  if (found == biasGradients.ofContractions.end())
    return success();
  linalg::GenericOp sum = found->second.sum;
  Place target = *destinations.lookup(sum->getResult(0));
  LoopStrides loops = loopStrides(op, product.a, product.b, product.c);
  if (product.bias || !fitsBiasGradient(found->second, op, loops, product.form, target, product.gradientOfA))
    return emitKernel(sum);
  writeTo(sum.getDpsInits()[0], target, sum.getLoc());
  product.biasGradient = target;
  places[sum->getResult(0)] = target;
  return success();
}

/// Makes the init part of the product, or puts it where the product is added.
void RoutineBuilder::absorbInit(linalg::GenericOp op, Value init,
                                MatmulCall &product) {
  if (isZero(splatOf(init)))
    return;
  Operation *maker = init.getDefiningOp();
  Value source = maker && isDeferred(maker) ? broadcastSource(maker) : Value();
  if (source && !splatOf(source)) {
    Place bias = read(source);
    LoopStrides loops = loopStrides(op, product.a, product.b, product.c);
    addBias(loops, op, cast<linalg::GenericOp>(maker), bias);
    MatmulForm form;
    if (bias.element.isF32() && formMatmul(loops, form) == Misfit::None) {
      product.form = form;
      product.bias = bias;
      return;
    }
  }
  bool isComputed = !source && !splatOf(init) && !denseConstantOf(init);
  if (isComputed) {
    Place place = read(init);
    if (!place.sameMemory(product.c) && sameStrides(place, product.c)) {
      product.residual = place;
      return;
    }
  }
  writeTo(init, product.c, op.getLoc());
  product.accumulate = true;
}
