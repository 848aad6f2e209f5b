//===- NestThread.cpp - What one thread does of a loop nest ----------------===//

#include "lib/Transforms/Kernels/GPU/NestThread.h"
#include "lib/Transforms/Kernels/GPU/TeamRows.h"
#include "lib/Transforms/Kernels/VectorBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::grid;
using grid::Values;

int64_t grid::widthAlong(linalg::LinalgOp op, const LoopNest &nest, unsigned level) {
  if (!isVectorizable(*op.getBlock()))
    return 1;
  SmallVector<Type> elements;
  for (const Access &access : nest.accesses) {
    int64_t stride = access.strides[level];
    if (stride != 0 && stride != 1)
      return 1;
    if (stride == 0 || !access.isBuffer())
      continue;
    // A truth value is a byte.
    bool truth = access.element().isInteger(1);
    elements.push_back(truth ? IntegerType::get(op.getContext(), 8) : access.element());
  }
  if (elements.empty())
    return 1;
  int64_t width = vectorWidth(elements);
  bool onlyBytes = llvm::all_of(elements, [](Type type) { return type.isInteger(8); });
  return onlyBytes ? 16 : width;
}

NestThread::NestThread(LaunchWriter &writer, linalg::LinalgOp op, const LoopNest &nest, Along along)
    : writer(writer), op(op), nest(nest), along(along), numInputs(op.getNumDpsInputs()) {
  for (const Access &access : nest.accesses) {
    buffers.emplace_back(writer.builder(), writer.location(), access.operand);
    SmallVector<int64_t> others(access.strides);
    others[along.level] = 0;
    others.push_back(access.offset);
    alignments.push_back(access.isBuffer() ? alignmentOf(access.operand, others, along.width) : 1);
  }
}

int64_t NestThread::widthOf(unsigned operand) const {
  return nest.accesses[operand].strides[along.level] == 0 ? 1 : along.width;
}

Value NestThread::position(unsigned operand, ValueRange at) {
  const Access &access = nest.accesses[operand];
  Value sum = writer.index(access.offset);
  for (auto [step, stride] : llvm::zip_equal(at, access.strides))
    if (stride != 0)
      sum = writer.add(sum, writer.mul(step, stride));
  return sum;
}

Value NestThread::load(unsigned operand, ValueRange at) {
  int64_t width = widthOf(operand);
  llvm::MaybeAlign alignment;
  if (width > 1)
    alignment = llvm::Align(alignments[operand]);
  return buffers[operand].load(writer.builder(), writer.location(), position(operand, at),
                               Value(), width, alignment);
}

Values NestThread::load(ValueRange at, ArrayRef<Value> given) {
  Values operands;
  for (unsigned k = 0; k < nest.accesses.size(); ++k)
    operands.push_back(k < given.size() && given[k] ? given[k] : load(k, at));
  return operands;
}

Values NestThread::compute(ValueRange at, const Values &operands) {
  OpBuilder &b = writer.builder();
  Values indices(op.getNumLoops(), writer.index(0));
  for (auto [dim, step] : llvm::zip_equal(nest.dims, at))
    indices[dim] = step;
  bool usesIndex = !op.getBlock()->getOps<linalg::IndexOp>().empty();
  if (along.width > 1 && usesIndex) {
    Value &steps = indices[nest.dims[along.level]];
    auto type = VectorType::get({along.width}, b.getIndexType());
    Value first = vector::BroadcastOp::create(b, writer.location(), type, steps);
    steps = arith::AddIOp::create(b, writer.location(), first,
                                  vector::StepOp::create(b, writer.location(), type));
  }
  return emitBody(b, *op.getBlock(), operands, indices, along.width);
}

void NestThread::store(ValueRange at, unsigned operand, Value value) {
  OpBuilder &b = writer.builder();
  int64_t width = widthOf(operand);
  llvm::MaybeAlign alignment;
  if (width > 1) {
    alignment = llvm::Align(alignments[operand]);
    value = spread(b, writer.location(), value, width);
  }
  buffers[operand].store(b, writer.location(), value, position(operand, at), Value(), width, alignment);
}

void NestThread::store(ValueRange at, const Values &results) {
  for (auto [i, result] : llvm::enumerate(results))
    store(at, numInputs + i, result);
}
