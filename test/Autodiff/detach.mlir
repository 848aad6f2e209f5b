// RUN: bitpipe-opt %s --split-input-file --pipe-differentiate | FileCheck %s

// y = detach(x * w) * v: only v has a gradient, and what is carried in has none.

#id = affine_map<(i) -> (i)>
pipe.parameter @w : tensor<4xf32> trainable file "w" offset 0
pipe.parameter @v : tensor<4xf32> trainable file "w" offset 16

// CHECK-LABEL: func.func @f(
// CHECK-NOT: pipe.detach
// CHECK-LABEL: func.func @f_input_gradient(
// CHECK: %[[ZERO:.*]] = {{.*}}0.000000e+00
// CHECK-NOT: mulf
// CHECK-LABEL: func.func @f_weight_gradient(
// CHECK-SAME: %[[D:[^:]*]]: tensor<4xf32>, %[[DY:[^:]*]]: tensor<4xf32>, %[[GW:[^:]*]]: tensor<4xf32>, %[[GV:[^:]*]]: tensor<4xf32>)
// CHECK: %[[SUM:.*]] = linalg.generic
// CHECK-SAME: outs(%[[GV]]
// CHECK: return %[[GW]], %[[SUM]]
func.func @f(%x: tensor<4xf32>, %w: tensor<4xf32>, %v: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %w : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4xf32>
  %1 = pipe.detach %0 : tensor<4xf32>
  %2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%1, %v : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
pipe.stage 0 forward @f inputs [] parameters [@w, @v] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// What has no gradient rule may stand before a detach: arith.remf.

#id = affine_map<(i) -> (i)>
pipe.parameter @w : tensor<4xf32> trainable file "w" offset 0

// CHECK-LABEL: func.func @g(
// CHECK: arith.remf
// CHECK-LABEL: func.func @g_input_gradient(
func.func @g(%x: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %w : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.remf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<4xf32>
  %1 = pipe.detach %0 : tensor<4xf32>
  %2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%1, %w : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
pipe.stage 0 forward @g inputs [] parameters [@w] carried_in [false] carried_out [true] cost [0.0, 0.0, 0.0]
