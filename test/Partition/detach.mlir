// RUN: bitpipe-opt %s --pipe-partition="stages=2" | FileCheck %s

// A value is detached where it is read: what passes the cut is the value before.

#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#c = affine_map<(i, j, k) -> (i, j)>
#id = affine_map<(i, j) -> (i, j)>
#n = affine_map<(i, j) -> ()>
pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches" bounds [-1]
pipe.parameter @w0 : tensor<64x64xf32> trainable file "w" offset 0
pipe.parameter @w1 : tensor<64x64xf32> trainable file "w" offset 16384
func.func @forward(%x: tensor<32x64xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<32x64xf32>) -> tensor<32x64xf32>
  %w0 = pipe.get_parameter @w0 : tensor<64x64xf32>
  %0 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w0 : tensor<32x64xf32>, tensor<64x64xf32>) outs(%init : tensor<32x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<32x64xf32>
  %1 = pipe.detach %0 : tensor<32x64xf32>
  %w1 = pipe.get_parameter @w1 : tensor<64x64xf32>
  %2 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%1, %w1 : tensor<32x64xf32>, tensor<64x64xf32>) outs(%init : tensor<32x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<32x64xf32>
  %e0 = tensor.empty() : tensor<f32>
  %init0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<f32>) -> tensor<f32>
  %3 = linalg.generic {indexing_maps = [#id, #n], iterator_types = ["reduction", "reduction"]}
      ins(%2 : tensor<32x64xf32>) outs(%init0 : tensor<f32>) {
  ^bb0(%l: f32, %out: f32):
    %s = arith.addf %out, %l : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  return %3 : tensor<f32>
}

// CHECK: func.func @stage_1(%[[X:.*]]: tensor<32x64xf32>,
// CHECK: pipe.detach %[[X]]
