// RUN: bitpipe-opt %s --split-input-file --pipe-differentiate | FileCheck %s

// One operation for all gradients; the result and the logarithms of the rows' sums
// are saved, and a learned bias gets its gradient from zero.

pipe.parameter @bias : tensor<1x4x6x6xf32> trainable file "w" offset 0

// CHECK-LABEL: func.func @learned(
// CHECK-SAME: %[[X:.*]]: tensor<2x6x4x8xf32>, %[[KEY:.*]]: tensor<i64>, %[[B:.*]]: tensor<1x4x6x6xf32>)
// CHECK: %[[A:.*]]:2 = pipe.attention scale 5.000000e-01 right 0 softcap 3.000000e+01 bias dropout 1.000000e-01 ins(%[[X]], %[[X]], %[[X]], %[[B]], %[[KEY]] :
// CHECK: return %[[A]]#0, %[[X]], %[[A]]#0, %[[A]]#1, %[[KEY]]

// CHECK-LABEL: func.func @learned_input_gradient(
// CHECK-SAME: %[[DO:.*]]: tensor<2x6x4x8xf32>, %[[X:.*]]: tensor<2x6x4x8xf32>, %[[O:.*]]: tensor<2x6x4x8xf32>, %[[LSE:.*]]: tensor<2x4x6xf32>, %[[KEY:.*]]: tensor<i64>, %[[B:.*]]: tensor<1x4x6x6xf32>)
// CHECK: %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<1x4x6x6xf32>
// CHECK: %[[G:.*]]:4 = pipe.attention_grad scale 5.000000e-01 right 0 softcap 3.000000e+01 bias dropout 1.000000e-01
// CHECK-SAME: ins(%[[DO]], %[[X]], %[[X]], %[[X]], %[[O]], %[[LSE]], %[[B]], %[[KEY]] :
// CHECK-SAME: outs(%{{.*}}, %{{.*}}, %{{.*}}, %[[ZERO]] :
// CHECK: %[[DX:.*]] = linalg.generic {{.*}} ins(%[[G]]#0, %[[G]]#1, %[[G]]#2 :
// CHECK: return %[[DX]], %[[G]]#3

// CHECK-LABEL: func.func @learned_weight_gradient(
// CHECK-NOT: pipe.attention
// CHECK: return
func.func @learned(%x: tensor<2x6x4x8xf32>, %key: tensor<i64>, %b: tensor<1x4x6x6xf32>) -> tensor<2x6x4x8xf32> {
  %e = tensor.empty() : tensor<2x6x4x8xf32>
  %s = tensor.empty() : tensor<2x4x6xf32>
  %o, %lse = pipe.attention scale 0.5 right 0 softcap 30.0 bias dropout 0.1
    ins(%x, %x, %x, %b, %key : tensor<2x6x4x8xf32>, tensor<2x6x4x8xf32>, tensor<2x6x4x8xf32>, tensor<1x4x6x6xf32>, tensor<i64>)
    outs(%e, %s : tensor<2x6x4x8xf32>, tensor<2x4x6xf32>) -> tensor<2x6x4x8xf32>, tensor<2x4x6xf32>
  return %o : tensor<2x6x4x8xf32>
}
pipe.stage 0 forward @learned inputs [] dropouts [0] parameters [@bias] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// A mask wants no gradient, and has none.

// CHECK-LABEL: func.func @masked_input_gradient(
// CHECK: %[[G:.*]]:3 = pipe.attention_grad bias ins(
// CHECK: return %[[G]]#0
func.func @masked(%q: tensor<2x6x4x8xf32>, %k: tensor<2x5x2x8xf32>, %mask: tensor<2x1x1x5xf32>) -> tensor<2x6x4x8xf32> {
  %e = tensor.empty() : tensor<2x6x4x8xf32>
  %s = tensor.empty() : tensor<2x4x6xf32>
  %o, %lse = pipe.attention bias
    ins(%q, %k, %k, %mask : tensor<2x6x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x8xf32>, tensor<2x1x1x5xf32>)
    outs(%e, %s : tensor<2x6x4x8xf32>, tensor<2x4x6xf32>) -> tensor<2x6x4x8xf32>, tensor<2x4x6xf32>
  return %o : tensor<2x6x4x8xf32>
}
pipe.stage 0 forward @masked inputs ["k", "mask"] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
