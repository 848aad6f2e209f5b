// RUN: bitpipe-opt %s --pipe-legalize-contractions --pipe-fold-transposes | FileCheck %s

// CHECK-DAG: #[[Q:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d2, d1, d4)>
// CHECK-DAG: #[[K:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d3, d1, d4)>
// CHECK-DAG: #[[P:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3)>

// The example of the pass: the heads of queries and keys are moved by maps, and
// the key's detour over one batch dimension is unwrapped.
// CHECK-LABEL: func.func @scores
// CHECK-SAME: (%[[QUERY:.*]]: tensor<2x5x3x8xf32>, %[[KEY:.*]]: tensor<2x6x3x8xf32>)
func.func @scores(%q: tensor<2x5x3x8xf32>, %k: tensor<2x6x3x8xf32>) -> tensor<2x3x5x6xf32> {
  // CHECK-NOT: linalg.transpose
  // CHECK: linalg.generic {indexing_maps = [#[[Q]], #[[K]], #[[P]]]{{.*}} ins(%[[QUERY]], %[[KEY]]
  %e0 = tensor.empty() : tensor<2x3x5x8xf32>
  %qt = linalg.transpose ins(%q : tensor<2x5x3x8xf32>) outs(%e0 : tensor<2x3x5x8xf32>) permutation = [0, 2, 1, 3]
  %e1 = tensor.empty() : tensor<2x3x6x8xf32>
  %kh = linalg.transpose ins(%k : tensor<2x6x3x8xf32>) outs(%e1 : tensor<2x3x6x8xf32>) permutation = [0, 2, 1, 3]
  %kc = tensor.collapse_shape %kh [[0, 1], [2], [3]] : tensor<2x3x6x8xf32> into tensor<6x6x8xf32>
  %e2 = tensor.empty() : tensor<6x8x6xf32>
  %kt = linalg.transpose ins(%kc : tensor<6x6x8xf32>) outs(%e2 : tensor<6x8x6xf32>) permutation = [0, 2, 1]
  %ke = tensor.expand_shape %kt [[0, 1], [2], [3]] output_shape [2, 3, 8, 6] : tensor<6x8x6xf32> into tensor<2x3x8x6xf32>
  %0 = pipe.onnx_node "MatMul"(%qt, %ke) opset 23 present [true, true] {} : (tensor<2x3x5x8xf32>, tensor<2x3x8x6xf32>) -> tensor<2x3x5x6xf32>
  return %0 : tensor<2x3x5x6xf32>
}

// CHECK-LABEL: func.func @result
func.func @result(%a: tensor<4x8xf32>, %b: tensor<8x5xf32>) -> tensor<5x4xf32> {
  // CHECK-NOT: linalg.transpose
  // CHECK: linalg.generic {{.*}}"reduction"]} {{.*}} outs(%{{.*}} : tensor<5x4xf32>)
  %0 = pipe.onnx_node "MatMul"(%a, %b) opset 23 present [true, true] {} : (tensor<4x8xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  %e = tensor.empty() : tensor<5x4xf32>
  %t = linalg.transpose ins(%0 : tensor<4x5xf32>) outs(%e : tensor<5x4xf32>) permutation = [1, 0]
  return %t : tensor<5x4xf32>
}
