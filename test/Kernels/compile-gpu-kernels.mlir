// What a kernel becomes for a GPU: its launches, and the instructions that are promised.

// RUN: rm -f %t.ptx
// RUN: bitpipe-opt %s "--pipe-compile-gpu-kernels=output=%t.ptx arch=sm_90" | FileCheck %s
// RUN: FileCheck %s --check-prefix=PTX --input-file=%t.ptx

// CHECK-NOT: @kernels
// PTX: // kernels written by bitpipe
// PTX: .target sm_90

#id = affine_map<(i, j) -> (i, j)>
#ji = affine_map<(i, j) -> (j, i)>
#j = affine_map<(i, j) -> (j)>
#i = affine_map<(i, j) -> (i)>
!x = memref<1024x512xf32>
!h = memref<1024x512xbf16>

module {
pipe.training {version = 5 : i64, target = "cuda", inputs = [], types = [], bounds = array<i64>, loss = "microbatches", ignore_index = -100 : i64, optimizer = "sgd", devices = 1 : i64, microbatches = 1 : i64, weights = "", weights_hash = "", kernels = "", kernels_hash = ""}
// CHECK: arch = "sm_90"
// CHECK-SAME: kernels = "{{.*}}.ptx"

module @kernels {
  // A vector of 16 bytes per thread.
  // CHECK: pipe.gpu_kernel @elementwise extents [2097152, 2097152] bytes 6291456 entries ["elementwise"] grids [512] blocks [256] shared [0]{{$}}
  // PTX-LABEL: .entry elementwise(
  // PTX: .reqntid 256
  // PTX-COUNT-2: ld.global{{.*}}.v4.b32
  // PTX-NOT: ld.global
  // PTX: st.global.v4.b32
  // PTX-NOT: st.global
  func.func @elementwise(%x: !x, %y: !x) {
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : !x) outs(%y : !x) {
    ^bb0(%in: f32, %out: f32):
      %r = arith.addf %in, %out : f32
      linalg.yield %r : f32
    }
    return
  }
  // Eight numbers of bf16 are 16 bytes; the last five elements are taken one by one.
  // CHECK: pipe.gpu_kernel @odd extents [2010, 2010] bytes 4020 entries ["odd"] grids [1]
  // PTX-LABEL: .entry odd(
  // PTX-DAG: ld.global.nc.v4.b32
  // PTX-DAG: ld.global.nc.b16
  func.func @odd(%x: memref<1005xbf16>, %y: memref<1005xbf16>) {
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : memref<1005xbf16>) outs(%y : memref<1005xbf16>) {
    ^bb0(%in: bf16, %out: bf16):
      linalg.yield %in : bf16
    }
    return
  }
  // An argument that is less aligned than usual: nothing wider is loaded.
  // PTX-LABEL: .entry unaligned(
  // PTX-NOT: .v4
  // PTX: ld.global.nc.v2.b32
  func.func @unaligned(%x: memref<1024xf32> {pipe.align = 8}, %y: memref<1024xf32> {pipe.align = 8}) {
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : memref<1024xf32>) outs(%y : memref<1024xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    }
    return
  }
  // Both sides are touched along their rows, through a tile of 32 x 33 numbers.
  // CHECK: pipe.gpu_kernel @transpose {{.*}} entries ["transpose"] grids [512] blocks [256] shared [4224]
  // PTX-LABEL: .entry transpose(
  // PTX: st.shared.b32
  // PTX: bar.sync 0
  // PTX: ld.shared.b32
  func.func @transpose(%x: !x, %y: memref<512x1024xf32>) {
    linalg.generic {indexing_maps = [#id, #ji], iterator_types = ["parallel", "parallel"]} ins(%x : !x) outs(%y : memref<512x1024xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    }
    return
  }
  // A warp has a row, and its four vectors in registers: they are loaded once.
  // CHECK: pipe.gpu_kernel @softmax {{.*}} entries ["softmax"] grids [256] blocks [128] shared [0]
  // PTX-LABEL: .entry softmax(
  // PTX-COUNT-4: ld.global.nc.v4.b32
  // PTX-NOT: ld.global.nc
  // PTX: shfl.sync.bfly.b32
  func.func @softmax(%x: !x, %y: !x) {
    pipe.softmax ins(%x : !x) outs(%y : !x)
    return
  }
  // A block has a long row; a second launch adds the losses.
  // CHECK: pipe.gpu_kernel @cross_entropy {{.*}} entries ["cross_entropy", "cross_entropy_1"] grids [64, 1] blocks [1024, 1024]
  // PTX-LABEL: .entry cross_entropy(
  // PTX: bar.sync 0
  // PTX-LABEL: .entry cross_entropy_1(
  // PTX: atom.{{.*}}add.{{.*}}bitpipe_index_record
  func.func @cross_entropy(%x: memref<64x32000xf32>, %l: memref<64xi64>, %loss: memref<f32>, %lse: memref<64xf32>) {
    pipe.cross_entropy ins(%x, %l : memref<64x32000xf32>, memref<64xi64>) outs(%loss, %lse : memref<f32>, memref<64xf32>)
    return
  }
  // Sums down the columns: chunks of rows, then the chunks.
  // CHECK: pipe.gpu_kernel @column_sum {{.*}} bytes 1052672 entries ["column_sum", "column_sum_1"] grids [8, 2] blocks [256, 256] shared [0, 0] scratch 65536
  // PTX-LABEL: .entry column_sum(
  // PTX-NOT: atom
  // PTX-LABEL: .entry column_sum_1(
  // PTX-NOT: atom
  func.func @column_sum(%x: !h, %y: memref<512xf32>) {
    linalg.generic {indexing_maps = [#id, #j], iterator_types = ["reduction", "parallel"]} ins(%x : !h) outs(%y : memref<512xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %w = arith.extf %in : bf16 to f32
      %r = arith.addf %out, %w : f32
      linalg.yield %r : f32
    }
    return
  }
  // Sums of rows: a warp per row.
  // CHECK: pipe.gpu_kernel @row_sum {{.*}} entries ["row_sum"] grids [256] blocks [128]
  func.func @row_sum(%x: !x, %y: memref<1024xf32>) {
    linalg.generic {indexing_maps = [#id, #i], iterator_types = ["parallel", "reduction"]} ins(%x : !x) outs(%y : memref<1024xf32>) {
    ^bb0(%in: f32, %out: f32):
      %r = arith.addf %out, %in : f32
      linalg.yield %r : f32
    }
    return
  }
  // No sum: a thread per row takes the columns in order.
  // CHECK: pipe.gpu_kernel @horner {{.*}} entries ["horner"] grids [4] blocks [256]
  func.func @horner(%x: !x, %y: memref<1024xf32>) {
    linalg.generic {indexing_maps = [#id, #i], iterator_types = ["parallel", "reduction"]} ins(%x : !x) outs(%y : memref<1024xf32>) {
    ^bb0(%in: f32, %out: f32):
      %half = arith.constant 0.5 : f32
      %s = arith.mulf %out, %half : f32
      %r = arith.addf %s, %in : f32
      linalg.yield %r : f32
    }
    return
  }
  // Ids that name one row are linked first.
  // CHECK: pipe.gpu_kernel @gather_grad {{.*}} entries ["gather_grad", "gather_grad_1"] grids [128, 512] blocks [128, 128] shared [0, 0] scratch 2048
  func.func @gather_grad(%dy: memref<512x512xf32>, %i: memref<512xi64>, %t: !x) {
    pipe.gather_grad ins(%dy, %i : memref<512x512xf32>, memref<512xi64>) outs(%t : !x)
    return
  }
}
}
