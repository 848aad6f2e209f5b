// RUN: bitpipe-opt %s --pipe-expand-functions | FileCheck %s

// Scores are scaled, masked, normalised.
// CHECK-LABEL: func.func @masked
// CHECK-SAME: (%[[Q:.*]]: tensor<1x2x4x8xf32>, %[[K:.*]]: tensor<1x2x4x8xf32>, %[[V:.*]]: tensor<1x2x4x8xf32>, %[[M:.*]]: tensor<4x4xi1>)
func.func @masked(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %m: tensor<4x4xi1>) -> tensor<1x2x4x8xf32> {
  // CHECK: %[[T:.*]] = pipe.onnx_node "Transpose"(%[[K]]) {{.*}} {perm = [0, 1, 3, 2]}
  // CHECK: %[[P:.*]] = pipe.onnx_node "MatMul"(%[[Q]], %[[T]])
  // CHECK: %[[C:.*]] = arith.constant dense<5.000000e-01>
  // CHECK: %[[S:.*]] = pipe.onnx_node "Mul"(%[[P]], %[[C]])
  // CHECK: %[[I:.*]] = arith.constant dense<0xFF800000>
  // CHECK: %[[W:.*]] = pipe.onnx_node "Where"(%[[M]], %[[S]], %[[I]])
  // CHECK: %[[X:.*]] = pipe.onnx_node "Softmax"(%[[W]])
  // CHECK: %[[Y:.*]] = pipe.onnx_node "MatMul"(%[[X]], %[[V]])
  // CHECK: return %[[Y]]
  %y = pipe.onnx_node "Attention"(%q, %k, %v, %m) opset 23 present [true, true, true, true] {scale = 0.5 : f32} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<4x4xi1>) -> tensor<1x2x4x8xf32>
  return %y : tensor<1x2x4x8xf32>
}

// Heads that lie side by side are taken apart first; two query heads share keys.
// CHECK-LABEL: func.func @heads
func.func @heads(%q: tensor<1x4x16xf32>, %k: tensor<1x4x8xf32>) -> tensor<1x4x16xf32> {
  // CHECK: pipe.onnx_node "Reshape"{{.*}} -> tensor<1x4x2x8xf32>
  // CHECK: pipe.onnx_node "Transpose"{{.*}} -> tensor<1x2x4x8xf32>
  // CHECK: pipe.onnx_node "Expand"{{.*}} -> tensor<1x1x2x4x8xf32>
  // CHECK: arith.constant dense<{{\[\[}}true, false, false, false], [true, true, false, false], [true, true, true, false], [true, true, true, true]]>
  // CHECK: pipe.onnx_node "Reshape"{{.*}} -> tensor<1x4x16xf32>
  %y = pipe.onnx_node "Attention"(%q, %k, %k) opset 23 present [true, true, true] {q_num_heads = 2, kv_num_heads = 1, is_causal = 1} : (tensor<1x4x16xf32>, tensor<1x4x8xf32>, tensor<1x4x8xf32>) -> tensor<1x4x16xf32>
  return %y : tensor<1x4x16xf32>
}
