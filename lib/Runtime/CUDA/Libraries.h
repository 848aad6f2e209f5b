//===- Libraries.h - The functions of CUDA, cuBLASLt, cuDNN and NCCL ---------===//
//
// One table for each library, filled by name when it is first asked for.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_LIBRARIES_H
#define BITPIPE_RUNTIME_CUDA_LIBRARIES_H

#include "lib/Runtime/CUDA/BlasTypes.h"
#include "lib/Runtime/CUDA/CudnnTypes.h"
#include "lib/Runtime/CUDA/NCCLTypes.h"

#include <string>
#include <type_traits>

#define FUNCTION(name, symbol, ...) std::type_identity_t<__VA_ARGS__> *name;

namespace bitpipe::cuda {
struct Driver {
#include "lib/Runtime/CUDA/DriverFunctions.inc"
};
/// The driver, which is initialised. Throws a UserError if there is none, or an old one.
const Driver &driver();
/// Throws a UserError that says what was called and what the driver says of it.
void check(Result result, const char *what);
/// "CUDA_ERROR_...: what it means", and where that may come from if it is what kernels do.
std::string text(Result result);
} // namespace bitpipe::cuda

namespace bitpipe::blas {
struct Library {
#include "lib/Runtime/CUDA/BlasFunctions.inc"
};
const Library &library();
void check(Status status, const char *what);
/// "CUBLAS_STATUS_...: what it means".
std::string text(Status status);
} // namespace bitpipe::blas

namespace bitpipe::cudnn {
struct Library {
#include "lib/Runtime/CUDA/CudnnFunctions.inc"
};
/// What runs without it has a way of its own: whoever asks catches the UserError.
const Library &library();
void check(Status status, const char *what);
/// "9.19.0".
std::string versionText();
} // namespace bitpipe::cudnn

namespace bitpipe::nccl {
struct Library {
#include "lib/Runtime/CUDA/NCCLFunctions.inc"
};
const Library &library();
void check(Status status, const char *what);
} // namespace bitpipe::nccl

#undef FUNCTION

#endif // BITPIPE_RUNTIME_CUDA_LIBRARIES_H
