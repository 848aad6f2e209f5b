//===- Instructions.h - What a GPU has instructions for --------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_INSTRUCTIONS_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_INSTRUCTIONS_H

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe::grid {

/// Replaces what every GPU from sm_80 on has instructions for, and LLVM or we would expand:
/// - f32 to bf16, two at once, to the bits of Files/Floats.h but for those of NaN;
/// - quotients of f32, to two units in the last place.
mlir::LogicalResult useInstructions(mlir::ModuleOp module);

} // namespace bitpipe::grid

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_INSTRUCTIONS_H
