//===- CompileKernels.cpp - The kernels of a plan as a shared object -------===//
//
// One module, one pass over it: all kernels are lowered, optimised and linked
// together.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/CompileKernels.h"
#include "lib/Runtime/ABI.h"
#include "lib/Runtime/Hash.h"
#include "lib/Transforms/Kernels/ComputeToLoops.h"
#include "lib/Transforms/Kernels/Divide.h"
#include "lib/Transforms/Kernels/EmitLibrary.h"
#include "lib/Transforms/Kernels/ExpandMath.h"
#include "lib/Transforms/Kernels/LinalgToLoops.h"
#include "lib/Transforms/Kernels/LowerToLLVM.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace bitpipe;

namespace bitpipe {
#define GEN_PASS_DEF_PIPECOMPILEKERNELS
#include "lib/Transforms/Kernels/Passes.h.inc"
} // namespace bitpipe

static LogicalResult verifyFunction(func::FuncOp function) {
  if (function.isExternal() || !function.getBody().hasOneBlock() ||
      function.getNumResults() != 0)
    return emitError(function.getLoc())
           << "kernel '" << function.getName() << "' is " << function.getFunctionType()
           << ", expected a body of one block without results";
  for (Type type : function.getArgumentTypes()) {
    auto buffer = dyn_cast<MemRefType>(type);
    SmallVector<int64_t> strides;
    int64_t offset = 0;
    if (!buffer || !buffer.hasStaticShape() ||
        failed(buffer.getStridesAndOffset(strides, offset)) ||
        ShapedType::isDynamicShape(strides) || ShapedType::isDynamic(offset))
      return emitError(function.getLoc())
             << "kernel '" << function.getName() << "' takes " << type
             << ", expected a memref of static shape and strides";
  }
  return success();
}

LogicalResult bitpipe::verifyKernels(ModuleOp kernels) {
  for (Operation &op : *kernels.getBody()) {
    if (auto global = dyn_cast<memref::GlobalOp>(op); global && global.getConstant())
      continue;
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      return emitError(op.getLoc()) << "the module of kernels holds " << op.getName()
                                    << ", expected functions and constants only";
    if (failed(verifyFunction(function)))
      return failure();
    for (Operation &inner : function.getBody().front().without_terminator()) {
      bool compute = isa<pipe::PipeDialect>(inner.getDialect()) &&
                     isa<DestinationStyleOpInterface>(inner);
      if (!compute && !isa<linalg::LinalgOp, arith::ConstantOp, memref::GetGlobalOp>(inner))
        return emitError(inner.getLoc())
               << "kernel '" << function.getName() << "' holds " << inner.getName()
               << ", expected linalg and pipe compute operations on buffers";
    }
  }
  return success();
}

LogicalResult bitpipe::reportError(ModuleOp kernels, llvm::Error error) {
  return emitError(kernels.getLoc())
         << "kernels could not be compiled: " << llvm::toString(std::move(error));
}

LogicalResult bitpipe::compileKernels(ModuleOp kernels, StringRef path,
                                      const KernelTarget &target) {
  if (failed(verifyKernels(kernels)) || failed(simplifyMath(kernels)))
    return failure();
  markDivisible(kernels);
  if (failed(lowerComputeToLoops(kernels)) || failed(lowerLinalgToLoops(kernels)) ||
      failed(approximateMath(kernels)) || failed(lowerKernelsToLLVM(kernels)))
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = translateModuleToLLVMIR(kernels, context);
  if (!module)
    return failure();
  auto machine = makeTargetMachine(target);
  if (!machine)
    return reportError(kernels, machine.takeError());
  auto object = emitObject(*module, **machine);
  if (!object)
    return reportError(kernels, object.takeError());
  if (llvm::Error error = linkLibrary(*object, path))
    return reportError(kernels, std::move(error));
  return success();
}

FailureOr<ModuleOp> bitpipe::findKernels(ModuleOp module, StringRef output) {
  auto kernels = module.lookupSymbol<ModuleOp>("kernels");
  if (!kernels)
    return emitError(module.getLoc()) << "found no module named 'kernels', expected one "
                                         "inside the module to compile";
  if (output.empty())
    return emitError(module.getLoc()) << "found no output, expected output=FILE.so";
  return kernels;
}

LogicalResult bitpipe::nameKernels(ModuleOp module, StringRef output) {
  std::optional<std::string> hash = hashFile(output.str());
  if (!hash)
    return emitError(module.getLoc()) << "cannot read '" << output << "' again";
  for (auto training : module.getOps<pipe::TrainingOp>()) {
    training.setKernels(llvm::sys::path::filename(output));
    training.setKernelsHash(*hash);
  }
  return success();
}

namespace {

struct PipeCompileKernels
    : bitpipe::impl::PipeCompileKernelsBase<PipeCompileKernels> {
  using PipeCompileKernelsBase::PipeCompileKernelsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<ModuleOp> kernels = findKernels(module, output);
    if (failed(kernels) || failed(compileKernels(*kernels, output, {cpu, features})))
      return signalPassFailure();
    kernels->erase();
    if (failed(nameKernels(module, output)))
      return signalPassFailure();
    nameFeatures(module);
  }

private:
  /// Writes into `pipe.training` which processors can run the kernels.
  void nameFeatures(ModuleOp module) {
    auto machine = makeTargetMachine({cpu, features});
    if (!machine)
      return (void)reportError(module, machine.takeError()), signalPassFailure();
    auto names = StringAttr::get(&getContext(), requiredFeatures(**machine));
    for (auto training : module.getOps<pipe::TrainingOp>())
      training->setAttr(abi::featuresAttribute, names);
  }
};

} // namespace
