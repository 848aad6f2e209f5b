//===- Vectorised.h - Functions for the widest vectors there are -----------===//
//
// A function that is VECTORISED is compiled several times; which one runs is
// chosen when the program starts. Such functions give the same bits whatever is
// chosen.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CPU_VECTORISED_H
#define BITPIPE_RUNTIME_CPU_VECTORISED_H

#if defined(__x86_64__)
#define VECTORISED                                                             \
  __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTORISED
#endif

#endif // BITPIPE_RUNTIME_CPU_VECTORISED_H
