//===- CompileGPUKernels.cpp - The kernels of a plan for a GPU -------------===//

#include "lib/Runtime/Hash.h"
#include "lib/Transforms/Kernels/CompileKernels.h"
#include "lib/Transforms/Kernels/ExpandMath.h"
#include "lib/Transforms/Kernels/GPU/DescribeKernels.h"
#include "lib/Transforms/Kernels/GPU/EmitGPU.h"
#include "lib/Transforms/Kernels/GPU/EmitLaunches.h"
#include "lib/Transforms/Kernels/GPU/LowerThreads.h"
#include "lib/Transforms/Kernels/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::grid;

namespace bitpipe {
#define GEN_PASS_DEF_PIPECOMPILEGPUKERNELS
#include "lib/Transforms/Kernels/Passes.h.inc"
} // namespace bitpipe

/// Writes the launches of a function, which stays.
static FailureOr<Kernel> writeLaunches(func::FuncOp function, Flavour flavour) {
  LaunchWriter writer(function, sharedSpace(flavour));
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front().without_terminator()))
    if (!isa<arith::ConstantOp, memref::GetGlobalOp>(op) && failed(emitOperation(writer, &op)))
      return failure();
  Kernel kernel = writer.take();
  if (kernel.launches.empty())
    return emitError(function.getLoc()) << "kernel '" << kernel.name
                                        << "' holds no operation, expected at least one";
  for (const Launch &launch : kernel.launches)
    if (launch.grid > INT32_MAX)
      return emitError(function.getLoc())
             << "kernel '" << kernel.name << "' takes " << launch.grid
             << " blocks, expected at most " << INT32_MAX;
  return kernel;
}

/// Launches have names of their own, and those of no kernel but theirs.
static LogicalResult checkNames(ArrayRef<Kernel> launched) {
  llvm::StringSet<> names;
  for (const Kernel &kernel : launched)
    for (Launch launch : kernel.launches)
      if (!names.insert(launch.entry()).second)
        return emitError(launch.body.getLoc())
               << "a launch of kernel '" << kernel.name << "' has the name '" << launch.entry()
               << "' of another, expected kernels that are named otherwise";
  return success();
}

/// Functions that are left once approximations have been put in; a GPU has no library
/// to call for them.
static LogicalResult checkMath(ModuleOp kernels) {
  WalkResult walk = kernels.walk([](Operation *op) {
    bool isSimple = isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::FloorOp, math::RoundEvenOp,
                        math::TruncOp, math::SqrtOp, math::RsqrtOp, math::FmaOp, math::CopySignOp,
                        math::CountLeadingZerosOp, math::CountTrailingZerosOp, math::CtPopOp,
                        math::IsNaNOp, math::IsInfOp, math::IsFiniteOp, math::IsNormalOp>(op);
    if (!isa_and_nonnull<math::MathDialect>(op->getDialect()) || isSimple)
      return WalkResult::advance();
    emitError(op->getLoc()) << "a kernel computes " << op->getName() << " of "
                            << getElementTypeOrSelf(op->getOperand(0).getType()) << ", expected f32: GPUs have no library for it";
    return WalkResult::interrupt();
  });
  return failure(walk.wasInterrupted());
}

LogicalResult bitpipe::compileGPUKernels(ModuleOp kernels, StringRef path, StringRef arch,
                                         StringRef assembler, OpBuilder &described) {
  if (!isGPUArchitecture(arch))
    return emitError(kernels.getLoc()) << "arch is '" << arch << "', expected " << gpuArchitectures;
  if (arch == emulatedArch && !assembler.empty())
    return emitError(kernels.getLoc()) << "assembler is '" << assembler << "' with arch emulated, expected none: nothing is assembled";
  if (failed(verifyKernels(kernels)) || failed(simplifyMath(kernels)))
    return failure();
  Flavour flavour = arch == emulatedArch ? Flavour::Emulated : Flavour::NVVM;
  SmallVector<Kernel> launches;
  SmallVector<func::FuncOp> functions(kernels.getOps<func::FuncOp>());
  for (func::FuncOp function : functions) {
    FailureOr<Kernel> kernel = writeLaunches(function, flavour);
    if (failed(kernel))
      return failure();
    describeKernel(described, function, *kernel);
    launches.push_back(std::move(*kernel));
    function.erase();
  }
  if (failed(checkNames(launches)) || failed(approximateMath(kernels)) || failed(checkMath(kernels)) ||
      failed(lowerLaunches(kernels, launches, flavour)))
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = translateModuleToLLVMIR(kernels, context);
  if (!module)
    return failure();
  llvm::Error error = flavour == Flavour::Emulated ? writeEmulated(*module, path)
                                                   : writeGPUCode(*module, arch, path, assembler);
  return error ? reportError(kernels, std::move(error)) : success();
}

namespace {

struct PipeCompileGPUKernels
    : bitpipe::impl::PipeCompileGPUKernelsBase<PipeCompileGPUKernels> {
  using PipeCompileGPUKernelsBase::PipeCompileGPUKernelsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<ModuleOp> kernels = findKernels(module, output);
    if (failed(kernels))
      return signalPassFailure();
    OpBuilder described(*kernels);
    if (failed(compileGPUKernels(*kernels, output, arch, assembler, described)))
      return signalPassFailure();
    kernels->erase();
    if (failed(nameKernels(module, output)))
      return signalPassFailure();
    for (auto training : module.getOps<pipe::TrainingOp>())
      training.setArch(StringRef(arch));
  }
};

} // namespace
