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

// An addend that repeats within is read by the map that the sum had for it.
// CHECK-LABEL: func.func @repeated
// CHECK-SAME: %[[B:[a-z0-9]+]]: tensor<3x1x5xf32>)
func.func @repeated(%x: tensor<3x2x4xf32>, %w: tensor<4x5xf32>, %b: tensor<3x1x5xf32>) -> tensor<3x2x5xf32> {
  // CHECK: %[[R:.*]] = tensor.collapse_shape %[[B]]
  // CHECK: %[[S:.*]] = linalg.generic {indexing_maps = [#[[OUTER:map[0-9]*]], #{{map[0-9]*}}], {{.*}} ins(%[[R]] : tensor<3x5xf32>)
  // CHECK: "reduction"]} {{.*}} outs(%[[S]]
  %0 = pipe.onnx_node "MatMul"(%x, %w) opset 23 present [true, true] {} : (tensor<3x2x4xf32>, tensor<4x5xf32>) -> tensor<3x2x5xf32>
  %1 = pipe.onnx_node "Add"(%0, %b) opset 23 present [true, true] {} : (tensor<3x2x5xf32>, tensor<3x1x5xf32>) -> tensor<3x2x5xf32>
  return %1 : tensor<3x2x5xf32>
}
