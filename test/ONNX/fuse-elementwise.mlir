// RUN: bitpipe-opt %s --pipe-legalize-elementwise --pipe-fuse-elementwise | FileCheck %s

// The example of the pass: a chain is one operation.
// CHECK-LABEL: func.func @chain
func.func @chain(%x: tensor<2x4xf32>, %y: tensor<4xf32>) -> tensor<2x4xf32> {
  // CHECK-COUNT-1: linalg.generic
  // CHECK: arith.addf
  // CHECK: math.tanh
  // CHECK: arith.mulf
  // CHECK-NOT: linalg.generic
  %0 = pipe.onnx_node "Add"(%x, %y) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %1 = pipe.onnx_node "Tanh"(%0) opset 23 present [true] {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = pipe.onnx_node "Mul"(%1, %x) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}

// What is used twice is computed once, what only repeats is not kept.
// CHECK-LABEL: func.func @twice
func.func @twice(%x: tensor<2x4xf32>, %m: tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  // CHECK: math.exp
  // CHECK: linalg.generic
  // CHECK: arith.addf
  // CHECK: linalg.generic
  // CHECK: arith.mulf
  // CHECK-NOT: linalg.generic
  %s = arith.constant dense<[2, 4]> : tensor<2xi64>
  %r = pipe.onnx_node "Expand"(%m, %s) opset 23 present [true, true] {} : (tensor<4xf32>, tensor<2xi64>) -> tensor<2x4xf32>
  %0 = pipe.onnx_node "Exp"(%x) opset 23 present [true] {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %1 = pipe.onnx_node "Add"(%0, %r) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = pipe.onnx_node "Mul"(%0, %r) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %1, %2 : tensor<2x4xf32>, tensor<2x4xf32>
}
