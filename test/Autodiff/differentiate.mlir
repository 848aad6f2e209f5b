// RUN: bitpipe-opt %s --pipe-differentiate | FileCheck %s

// A linear layer: both gradients are contractions with the maps swapped. The
// weight's and the bias's add to the sums so far.

#id = affine_map<(i, j) -> (i, j)>
#bias = affine_map<(i, j) -> (j)>
#x = affine_map<(i, j, k) -> (i, k)>
#w = affine_map<(i, j, k) -> (k, j)>
#y = affine_map<(i, j, k) -> (i, j)>

pipe.parameter @w : tensor<6x5xf32> trainable file "w" offset 0
pipe.parameter @b : tensor<5xf32> trainable file "w" offset 120

// CHECK-DAG: #[[IK:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[KJ:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-DAG: #[[IJ:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>

// CHECK-LABEL: func.func @linear(
// CHECK-SAME: %[[X:.*]]: tensor<4x6xf32>, %{{.*}}: tensor<6x5xf32>, %{{.*}}: tensor<5xf32>)
// CHECK-SAME: -> (tensor<4x5xf32>, tensor<4x6xf32>)
// CHECK: return %{{.*}}, %[[X]]

// CHECK-LABEL: func.func @linear_input_gradient(
// CHECK-SAME: %[[DY:.*]]: tensor<4x5xf32>, %[[X:.*]]: tensor<4x6xf32>, %[[W:.*]]: tensor<6x5xf32>, %{{.*}}: tensor<5xf32>)
// CHECK: %[[ZERO:.*]] = linalg.fill
// CHECK: %[[DX:.*]] = linalg.generic {indexing_maps = [#[[KJ]], #[[IJ]], #[[IK]]],
// CHECK-SAME: iterator_types = ["parallel", "reduction", "parallel"]}
// CHECK-SAME: ins(%[[W]], %[[DY]] : {{.*}}) outs(%[[ZERO]]
// CHECK: return %[[DX]], %[[X]], %[[DY]]

// CHECK-LABEL: func.func @linear_weight_gradient(
// CHECK-SAME: %[[X:.*]]: tensor<4x6xf32>, %[[DY:.*]]: tensor<4x5xf32>, %[[GW:.*]]: tensor<6x5xf32>, %[[GB:.*]]: tensor<5xf32>)
// CHECK: %[[DW:.*]] = linalg.generic {indexing_maps = [#[[IK]], #[[IJ]], #[[KJ]]],
// CHECK-SAME: ins(%[[X]], %[[DY]] : {{.*}}) outs(%[[GW]]
// CHECK: %[[DB:.*]] = linalg.generic
// CHECK-SAME: ins(%[[DY]] : {{.*}}) outs(%[[GB]]
// CHECK: return %[[DW]], %[[DB]]
func.func @linear(%x: tensor<4x6xf32>, %w: tensor<6x5xf32>, %b: tensor<5xf32>) -> tensor<4x5xf32> {
  %e = tensor.empty() : tensor<4x5xf32>
  %0 = linalg.generic {indexing_maps = [#bias, #id], iterator_types = ["parallel", "parallel"]}
      ins(%b : tensor<5xf32>) outs(%e : tensor<4x5xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<4x5xf32>
  %1 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x6xf32>, tensor<6x5xf32>) outs(%0 : tensor<4x5xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x5xf32>
  return %1 : tensor<4x5xf32>
}

// CHECK: pipe.stage 0 forward @linear input_gradient @linear_input_gradient weight_gradient @linear_weight_gradient
// CHECK-SAME: cost [2.600000e+02, 2.400000e+02, 2.600000e+02]
pipe.stage 0 forward @linear inputs [] parameters [@w, @b] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
