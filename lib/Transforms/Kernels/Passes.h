//===- Passes.h - From kernels in buffer form to machine code --------------===//
//
// The passes of this phase, and what other phases may call of it directly.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_PASSES_H
#define BITPIPE_TRANSFORMS_KERNELS_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/raw_ostream.h"

namespace bitpipe {

#define GEN_PASS_DECL
#include "lib/Transforms/Kernels/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "lib/Transforms/Kernels/Passes.h.inc"

/// What to generate code for: a CPU by LLVM's name and features, both empty for
/// this machine.
struct KernelTarget {
  std::string cpu;
  std::string features;
};

/// Compiles a module of kernels to the shared object `path`, as
/// --pipe-compile-kernels describes. Consumes the contents of `kernels`. A pass
/// that calls this depends on the dialects of --pipe-compile-kernels.
mlir::LogicalResult compileKernels(mlir::ModuleOp kernels, llvm::StringRef path,
                                   const KernelTarget &target);

/// What kernels for GPUs are made for: three of them, and this machine, for tests.
bool isGPUArchitecture(llvm::StringRef arch);
constexpr llvm::StringLiteral gpuArchitectures = "sm_80, sm_90, sm_100 or emulated";
constexpr llvm::StringLiteral emulatedArch = "emulated";

/// Compiles a module of kernels for a GPU to the file `path`, as
/// --pipe-compile-gpu-kernels describes, and writes with `described` what the runtime
/// must know of each. Consumes the contents of `kernels`.
mlir::LogicalResult compileGPUKernels(mlir::ModuleOp kernels, llvm::StringRef path,
                                      llvm::StringRef arch, llvm::StringRef assembler,
                                      mlir::OpBuilder &described);

/// The least memory that a kernel reads and writes.
int64_t movedBytes(mlir::func::FuncOp kernel);

/// A table of the kernels of a module of level 3 that has them still: how often a step
/// calls each and how much memory it moves at least, most first.
void printKernelReport(mlir::ModuleOp module, llvm::raw_ostream &out);

/// Lets upstream's bufferization handle the compute operations, and kernels be
/// translated to LLVM's IR.
void registerKernelsExtensions(mlir::DialectRegistry &registry);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_PASSES_H
