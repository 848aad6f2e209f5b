//===- vendor-tables-test.cpp - The functions of the real libraries ---------------===//
//
// The runtime finds all that it calls in NVIDIA's cuBLASLt and NCCL, in versions that it takes.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/Libraries.h"

#include <cstdio>
#include <exception>

int main() {
  try {
    int version = 0;
    bitpipe::nccl::check(bitpipe::nccl::library().getVersion(&version), "ask for the version");
    std::printf("cuBLASLt %zu\nNCCL %d\n", bitpipe::blas::library().getVersion(), version);
    return 0;
  } catch (const std::exception &error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
