// Kernels that move their memory in accesses of 16 bytes and no others; the sizes are those
// of a layer of GPT-2 medium with 2048 tokens.

// RUN: bitpipe-opt %s --pipe-compile-gpu-kernels=output=%t.ptx -o /dev/null
// RUN: FileCheck %s --input-file=%t.ptx

#ij = affine_map<(i, j) -> (i, j)>
#j = affine_map<(i, j) -> (j)>

module {
module @kernels {
  // x comes once from memory, whatever a row is needed for.
  // CHECK-LABEL: .entry wide_add_and_round(
  // CHECK-COUNT-3: ld.global.nc.v
  // CHECK-NOT: ld.global
  func.func @wide_add_and_round(%x: memref<2048x1024xf32>, %y: memref<2048x1024xbf16>, %z: memref<2048x1024xbf16>) {
    linalg.generic {indexing_maps = [#ij, #ij, #ij], iterator_types = ["parallel", "parallel"]} ins(%x, %y : memref<2048x1024xf32>, memref<2048x1024xbf16>) outs(%z : memref<2048x1024xbf16>) {
    ^bb0(%a: f32, %b: bf16, %out: bf16):
      %w = arith.extf %b : bf16 to f32
      %s = arith.addf %a, %w : f32
      %r = arith.truncf %s : f32 to bf16
      linalg.yield %r : bf16
    }
    return
  }
  // CHECK-LABEL: .entry wide_gelu(
  func.func @wide_gelu(%x: memref<2048x4096xbf16>, %b: memref<4096xf32>, %y: memref<2048x4096xbf16>) {
    linalg.generic {indexing_maps = [#ij, #j, #ij], iterator_types = ["parallel", "parallel"]} ins(%x, %b : memref<2048x4096xbf16>, memref<4096xf32>) outs(%y : memref<2048x4096xbf16>) {
    ^bb0(%in: bf16, %bias: f32, %out: bf16):
      %c = arith.constant 0.707106769 : f32
      %half = arith.constant 0.5 : f32
      %one = arith.constant 1.0 : f32
      %w = arith.extf %in : bf16 to f32
      %a = arith.addf %w, %bias : f32
      %s = arith.mulf %a, %c : f32
      %e = math.erf %s : f32
      %p = arith.addf %e, %one : f32
      %q = arith.mulf %p, %a : f32
      %h = arith.mulf %q, %half : f32
      %t = arith.truncf %h : f32 to bf16
      linalg.yield %t : bf16
    }
    return
  }
  // CHECK-LABEL: .entry wide_softmax(
  // CHECK-COUNT-4: ld.global{{.*}}.v4.b32
  // CHECK-NOT: ld.global
  func.func @wide_softmax(%x: memref<2048x1024xbf16>, %y: memref<2048x1024xbf16>) {
    pipe.softmax ins(%x : memref<2048x1024xbf16>) outs(%y : memref<2048x1024xbf16>)
    return
  }
  // Parameters are the arguments and scratch memory.
  // CHECK-LABEL: .entry wide_bias_gradient(
  // CHECK-COUNT-3: .param .u64
  // CHECK-NOT: .param .u64
  // CHECK: .reqntid
  // CHECK-LABEL: .entry wide_bias_gradient_1(
  func.func @wide_bias_gradient(%dy: memref<2048x4096xbf16>, %db: memref<4096xf32>) {
    linalg.generic {indexing_maps = [#ij, #j], iterator_types = ["reduction", "parallel"]} ins(%dy : memref<2048x4096xbf16>) outs(%db : memref<4096xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %w = arith.extf %in : bf16 to f32
      %a = arith.addf %out, %w : f32
      linalg.yield %a : f32
    }
    return
  }
}
}
