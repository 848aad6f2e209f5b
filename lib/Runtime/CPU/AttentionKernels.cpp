//===- AttentionKernels.cpp - Attention for each kind of processor ----------===//
//
// The same text for the widest vectors of the machine, chosen when the program
// starts, with as many rows in a tile as its registers hold sums of.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CPU/AttentionTask.h"
#include "lib/Runtime/Plan/AttentionLayout.h"

namespace bitpipe::attention {

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,fma"))), apply_to = function)
namespace avx512 {
constexpr int tileRows = 12;
#include "lib/Runtime/CPU/AttentionKernels.inc"
constexpr Kernels kernels{"avx512", {forward<float>, gradient<float>}, {forward<Brain>, gradient<Brain>}};
} // namespace avx512
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace avx2 {
constexpr int tileRows = 6;
#include "lib/Runtime/CPU/AttentionKernels.inc"
constexpr Kernels kernels{"avx2", {forward<float>, gradient<float>}, {forward<Brain>, gradient<Brain>}};
} // namespace avx2
#pragma clang attribute pop
#endif

namespace plain {
constexpr int tileRows = 3;
#include "lib/Runtime/CPU/AttentionKernels.inc"
constexpr Kernels kernels{"plain", {forward<float>, gradient<float>}, {forward<Brain>, gradient<Brain>}};
} // namespace plain

int kernelsOfProcessor(const Kernels *(&found)[3]) {
  int count = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    found[count++] = &avx512::kernels;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    found[count++] = &avx2::kernels;
#endif
  found[count++] = &plain::kernels;
  return count;
}

} // namespace bitpipe::attention
