//===- Kernels.cu - The runtime's own kernels ---------------------------------===//
//
// What no plan has: updates, sums, the numbers by which a step is judged, what products
// start from, bias gradients, attention. Compiled to PTX, which bitpipe-run holds, and to a shared object
// of kernels to be tested without a GPU.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/Kernels/GPU.h"
#include "lib/Runtime/CUDA/Kernels/Shared.h"

using namespace bitpipe;
using namespace bitpipe::gpu;
using attention::Brain;

#include "lib/Runtime/CUDA/Kernels/Norm.inc"
#include "lib/Runtime/CUDA/Kernels/Optimizer.inc"
#include "lib/Runtime/CUDA/Kernels/Start.inc"
#include "lib/Runtime/CUDA/Kernels/Attention.inc"
#include "lib/Runtime/CUDA/Kernels/ColumnSums.inc"
#include "lib/Runtime/CUDA/Kernels/WarpProducts.inc"
#include "lib/Runtime/CUDA/Kernels/AsyncTiles.inc"
#include "lib/Runtime/CUDA/Kernels/TensorScores.inc"
#include "lib/Runtime/CUDA/Kernels/TensorAttention.inc"
#include "lib/Runtime/CUDA/Kernels/TensorGradient.inc"
