// RUN: bitpipe-opt %s --pipe-partition="stages=1" | FileCheck %s

// An attention costs the scores that its band holds: 10 of 16 when it is causal.
// Forwards each takes 2 * (8 + 8) operations and an exponential of 16, backwards
// 6 * 8 + 4 * 8 and the exponential again; 132 elements pass through memory at 40 each,
// backwards twice. The sum for the loss adds 1352 and 2028.

#d = affine_map<(a, b, c, d) -> (a, b, c, d)>
#r = affine_map<(a, b, c, d) -> ()>
pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
pipe.parameter @q : tensor<1x4x1x8xf32> trainable file "w" offset 0
func.func @forward(%x: tensor<1x4x1x8xf32>) -> tensor<f32> {
  %q = pipe.get_parameter @q : tensor<1x4x1x8xf32>
  %e = tensor.empty() : tensor<1x4x1x8xf32>
  %s = tensor.empty() : tensor<1x1x4xf32>
  %o, %lse = pipe.attention right 0 ins(%q, %x, %x : tensor<1x4x1x8xf32>, tensor<1x4x1x8xf32>, tensor<1x4x1x8xf32>)
    outs(%e, %s : tensor<1x4x1x8xf32>, tensor<1x1x4xf32>) -> tensor<1x4x1x8xf32>, tensor<1x1x4xf32>
  %zero = arith.constant 0.0 : f32
  %es = tensor.empty() : tensor<f32>
  %is = linalg.fill ins(%zero : f32) outs(%es : tensor<f32>) -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#d, #r], iterator_types = ["reduction", "reduction", "reduction", "reduction"]}
      ins(%o : tensor<1x4x1x8xf32>) outs(%is : tensor<f32>) {
  ^bb0(%l: f32, %out: f32):
    %p = arith.addf %l, %out : f32
    linalg.yield %p : f32
  } -> tensor<f32>
  return %loss : tensor<f32>
}
// CHECK: pipe.stage 0 {{.*}} cost [7.112000e+03, 2.028000e+03, 1.152000e+04]
