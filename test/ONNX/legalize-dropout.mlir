// RUN: bitpipe-opt %s --pipe-fold-nodes --pipe-legalize-dropout | FileCheck %s

// Only dropouts that drop something are left, and numbered.
// CHECK-LABEL: func.func @forward
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32>)
// CHECK: %[[K0:.*]] = pipe.dropout_key 0 : tensor<i64>
// CHECK: %[[Y0:.*]] = pipe.dropout ratio 2.500000e-01 ins(%[[X]], %[[K0]] : tensor<4x8xf32>, tensor<i64>) outs(
// CHECK: %[[K1:.*]] = pipe.dropout_key 1 : tensor<i64>
// CHECK: %[[Y1:.*]] = pipe.dropout ratio 5.000000e-01 ins(%[[Y0]], %[[K1]] :
// CHECK-NOT: pipe.dropout
// CHECK: return %[[Y1]]
func.func @forward(%x: tensor<4x8xf32>) -> !pipe.unknown {
  %ratio = arith.constant dense<0.25> : tensor<f32>
  %none = arith.constant dense<0.0> : tensor<1xf32>
  %on = arith.constant dense<true> : tensor<i1>
  %off = arith.constant dense<false> : tensor<i1>
  %zero = arith.constant dense<0> : tensor<i64>
  // Computed from constants.
  %one = pipe.onnx_node "Equal"(%zero, %zero) opset 20 present [true, true] {} : (tensor<i64>, tensor<i64>) -> !pipe.unknown
  %0, %mask = pipe.onnx_node "Dropout"(%x, %ratio, %one) opset 20 present [true, true, true] {} : (tensor<4x8xf32>, tensor<f32>, !pipe.unknown) -> (!pipe.unknown, !pipe.unknown)
  %1 = pipe.onnx_node "Dropout"(%0, %ratio, %off) opset 20 present [true, true, true] {} : (!pipe.unknown, tensor<f32>, tensor<i1>) -> !pipe.unknown
  %2 = pipe.onnx_node "Dropout"(%1, %ratio) opset 20 present [true, true] {} : (!pipe.unknown, tensor<f32>) -> !pipe.unknown
  %3 = pipe.onnx_node "Dropout"(%2, %none, %on) opset 20 present [true, true, true] {} : (!pipe.unknown, tensor<1xf32>, tensor<i1>) -> !pipe.unknown
  // The ratio that ONNX takes for none.
  %4 = pipe.onnx_node "Dropout"(%3, %on) opset 20 present [true, false, true] {} : (!pipe.unknown, tensor<i1>) -> !pipe.unknown
  return %4 : !pipe.unknown
}

// A scalar is a row of one.
// CHECK-LABEL: func.func @scalar
// CHECK: tensor.expand_shape %{{.*}} [] output_shape [1] : tensor<f32> into tensor<1xf32>
// CHECK: pipe.dropout ratio 5.000000e-01 ins(%{{.*}} : tensor<1xf32>, tensor<i64>)
// CHECK: tensor.collapse_shape %{{.*}} [] : tensor<1xf32> into tensor<f32>
func.func @scalar(%x: tensor<f32>) -> !pipe.unknown {
  %on = arith.constant dense<true> : tensor<i1>
  %0 = pipe.onnx_node "Dropout"(%x, %on) opset 20 present [true, false, true] {} : (tensor<f32>, tensor<i1>) -> !pipe.unknown
  return %0 : !pipe.unknown
}
