// RUN: bitpipe-opt %s --pipe-partition="stages=3" | FileCheck %s

// A learned row plus a mask of the model's input is larger than the row: stages hand
// on the row, and each that needs the sum computes it again.

#v = affine_map<(i) -> (i)>
#id = affine_map<(b, j) -> (b, j)>
#j = affine_map<(b, j) -> (j)>
#id3 = affine_map<(b, i, j) -> (b, i, j)>
#bj = affine_map<(b, i, j) -> (b, j)>
#none = affine_map<(b, i, j) -> ()>
#a = affine_map<(b, i, j, k) -> (b, i, k)>
#b = affine_map<(b, i, j, k) -> (k, j)>
#c = affine_map<(b, i, j, k) -> (b, i, j)>
pipe.model @forward inputs ["x", "mask"] outputs ["loss"] loss "microbatches"
pipe.parameter @row : tensor<64xf32> trainable file "w" offset 0
pipe.parameter @w : tensor<64x64xf32> trainable file "w" offset 256
func.func @forward(%x: tensor<2x64x64xf32>, %mask: tensor<2x64xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x64x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<2x64x64xf32>) -> tensor<2x64x64xf32>
  %f = tensor.empty() : tensor<64xf32>
  %row = pipe.get_parameter @row : tensor<64xf32>
  %learned = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]}
      ins(%row : tensor<64xf32>) outs(%f : tensor<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %t = math.tanh %in : f32
    linalg.yield %t : f32
  } -> tensor<64xf32>
  %g = tensor.empty() : tensor<2x64xf32>
  %bias = linalg.generic {indexing_maps = [#id, #j, #id], iterator_types = ["parallel", "parallel"]}
      ins(%mask, %learned : tensor<2x64xf32>, tensor<64xf32>) outs(%g : tensor<2x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.addf %l, %r : f32
    linalg.yield %p : f32
  } -> tensor<2x64xf32>
  %w = pipe.get_parameter @w : tensor<64x64xf32>
  %p0 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<2x64x64xf32>, tensor<64x64xf32>) outs(%init : tensor<2x64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %q = arith.addf %out, %p : f32
    linalg.yield %q : f32
  } -> tensor<2x64x64xf32>
  %h0 = linalg.generic {indexing_maps = [#id3, #bj, #id3], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%p0, %bias : tensor<2x64x64xf32>, tensor<2x64xf32>) outs(%e : tensor<2x64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    linalg.yield %p : f32
  } -> tensor<2x64x64xf32>
  %p1 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%h0, %w : tensor<2x64x64xf32>, tensor<64x64xf32>) outs(%init : tensor<2x64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %q = arith.addf %out, %p : f32
    linalg.yield %q : f32
  } -> tensor<2x64x64xf32>
  %h1 = linalg.generic {indexing_maps = [#id3, #bj, #id3], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%p1, %bias : tensor<2x64x64xf32>, tensor<2x64xf32>) outs(%e : tensor<2x64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    linalg.yield %p : f32
  } -> tensor<2x64x64xf32>
  %p2 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%h1, %w : tensor<2x64x64xf32>, tensor<64x64xf32>) outs(%init : tensor<2x64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %q = arith.addf %out, %p : f32
    linalg.yield %q : f32
  } -> tensor<2x64x64xf32>
  %h2 = linalg.generic {indexing_maps = [#id3, #bj, #id3], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%p2, %bias : tensor<2x64x64xf32>, tensor<2x64xf32>) outs(%e : tensor<2x64x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    linalg.yield %p : f32
  } -> tensor<2x64x64xf32>
  %es = tensor.empty() : tensor<f32>
  %is = linalg.fill ins(%zero : f32) outs(%es : tensor<f32>) -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#id3, #none], iterator_types = ["reduction", "reduction", "reduction"]}
      ins(%h2 : tensor<2x64x64xf32>) outs(%is : tensor<f32>) {
  ^bb0(%l: f32, %out: f32):
    %p = arith.addf %l, %out : f32
    linalg.yield %p : f32
  } -> tensor<f32>
  return %loss : tensor<f32>
}

// CHECK-LABEL: func.func @stage_0(
// CHECK: return %{{.*}}, %{{.*}} : tensor<64xf32>, tensor<2x64x64xf32>
// CHECK-LABEL: func.func @stage_1(
// CHECK-SAME: %[[ROW:[^:]*]]: tensor<64xf32>, %{{[^:]*}}: tensor<2x64x64xf32>, %{{[^:]*}}: tensor<2x64xf32>
// CHECK: arith.addf
// CHECK: return %[[ROW]], %{{.*}} : tensor<64xf32>, tensor<2x64x64xf32>
// CHECK: pipe.stage 1 {{.*}} inputs ["mask"]
