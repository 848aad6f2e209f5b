//===- Divide.cpp - What several threads may do of one kernel --------------===//

#include "lib/Transforms/Kernels/Divide.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <numeric>

using namespace mlir;
using namespace bitpipe;

/// On functions, until they are lowered: how many bytes all units touch, for those
/// that can be divided; how many units there are; whether something is left to do.
constexpr StringLiteral bytesName = "pipe.bytes", unitsName = "pipe.units",
                        finishesName = "pipe.finishes";

int64_t bitpipe::bytesOf(Value buffer) {
  auto type = dyn_cast<MemRefType>(buffer.getType());
  if (!type || !type.getElementType().isIntOrFloat())
    return 0;
  return type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

int64_t bitpipe::touchedBytes(Operation *op) {
  Value table;
  if (auto gather = dyn_cast<pipe::GatherOp>(op))
    table = gather.getInputs()[0];
  else if (auto gradient = dyn_cast<pipe::GatherGradOp>(op))
    table = gradient.getInits()[0];
  int64_t bytes = 0, largest = 0;
  for (Value operand : op->getOperands()) {
    if (operand == table)
      continue;
    bytes += bytesOf(operand);
    largest = std::max(largest, bytesOf(operand));
  }
  return bytes + (table ? largest : 0);
}

/// The operation that is all that a function does, or null.
static Operation *onlyOperation(func::FuncOp function) {
  Operation *only = nullptr;
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (isa<arith::ConstantOp, memref::GetGlobalOp>(op))
      continue;
    if (only)
      return nullptr;
    only = &op;
  }
  return only;
}

void bitpipe::markDivisible(ModuleOp kernels) {
  Builder b(kernels.getContext());
  for (auto function : kernels.getOps<func::FuncOp>())
    if (Operation *op = onlyOperation(function))
      function->setAttr(bytesName, b.getI64IntegerAttr(touchedBytes(op)));
}

Interval bitpipe::divide(OpBuilder &b, Operation *op, int64_t size, int64_t unit) {
  Location loc = op->getLoc();
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  int64_t units = llvm::divideCeil(size, unit);
  auto function = op->getParentOfType<func::FuncOp>();
  if (units <= 1 || !function || !function->hasAttr(bytesName))
    return {index(0), index(size), size};
  function->setAttr(unitsName, b.getI64IntegerAttr(units));
  Value ends[2];
  for (Value &end : ends) {
    unsigned number = function.getNumArguments();
    (void)function.insertArgument(number, b.getIndexType(), {}, loc);
    end = function.getArgument(number);
    if (unit > 1)
      end = arith::MulIOp::create(b, loc, end, index(unit));
  }
  if (size % unit != 0)
    ends[1] = arith::MinSIOp::create(b, loc, ends[1], index(size));
  return {ends[0], ends[1], std::gcd(size, unit)};
}

void bitpipe::emitFinish(OpBuilder &b, Operation *op, function_ref<void()> body) {
  auto function = op->getParentOfType<func::FuncOp>();
  auto units = function ? function->getAttrOfType<IntegerAttr>(unitsName) : IntegerAttr();
  if (!units)
    return body();
  function->setAttr(finishesName, b.getUnitAttr());
  Location loc = op->getLoc();
  Value begin = function.getArgument(function.getNumArguments() - 2);
  Value all = arith::ConstantIndexOp::create(b, loc, units.getInt());
  Value isLast = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, begin, all);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(scf::IfOp::create(b, loc, isLast).thenYield());
  body();
}

KernelUnits bitpipe::takeUnits(func::FuncOp kernel) {
  KernelUnits units;
  if (auto bytes = dyn_cast_or_null<IntegerAttr>(kernel->removeAttr(bytesName)))
    units.bytes = bytes.getInt();
  if (auto count = dyn_cast_or_null<IntegerAttr>(kernel->removeAttr(unitsName))) {
    units.count = count.getInt();
    units.arePassed = true;
  }
  units.finishes = bool(kernel->removeAttr(finishesName));
  return units;
}
