// RUN: bitpipe-opt %s --pipe-legalize-views | FileCheck %s

// CHECK-LABEL: func.func @reshapes
func.func @reshapes(%x: tensor<2x6x4xf32>) -> (tensor<2x3x8xf32>, tensor<12x4x1xf32>, tensor<2x6x4xf32>) {
  // CHECK: %[[C:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2]] : tensor<2x6x4xf32> into tensor<2x24xf32>
  // CHECK: tensor.expand_shape %[[C]] {{\[\[}}0], [1, 2]] output_shape [2, 3, 8]
  %a = arith.constant dense<[2, 3, 8]> : tensor<3xi64>
  %0 = pipe.onnx_node "Reshape"(%x, %a) opset 23 present [true, true] {} : (tensor<2x6x4xf32>, tensor<3xi64>) -> tensor<2x3x8xf32>
  // CHECK: %[[D:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0, 1], [2]] : tensor<2x6x4xf32> into tensor<12x4xf32>
  // CHECK: tensor.expand_shape %[[D]] {{\[\[}}0], [1, 2]] output_shape [12, 4, 1]
  %b = arith.constant dense<[12, 4, 1]> : tensor<3xi64>
  %1 = pipe.onnx_node "Reshape"(%x, %b) opset 23 present [true, true] {} : (tensor<2x6x4xf32>, tensor<3xi64>) -> tensor<12x4x1xf32>
  %c = arith.constant dense<[2, 6, 4]> : tensor<3xi64>
  %2 = pipe.onnx_node "Reshape"(%x, %c) opset 23 present [true, true] {} : (tensor<2x6x4xf32>, tensor<3xi64>) -> tensor<2x6x4xf32>
  return %0, %1, %2 : tensor<2x3x8xf32>, tensor<12x4x1xf32>, tensor<2x6x4xf32>
}

// CHECK-LABEL: func.func @parts
func.func @parts(%x: tensor<2x6xf32>) -> (tensor<2x6xf32>, tensor<1x3xf32>, tensor<6x2xf32>) {
  // CHECK: %[[A:.*]] = tensor.extract_slice %{{.*}}[0, 0] [2, 4] [1, 1]
  // CHECK: %[[B:.*]] = tensor.extract_slice %{{.*}}[0, 4] [2, 2] [1, 1]
  %n = arith.constant dense<[4, 2]> : tensor<2xi64>
  %0:2 = pipe.onnx_node "Split"(%x, %n) opset 23 present [true, true] {axis = 1} : (tensor<2x6xf32>, tensor<2xi64>) -> (tensor<2x4xf32>, tensor<2x2xf32>)
  // CHECK: tensor.concat dim(1) %[[B]], %[[A]]
  %1 = pipe.onnx_node "Concat"(%0#1, %0#0) opset 23 present [true, true] {axis = 1} : (tensor<2x2xf32>, tensor<2x4xf32>) -> tensor<2x6xf32>
  // CHECK: tensor.extract_slice %{{.*}}[1, 0] [1, 3] [1, 2]
  %s = arith.constant dense<[-1, 0]> : tensor<2xi64>
  %e = arith.constant dense<[2, 99]> : tensor<2xi64>
  %a = arith.constant dense<[0, 1]> : tensor<2xi64>
  %p = arith.constant dense<[1, 2]> : tensor<2xi64>
  %2 = pipe.onnx_node "Slice"(%x, %s, %e, %a, %p) opset 23 present [true, true, true, true, true] {} : (tensor<2x6xf32>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>) -> tensor<1x3xf32>
  // CHECK: linalg.transpose {{.*}} permutation = [1, 0]
  %3 = pipe.onnx_node "Transpose"(%x) opset 23 present [true] {} : (tensor<2x6xf32>) -> tensor<6x2xf32>
  return %1, %2, %3 : tensor<2x6xf32>, tensor<1x3xf32>, tensor<6x2xf32>
}
