//===- Bufferize.cpp - Bufferization of the compute operations -------------===//
//
// Every compute operation is in destination style, so its buffer form is the
// same operation on memrefs. Only operations that add to their destinations
// read them.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Kernels/Passes.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace {

template <typename Op, bool accumulates>
struct Model
    : DstBufferizableOpInterfaceExternalModel<Model<Op, accumulates>, Op> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return accumulates || cast<DestinationStyleOpInterface>(op).isDpsInput(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto dps = cast<DestinationStyleOpInterface>(op);
    if (dps.hasPureBufferSemantics())
      return success();
    SmallVector<Value> buffers, destinations;
    for (OpOperand &operand : op->getOpOperands()) {
      FailureOr<Value> buffer = operand.get();
      if (isa<TensorType>(operand.get().getType()))
        buffer = getBuffer(rewriter, operand.get(), options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
      if (dps.isDpsInit(&operand))
        destinations.push_back(*buffer);
    }
    OperationState onBuffers(op->getLoc(), op->getName(), buffers, TypeRange(),
                             op->getAttrs());
    onBuffers.propertiesAttr = op->getPropertiesAsAttribute();
    rewriter.setInsertionPoint(op);
    rewriter.create(onBuffers);
    replaceOpWithBufferizedValues(rewriter, op, destinations);
    return success();
  }
};

template <typename Op, bool accumulates = false>
void attach(MLIRContext *context) {
  Op::template attachInterface<Model<Op, accumulates>>(*context);
}

} // namespace

void bitpipe::registerKernelsExtensions(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registry.addExtension(+[](MLIRContext *context, pipe::PipeDialect *) {
    attach<pipe::SoftmaxOp>(context);
    attach<pipe::SoftmaxGradOp>(context);
    attach<pipe::LayerNormOp>(context);
    attach<pipe::LayerNormGradInputOp>(context);
    attach<pipe::LayerNormGradParamsOp, true>(context);
    attach<pipe::GatherOp>(context);
    attach<pipe::GatherGradOp, true>(context);
    attach<pipe::DropoutOp>(context);
    attach<pipe::CrossEntropyOp>(context);
    attach<pipe::CrossEntropyGradOp>(context);
  });
}
