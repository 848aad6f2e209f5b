// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{gpu_kernel has no entries, expected a launch}}
pipe.gpu_kernel @k extents [64] bytes 64 entries [] grids [] blocks [] shared []

// -----

// expected-error @+1 {{gpu_kernel has 1 grids, expected one for each of 2 entries}}
pipe.gpu_kernel @k extents [64] bytes 64 entries ["a", "b"] grids [8] blocks [256, 64] shared [0, 0] scratch 64

// -----

// expected-error @+1 {{gpu_kernel is launched with 8 blocks of 2048 threads and 0 bytes of shared memory, expected 1 to 2147483647 blocks of 1 to 1024 threads, and no less than 0 bytes}}
pipe.gpu_kernel @k extents [64] bytes 64 entries ["a"] grids [8] blocks [2048] shared [0]

// -----

// expected-error @+1 {{gpu_kernel has an extent of -1 bytes}}
pipe.gpu_kernel @k extents [-1] bytes 64 entries ["a"] grids [8] blocks [256] shared [0]

// -----

// expected-error @+1 {{gpu_kernel has -8 bytes of scratch and moves 64, expected no less than 0}}
pipe.gpu_kernel @k extents [64] bytes 64 entries ["a"] grids [8] blocks [256] shared [0] scratch -8
