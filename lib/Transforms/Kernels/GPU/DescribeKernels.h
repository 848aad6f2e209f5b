//===- DescribeKernels.h - What the runtime must know of a kernel ----------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_DESCRIBEKERNELS_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_DESCRIBEKERNELS_H

#include "lib/Transforms/Kernels/GPU/Launch.h"

namespace bitpipe::grid {

/// Writes the pipe.gpu_kernel of `kernel`, whose launches do what `function` does.
void describeKernel(mlir::OpBuilder &b, mlir::func::FuncOp function, const Kernel &kernel);

} // namespace bitpipe::grid

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_DESCRIBEKERNELS_H
