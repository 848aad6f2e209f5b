//===- ProductCall.h - The arguments of a cublasLtMatmul ---------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_PRODUCTCALL_H
#define BITPIPE_RUNTIME_CUDA_PRODUCTCALL_H

#include "lib/Runtime/CUDA/BlasTypes.h"

namespace bitpipe {

/// d = alpha * a * b + beta * c, in columns.
struct ProductCall {
  blas::Handle handle;
  blas::MatmulDesc desc;
  const float *alpha;
  const void *a;
  blas::MatrixLayout aLayout;
  const void *b;
  blas::MatrixLayout bLayout;
  const float *beta;
  const void *c;
  blas::MatrixLayout cLayout;
  void *d;
  blas::MatrixLayout dLayout;
  const blas::Algorithm *algorithm;
  void *workspace;
  size_t workspaceBytes;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_PRODUCTCALL_H
