//===- LoadCalls.cpp - The calls of a routine -----------------------------===//

#include "lib/Runtime/Plan/LoadCalls.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace bitpipe;
using llvm::ArrayRef;
using llvm::StringRef;

static BlockPlace place(pipe::RefAttr ref) { return {ref.getBlock(), ref.getOffset()}; }

static std::optional<BlockPlace> place(std::optional<pipe::RefAttr> ref) {
  if (!ref)
    return std::nullopt;
  return place(*ref);
}

static std::vector<int64_t> list(ArrayRef<int64_t> values) { return values.vec(); }

static std::string layerOf(mlir::Operation *call) {
  auto layer = call->getAttrOfType<mlir::StringAttr>("layer");
  return layer ? layer.str() : "";
}

static KernelCall readKernel(pipe::KernelOp op) {
  KernelCall call{op.getName().str(), {}, layerOf(op)};
  for (mlir::Attribute argument : op.getArguments())
    call.arguments.push_back(place(llvm::cast<pipe::RefAttr>(argument)));
  return call;
}

static MatmulCall readMatmul(pipe::MatmulOp op) {
  // The operation has checked which go together.
  auto type = [&](size_t operand) {
    bool brain = op.getTypes() &&
                 llvm::cast<mlir::TypeAttr>((*op.getTypes())[operand]).getValue().isBF16();
    return brain ? StoredFloat::BF16 : StoredFloat::F32;
  };
  return {place(op.getA()),
          place(op.getB()),
          place(op.getC()),
          place(op.getBias()),
          place(op.getResidual()),
          list(op.getSizes()),
          list(op.getAStrides()),
          list(op.getBStrides()),
          list(op.getCStrides()),
          op.getAlpha().convertToDouble(),
          op.getAccumulate(),
          layerOf(op),
          type(0),
          type(2),
          place(op.getBiasGradient()),
          op.getOfA()};
}

/// An operand of an attention by its name; a key has no strides.
static std::optional<AttentionCall::Operand> operand(mlir::Operation *op, StringRef name) {
  auto ref = op->getAttrOfType<pipe::RefAttr>(name);
  if (!ref)
    return std::nullopt;
  AttentionCall::Operand found{place(ref), {}};
  if (auto strides = op->getAttrOfType<mlir::DenseI64ArrayAttr>((name + "_strides").str()))
    found.strides = list(strides.asArrayRef());
  return found;
}

template <typename Op>
static AttentionCall readAttention(Op op, bool gradient) {
  AttentionCall call{};
  call.gradient = gradient;
  for (size_t part = 0; part < call.operands.size(); ++part)
    call.operands[part] = operand(op, AttentionCall::names[part]);
  call.workspace = place(op.getWorkspace());
  call.workspaceBytes = op.getWorkspaceBytes();
  ArrayRef<int64_t> n = op.getSizes();
  call.sizes = {n[0], n[1], n[2], n[3], n[4], n[5], n[6]};
  call.scale = op.getScale().convertToDouble();
  call.left = op.getLeft();
  call.right = op.getRight();
  if (auto softcap = op.getSoftcap())
    call.softcap = softcap->convertToDouble();
  if (auto dropout = op.getDropout())
    call.dropout = dropout->convertToDouble();
  call.layer = layerOf(op);
  if (op.getElement() && op.getElement()->isBF16()) // the operation has checked it
    call.element = StoredFloat::BF16;
  return call;
}

std::optional<Call> bitpipe::readCall(mlir::Operation &op) {
  return llvm::TypeSwitch<mlir::Operation *, std::optional<Call>>(&op)
      .Case([](pipe::KernelOp kernel) { return readKernel(kernel); })
      .Case([](pipe::MatmulOp matmul) { return readMatmul(matmul); })
      .Case([](pipe::AttentionCallOp attention) { return readAttention(attention, false); })
      .Case([](pipe::AttentionGradCallOp gradient) { return readAttention(gradient, true); })
      .Default([](mlir::Operation *) { return std::nullopt; });
}
