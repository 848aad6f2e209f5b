//===- PipeAttentionCallOps.cpp - Verifiers of calls of attention -----------===//
//
// Only whether lists have the length that their readers expect; what numbers stand
// in them, the runtime checks.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"

using namespace mlir;
using namespace bitpipe::pipe;

namespace {

using Strides = std::optional<ArrayRef<int64_t>>;

InFlightDiagnostic refuse(Operation *op) {
  return mlir::emitError(op->getLoc()) << op->getName() << " ";
}

LogicalResult verifyStrides(Operation *op, StringRef name, Strides strides, size_t expected) {
  if (!strides || strides->size() == expected)
    return success();
  return refuse(op) << "has " << strides->size() << " strides of " << name << ", expected "
                    << expected;
}

LogicalResult verifyPair(Operation *op, StringRef name, bool has, bool hasStrides) {
  if (has == hasStrides)
    return success();
  return refuse(op) << "has " << (has ? "" : "no ") << name << " and "
                    << (hasStrides ? "" : "no ") << "strides of it, expected both or neither";
}

template <typename Op>
LogicalResult verifyShared(Op op) {
  if (op.getSizes().size() != 7)
    return refuse(op) << "has " << op.getSizes().size()
                      << " sizes, expected batch, heads, kv_heads, rows, columns, size, vsize";
  if (op.getKey().has_value() != op.getDropout().has_value())
    return refuse(op) << "has " << (op.getKey() ? "" : "no ") << "key and "
                      << (op.getDropout() ? "" : "no ") << "dropout, expected both or neither";
  if (auto type = op.getElement(); type && !type->isF32() && !type->isBF16())
    return refuse(op) << "is of " << *type << ", expected f32 or bf16";
  return success(
      succeeded(verifyStrides(op, "q", op.getQStrides(), 3)) &&
      succeeded(verifyStrides(op, "k", op.getKStrides(), 3)) &&
      succeeded(verifyStrides(op, "v", op.getVStrides(), 3)) &&
      succeeded(verifyStrides(op, "o", op.getOStrides(), 3)) &&
      succeeded(verifyStrides(op, "lse", op.getLseStrides(), 2)) &&
      succeeded(verifyStrides(op, "bias", op.getBiasStrides(), 4)) &&
      succeeded(verifyPair(op, "bias", bool(op.getBias()), bool(op.getBiasStrides()))));
}

} // namespace

LogicalResult AttentionCallOp::verify() { return verifyShared(*this); }

LogicalResult AttentionGradCallOp::verify() {
  if (getDbias() && !getBias())
    return refuse(*this) << "has dbias without bias, expected both";
  return success(
      succeeded(verifyShared(*this)) &&
      succeeded(verifyStrides(*this, "d_output", getDOutputStrides(), 3)) &&
      succeeded(verifyStrides(*this, "dq", getDqStrides(), 3)) &&
      succeeded(verifyStrides(*this, "dk", getDkStrides(), 3)) &&
      succeeded(verifyStrides(*this, "dv", getDvStrides(), 3)) &&
      succeeded(verifyStrides(*this, "dbias", getDbiasStrides(), 4)) &&
      succeeded(verifyPair(*this, "dbias", bool(getDbias()), bool(getDbiasStrides()))));
}
