// Kernels that move their memory in accesses of 16 bytes and no others, those of rows but for
// a row's statistics; the sizes are those of a layer of GPT-2 medium with 2048 tokens.

// RUN: bitpipe-opt %s --pipe-compile-gpu-kernels=output=%t.ptx -o /dev/null
// RUN: FileCheck %s --input-file=%t.ptx
// RUN: FileCheck %s --input-file=%t.ptx --check-prefix=STORES

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
  // Rows that several operations share come once, whether a warp or a block has them.
  // The gradient itself is never in memory: what is stored are the sum, in its place, and a copy of it.
  // CHECK-LABEL: .entry row_gradient_and_sum(
  // CHECK-COUNT-26: ld.global
  // CHECK-NOT: ld.global
  // STORES-LABEL: .entry row_gradient_and_sum(
  // STORES-COUNT-12: st.global{{.*}}.v4.b32
  // STORES-NOT: st.global
  // STORES-LABEL: .entry row_sum_and_norm_1024(
  func.func @row_gradient_and_sum(%dy: memref<2048x1024xbf16>, %x: memref<2048x1024xbf16>, %w: memref<1024xf32>, %m: memref<2048xf32>, %r: memref<2048xf32>, %d: memref<2048x1024xf32>, %h: memref<2048x1024xbf16>) {
    pipe.fused_rows ins(%dy, %x, %w, %m, %r, %d : memref<2048x1024xbf16>, memref<2048x1024xbf16>, memref<1024xf32>, memref<2048xf32>, memref<2048xf32>, memref<2048x1024xf32>) outs(%d, %h : memref<2048x1024xf32>, memref<2048x1024xbf16>) {
    ^bb0(%0: tensor<2048x1024xbf16>, %1: tensor<2048x1024xbf16>, %2: tensor<1024xf32>, %3: tensor<2048xf32>, %4: tensor<2048xf32>, %5: tensor<2048x1024xf32>):
      %e = tensor.empty() : tensor<2048x1024xf32>
      %k = tensor.empty() : tensor<2048x1024xbf16>
      %dx = pipe.layer_norm_grad_input ins(%0, %1, %2, %3, %4 : tensor<2048x1024xbf16>, tensor<2048x1024xbf16>, tensor<1024xf32>, tensor<2048xf32>, tensor<2048xf32>) outs(%e : tensor<2048x1024xf32>) -> tensor<2048x1024xf32>
      %s:2 = linalg.generic {indexing_maps = [#ij, #ij, #ij, #ij], iterator_types = ["parallel", "parallel"]} ins(%5, %dx : tensor<2048x1024xf32>, tensor<2048x1024xf32>) outs(%e, %k : tensor<2048x1024xf32>, tensor<2048x1024xbf16>) {
      ^bb0(%a: f32, %c: f32, %o: f32, %p: bf16):
        %f = arith.addf %a, %c : f32
        %g = arith.truncf %f : f32 to bf16
        linalg.yield %f, %g : f32, bf16
      } -> (tensor<2048x1024xf32>, tensor<2048x1024xbf16>)
      pipe.yield %s#0, %s#1 : tensor<2048x1024xf32>, tensor<2048x1024xbf16>
    }
    return
  }
  // CHECK-LABEL: .entry row_sum_and_norm_1024(
  // CHECK-COUNT-28: ld.global{{.*}}.v4.b32
  // CHECK-NOT: ld.global
  func.func @row_sum_and_norm_1024(%x: memref<2048x1024xf32>, %y: memref<2048x1024xbf16>, %w: memref<1024xf32>, %b: memref<1024xf32>, %n: memref<2048x1024xbf16>, %m: memref<2048xf32>, %r: memref<2048xf32>) {
    pipe.fused_rows ins(%x, %y, %w, %b : memref<2048x1024xf32>, memref<2048x1024xbf16>, memref<1024xf32>, memref<1024xf32>) outs(%x, %y, %n, %m, %r : memref<2048x1024xf32>, memref<2048x1024xbf16>, memref<2048x1024xbf16>, memref<2048xf32>, memref<2048xf32>) {
    ^bb0(%0: tensor<2048x1024xf32>, %1: tensor<2048x1024xbf16>, %2: tensor<1024xf32>, %3: tensor<1024xf32>):
      %e = tensor.empty() : tensor<2048x1024xf32>
      %h = tensor.empty() : tensor<2048x1024xbf16>
      %v = tensor.empty() : tensor<2048xf32>
      %s:2 = linalg.generic {indexing_maps = [#ij, #ij, #ij, #ij], iterator_types = ["parallel", "parallel"]} ins(%0, %1 : tensor<2048x1024xf32>, tensor<2048x1024xbf16>) outs(%e, %h : tensor<2048x1024xf32>, tensor<2048x1024xbf16>) {
      ^bb0(%a: f32, %c: bf16, %o: f32, %p: bf16):
        %d = arith.extf %c : bf16 to f32
        %f = arith.addf %a, %d : f32
        %g = arith.truncf %f : f32 to bf16
        linalg.yield %f, %g : f32, bf16
      } -> (tensor<2048x1024xf32>, tensor<2048x1024xbf16>)
      %t:3 = pipe.layer_norm epsilon 1.0e-5 ins(%s#0, %2, %3 : tensor<2048x1024xf32>, tensor<1024xf32>, tensor<1024xf32>) outs(%h, %v, %v : tensor<2048x1024xbf16>, tensor<2048xf32>, tensor<2048xf32>) -> tensor<2048x1024xbf16>, tensor<2048xf32>, tensor<2048xf32>
      pipe.yield %s#0, %s#1, %t#0, %t#1, %t#2 : tensor<2048x1024xf32>, tensor<2048x1024xbf16>, tensor<2048x1024xbf16>, tensor<2048xf32>, tensor<2048xf32>
    }
    return
  }
  // CHECK-LABEL: .entry row_sum_and_norm_4096(
  // CHECK-COUNT-28: ld.global{{.*}}.v4.b32
  // CHECK-NOT: ld.global
  func.func @row_sum_and_norm_4096(%x: memref<512x4096xf32>, %y: memref<512x4096xbf16>, %w: memref<4096xf32>, %b: memref<4096xf32>, %n: memref<512x4096xbf16>, %m: memref<512xf32>, %r: memref<512xf32>) {
    pipe.fused_rows ins(%x, %y, %w, %b : memref<512x4096xf32>, memref<512x4096xbf16>, memref<4096xf32>, memref<4096xf32>) outs(%x, %y, %n, %m, %r : memref<512x4096xf32>, memref<512x4096xbf16>, memref<512x4096xbf16>, memref<512xf32>, memref<512xf32>) {
    ^bb0(%0: tensor<512x4096xf32>, %1: tensor<512x4096xbf16>, %2: tensor<4096xf32>, %3: tensor<4096xf32>):
      %e = tensor.empty() : tensor<512x4096xf32>
      %h = tensor.empty() : tensor<512x4096xbf16>
      %v = tensor.empty() : tensor<512xf32>
      %s:2 = linalg.generic {indexing_maps = [#ij, #ij, #ij, #ij], iterator_types = ["parallel", "parallel"]} ins(%0, %1 : tensor<512x4096xf32>, tensor<512x4096xbf16>) outs(%e, %h : tensor<512x4096xf32>, tensor<512x4096xbf16>) {
      ^bb0(%a: f32, %c: bf16, %o: f32, %p: bf16):
        %d = arith.extf %c : bf16 to f32
        %f = arith.addf %a, %d : f32
        %g = arith.truncf %f : f32 to bf16
        linalg.yield %f, %g : f32, bf16
      } -> (tensor<512x4096xf32>, tensor<512x4096xbf16>)
      %t:3 = pipe.layer_norm epsilon 1.0e-5 ins(%s#0, %2, %3 : tensor<512x4096xf32>, tensor<4096xf32>, tensor<4096xf32>) outs(%h, %v, %v : tensor<512x4096xbf16>, tensor<512xf32>, tensor<512xf32>) -> tensor<512x4096xbf16>, tensor<512xf32>, tensor<512xf32>
      pipe.yield %s#0, %s#1, %t#0, %t#1, %t#2 : tensor<512x4096xf32>, tensor<512x4096xbf16>, tensor<512x4096xbf16>, tensor<512xf32>, tensor<512xf32>
    }
    return
  }
}
}
