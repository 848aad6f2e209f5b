// RUN: bitpipe-opt %s --pipe-legalize-normalizations --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x8xf32>, %[[W:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>)
func.func @layer(%x: tensor<2x3x8xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<2x3x8xf32> {
  // CHECK: %[[Y:.*]]:3 = pipe.layer_norm epsilon {{.*}} ins(%[[X]], %[[W]], %[[B]]
  // CHECK-SAME: -> tensor<2x3x8xf32>, tensor<2x3xf32>, tensor<2x3xf32>
  // CHECK: return %[[Y]]#0
  %0 = pipe.onnx_node "LayerNormalization"(%x, %w, %b) opset 23 present [true, true, true] {} : (tensor<2x3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  return %0 : tensor<2x3x8xf32>
}

// Two dimensions as one, no bias.
// CHECK-LABEL: func.func @two
func.func @two(%x: tensor<2x3x8xf32>, %w: tensor<3x8xf32>) -> tensor<2x3x8xf32> {
  // CHECK: %[[Z:.*]] = arith.constant dense<0.000000e+00> : tensor<24xf32>
  // CHECK: pipe.layer_norm {{.*}}, %[[Z]] : tensor<2x24xf32>, tensor<24xf32>, tensor<24xf32>)
  %0 = pipe.onnx_node "LayerNormalization"(%x, %w) opset 23 present [true, true] {axis = 1} : (tensor<2x3x8xf32>, tensor<3x8xf32>) -> tensor<2x3x8xf32>
  return %0 : tensor<2x3x8xf32>
}

// CHECK-LABEL: func.func @rms
func.func @rms(%x: tensor<2x8xf32>, %w: tensor<8xf32>) -> tensor<2x8xf32> {
  // CHECK: iterator_types = ["parallel", "reduction"]
  // CHECK: math.rsqrt
  %0 = pipe.onnx_node "RMSNormalization"(%x, %w) opset 23 present [true, true] {} : (tensor<2x8xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}
