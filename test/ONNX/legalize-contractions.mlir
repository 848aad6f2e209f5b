// RUN: bitpipe-opt %s --pipe-legalize-contractions --canonicalize | FileCheck %s

// CHECK-DAG: #[[XROWS:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-DAG: #[[WKN:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d2)>
// CHECK-DAG: #[[WNK:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
// CHECK-DAG: #[[YROWS:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>

// CHECK-LABEL: func.func @weight
func.func @weight(%x: tensor<2x3x4xf32>, %w: tensor<4x5xf32>) -> tensor<2x3x5xf32> {
  // CHECK: %[[Z:.*]] = linalg.fill ins(%{{.*}} : f32)
  // CHECK: linalg.generic {indexing_maps = [#[[XROWS]], #[[WKN]], #[[YROWS]]], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} {{.*}} outs(%[[Z]]
  // CHECK: %[[P:.*]] = arith.mulf
  // CHECK: arith.addf %{{.*}}, %[[P]]
  %0 = pipe.onnx_node "MatMul"(%x, %w) opset 23 present [true, true] {} : (tensor<2x3x4xf32>, tensor<4x5xf32>) -> tensor<2x3x5xf32>
  return %0 : tensor<2x3x5xf32>
}

// The example of the pass: the reshapes around a Gemm cancel, the bias is where
// it starts, and a transposed weight is a map.
// CHECK-LABEL: func.func @between_reshapes
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xf32>, %[[W:.*]]: tensor<5x4xf32>, %[[B:.*]]: tensor<5xf32>)
func.func @between_reshapes(%x: tensor<2x3x4xf32>, %w: tensor<5x4xf32>, %b: tensor<5xf32>) -> tensor<2x3x5xf32> {
  // CHECK: %[[S:.*]] = linalg.generic {{.*}} ins(%[[B]]
  // CHECK: %[[Y:.*]] = linalg.generic {indexing_maps = [#[[XROWS]], #[[WNK]], #[[YROWS]]]{{.*}} ins(%[[X]], %[[W]] {{.*}} outs(%[[S]]
  // CHECK: return %[[Y]]
  %a = tensor.collapse_shape %x [[0, 1], [2]] : tensor<2x3x4xf32> into tensor<6x4xf32>
  %0 = pipe.onnx_node "Gemm"(%a, %w, %b) opset 23 present [true, true, true] {transB = 1} : (tensor<6x4xf32>, tensor<5x4xf32>, tensor<5xf32>) -> tensor<6x5xf32>
  %y = tensor.expand_shape %0 [[0, 1], [2]] output_shape [2, 3, 5] : tensor<6x5xf32> into tensor<2x3x5xf32>
  return %y : tensor<2x3x5xf32>
}
