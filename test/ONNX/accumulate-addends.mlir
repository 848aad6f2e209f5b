// RUN: bitpipe-opt %s --pipe-legalize-contractions --pipe-legalize-elementwise --pipe-accumulate-addends | FileCheck %s

// The example of the pass: a bias is broadcast, a residual is what it starts from.
// CHECK-LABEL: func.func @bias
// CHECK-SAME: (%{{.*}}, %{{.*}}, %[[B:.*]]: tensor<5xf32>)
func.func @bias(%x: tensor<2x4xf32>, %w: tensor<4x5xf32>, %b: tensor<5xf32>) -> tensor<2x5xf32> {
  // CHECK: %[[S:.*]] = linalg.generic {{.*}} ins(%[[B]]
  // CHECK: %[[Y:.*]] = linalg.generic {{.*}}"reduction"]} {{.*}} outs(%[[S]]
  // CHECK: return %[[Y]]
  %0 = pipe.onnx_node "MatMul"(%x, %w) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  %1 = pipe.onnx_node "Add"(%0, %b) opset 23 present [true, true] {} : (tensor<2x5xf32>, tensor<5xf32>) -> tensor<2x5xf32>
  return %1 : tensor<2x5xf32>
}

// CHECK-LABEL: func.func @residual
// CHECK-SAME: (%[[R:.*]]: tensor<2x5xf32>,
func.func @residual(%r: tensor<2x5xf32>, %x: tensor<2x4xf32>, %w: tensor<4x5xf32>) -> tensor<2x5xf32> {
  // CHECK: linalg.generic {{.*}}"reduction"]} {{.*}} outs(%[[R]]
  %0 = pipe.onnx_node "MatMul"(%x, %w) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  %1 = pipe.onnx_node "Add"(%r, %0) opset 23 present [true, true] {} : (tensor<2x5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  return %1 : tensor<2x5xf32>
}

// A product that is used twice keeps its sum.
// CHECK-LABEL: func.func @shared
func.func @shared(%x: tensor<2x4xf32>, %w: tensor<4x5xf32>, %b: tensor<5xf32>) -> (tensor<2x5xf32>, tensor<2x5xf32>) {
  // CHECK: %[[Z:.*]] = linalg.fill
  // CHECK: "reduction"]} {{.*}} outs(%[[Z]]
  // CHECK: arith.addf
  // CHECK: arith.addf
  %0 = pipe.onnx_node "MatMul"(%x, %w) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  %1 = pipe.onnx_node "Add"(%0, %b) opset 23 present [true, true] {} : (tensor<2x5xf32>, tensor<5xf32>) -> tensor<2x5xf32>
  return %0, %1 : tensor<2x5xf32>, tensor<2x5xf32>
}
