//===- LowerThreads.h - Launches in the LLVM dialect -----------------------===//
//
// For a GPU a launch is a kernel of NVVM. Emulated, it is a function of the host that
// asks whoever loads it for what hardware would do.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_LOWERTHREADS_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_LOWERTHREADS_H

#include "lib/Transforms/Kernels/GPU/Launch.h"

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe::grid {

enum class Flavour { NVVM, Emulated };

/// The address space of memory that a block's threads share.
inline int64_t sharedSpace(Flavour flavour) { return flavour == Flavour::NVVM ? 3 : 0; }

/// Converts the launches in `module`, functions on static buffers, to the LLVM dialect.
/// `name.body` becomes `name`:
/// - for NVVM, a kernel with a pointer per argument of the plan's kernel and, if
///   launches share scratch memory, one to that;
/// - emulated, `void name(void *const *arguments)`, the code of one thread, beside
///   which `int32_t name_needs_fibers` is 1 if threads wait for each other. It calls
///   the functions of Emulation.h.
mlir::LogicalResult lowerLaunches(mlir::ModuleOp module, llvm::ArrayRef<Kernel> kernels,
                                  Flavour flavour);

} // namespace bitpipe::grid

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_LOWERTHREADS_H
