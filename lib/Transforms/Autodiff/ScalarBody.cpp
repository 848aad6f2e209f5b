//===- ScalarBody.cpp - The body of an elementwise operation, by its scalars -===//

#include "lib/Transforms/Autodiff/ScalarBody.h"

#include "lib/Transforms/Autodiff/GradientSums.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace bitpipe;

Value bitpipe::unscaled(Operation *op) {
  if (auto negation = dyn_cast<arith::NegFOp>(op))
    return negation.getOperand();
  bool isProduct = isa<arith::MulFOp, arith::MulIOp>(op);
  if (!isProduct && !isa<arith::DivFOp>(op))
    return nullptr;
  if (matchPattern(op->getOperand(1), m_Constant()))
    return op->getOperand(0);
  return isProduct && matchPattern(op->getOperand(0), m_Constant()) ? op->getOperand(1) : Value();
}

arith::DivFOp ScalarBody::findDivision() const {
  Operation *last = yielded().getDefiningOp();
  while (last && last->getBlock() == op.getBody()) {
    Value next = unscaled(last);
    if (auto division = dyn_cast<arith::DivFOp>(last); division && !next)
      return division;
    last = next ? next.getDefiningOp() : nullptr;
  }
  return nullptr;
}

llvm::SetVector<unsigned> ScalarBody::operandsOf(Value scalar) const {
  SetVector<Operation *> steps;
  SetVector<unsigned> operands;
  collect(scalar, nullptr, nullptr, steps, operands);
  return operands;
}

void ScalarBody::collect(Value scalar, Operation *skipped, Value instead,
                         SetVector<Operation *> &steps, SetVector<unsigned> &operands) const {
  if (auto argument = dyn_cast<BlockArgument>(scalar)) {
    operands.insert(argument.getArgNumber());
    return;
  }
  Operation *step = scalar.getDefiningOp();
  if (step->getBlock() != op.getBody())
    return; // a constant from outside
  if (step == skipped)
    return collect(instead, skipped, instead, steps, operands);
  for (Value operand : step->getOperands())
    collect(operand, skipped, instead, steps, operands);
  steps.insert(step);
}

Value ScalarBody::apart(OpBuilder &builder, Value scalar, Operation *skipped,
                        Value instead) const {
  SetVector<Operation *> steps;
  SetVector<unsigned> operands;
  collect(scalar, skipped, instead, steps, operands);
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps, allMaps = op.getIndexingMapsArray();
  for (unsigned i : operands) {
    inputs.push_back(op->getOperand(i));
    maps.push_back(allMaps[i]);
  }
  maps.push_back(allMaps.back());
  auto type = cast<RankedTensorType>(op->getResult(0).getType()).clone(scalar.getType());
  auto body = [&](OpBuilder &nested, Location loc, ValueRange arguments) {
    IRMapping mapping;
    for (auto [position, i] : llvm::enumerate(operands))
      mapping.map(op.getBody()->getArgument(i), arguments[position]);
    auto link = [&] {
      if (skipped)
        mapping.map(skipped->getResult(0), mapping.lookupOrDefault(instead));
    };
    link();
    for (Operation *step : steps) {
      nested.clone(*step, mapping);
      link();
    }
    linalg::YieldOp::create(nested, loc, mapping.lookupOrDefault(scalar));
  };
  return linalg::GenericOp::create(builder, op.getLoc(), type, inputs,
                                   emptyTensor(builder, op.getLoc(), type), maps,
                                   op.getIteratorTypesArray(), body)
      .getResult(0);
}
