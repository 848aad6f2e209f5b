//===- EmitGPU.h - From launches in the LLVM dialect to a file -------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_EMITGPU_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_EMITGPU_H

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace bitpipe::grid {

/// The architectures that kernels are made for: "sm_80", "sm_90", "sm_100" are GPUs,
/// "emulated" is this machine.
bool isArchitecture(llvm::StringRef arch);
constexpr llvm::StringLiteral architectures = "sm_80, sm_90, sm_100 or emulated";
constexpr llvm::StringLiteral emulatedArch = "emulated";

/// Writes the PTX of `module` for a GPU to `path`, whole or not at all.
llvm::Error writePTX(llvm::Module &module, llvm::StringRef arch, llvm::StringRef path);

/// Writes `module` as a shared object of this machine, in which a call of
/// bitpipe_gpu_access (Emulation.h) comes before every access of memory.
llvm::Error writeEmulated(llvm::Module &module, llvm::StringRef path);

/// Puts these calls in.
void reportAccesses(llvm::Module &module);

} // namespace bitpipe::grid

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_EMITGPU_H
