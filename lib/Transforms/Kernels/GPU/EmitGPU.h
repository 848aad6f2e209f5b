//===- EmitGPU.h - From launches in the LLVM dialect to a file -------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_EMITGPU_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_EMITGPU_H

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace bitpipe::grid {

/// Writes the code of `module` for a GPU to `path`, whole or not at all: PTX or, if there is
/// a folder of ptxas and fatbinary, `assembler`, a fat binary with it and machine code.
llvm::Error writeGPUCode(llvm::Module &module, llvm::StringRef arch, llvm::StringRef path,
                         llvm::StringRef assembler);

/// Writes `module` as a shared object of this machine, in which a call of
/// bitpipe_gpu_access (Emulation.h) comes before every access of memory.
llvm::Error writeEmulated(llvm::Module &module, llvm::StringRef path);

/// Puts these calls in.
void reportAccesses(llvm::Module &module);

} // namespace bitpipe::grid

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_EMITGPU_H
