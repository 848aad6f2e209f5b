// RUN: bitpipe-opt %s --pipe-legalize-reductions | FileCheck %s

// CHECK-LABEL: func.func @mean
func.func @mean(%x: tensor<2x4xf32>) -> tensor<2x1xf32> {
  // CHECK: %[[Z:.*]] = linalg.fill
  // CHECK: %[[S:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]} {{.*}} outs(%[[Z]] : tensor<2xf32>)
  // CHECK: arith.addf
  // CHECK: linalg.generic {{.*}} ins(%[[S]]
  // CHECK: arith.constant 2.500000e-01
  // CHECK: tensor.expand_shape {{.*}} output_shape [2, 1]
  %0 = pipe.onnx_node "ReduceMean"(%x) opset 13 present [true] {axes = [-1]} : (tensor<2x4xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// CHECK-LABEL: func.func @max
func.func @max(%x: tensor<2x4xf32>) -> tensor<4xf32> {
  // CHECK: arith.constant 0xFF800000
  // CHECK: iterator_types = ["reduction", "parallel"]
  // CHECK: arith.maximumf
  %a = arith.constant dense<0> : tensor<1xi64>
  %0 = pipe.onnx_node "ReduceMax"(%x, %a) opset 18 present [true, true] {keepdims = 0} : (tensor<2x4xf32>, tensor<1xi64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
