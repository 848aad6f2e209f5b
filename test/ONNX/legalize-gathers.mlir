// RUN: bitpipe-opt %s --pipe-legalize-gathers | FileCheck %s

// CHECK-DAG: #[[COUNT:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>

// CHECK-LABEL: func.func @rows
func.func @rows(%t: tensor<9x4xf32>, %ids: tensor<2x3xi64>) -> tensor<2x3x4xf32> {
  // CHECK: pipe.gather ins(%{{.*}}, %{{.*}} : tensor<9x4xf32>, tensor<2x3xi64>)
  %0 = pipe.onnx_node "Gather"(%t, %ids) opset 23 present [true, true] {} : (tensor<9x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @first
func.func @first(%x: tensor<2x3x4xf32>) -> tensor<2x4xf32> {
  // CHECK: tensor.extract_slice %{{.*}}[0, 2, 0] [2, 1, 4]
  // CHECK: tensor.collapse_shape
  %i = arith.constant dense<-1> : tensor<i64>
  %0 = pipe.onnx_node "Gather"(%x, %i) opset 23 present [true, true] {axis = 1} : (tensor<2x3x4xf32>, tensor<i64>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// Indices that count through whole dimensions are a broadcast.
// CHECK-LABEL: func.func @counting
func.func @counting(%x: tensor<2x2xf32>) -> tensor<2x1x2xf32> {
  // CHECK: linalg.generic {indexing_maps = [#[[COUNT]],
  %i = arith.constant dense<[[[[0, 0], [0, 1]]], [[[1, 0], [1, 1]]]]> : tensor<2x1x2x2xi64>
  %0 = pipe.onnx_node "GatherND"(%x, %i) opset 23 present [true, true] {} : (tensor<2x2xf32>, tensor<2x1x2x2xi64>) -> tensor<2x1x2xf32>
  return %0 : tensor<2x1x2xf32>
}

// CHECK-LABEL: func.func @flat
func.func @flat(%x: tensor<2x3x4xf32>) -> tensor<2x4xf32> {
  // CHECK: %[[T:.*]] = tensor.collapse_shape {{.*}} into tensor<6x4xf32>
  // CHECK: %[[I:.*]] = arith.constant dense<[5, 0]>
  // CHECK: pipe.gather ins(%[[T]], %[[I]]
  %i = arith.constant dense<[[1, 2], [0, 0]]> : tensor<2x2xi64>
  %0 = pipe.onnx_node "GatherND"(%x, %i) opset 23 present [true, true] {} : (tensor<2x3x4xf32>, tensor<2x2xi64>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
