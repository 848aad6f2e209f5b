// RUN: bitpipe-opt %s --pipe-fold-nodes | FileCheck %s

// Between constants an operator that others express is expanded and computed.
// CHECK-LABEL: func.func @activations
func.func @activations() -> (!pipe.unknown, !pipe.unknown, !pipe.unknown) {
  %x = arith.constant dense<[-2.5, 0.5, 1.5, 3.0]> : tensor<4xf32>
  %low = arith.constant dense<0.0> : tensor<f32>
  %high = arith.constant dense<1.0> : tensor<f32>
  // CHECK-DAG: arith.constant dense<[0.000000e+00, 5.000000e-01, 1.000000e+00, 1.000000e+00]>
  %y = pipe.onnx_node "Clip"(%x, %low, %high) opset 13 present [true, true, true] {} : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> !pipe.unknown
  // CHECK-DAG: arith.constant dense<[-2.000000e+00, 0.000000e+00, 2.000000e+00, 3.000000e+00]>
  %z = pipe.onnx_node "Round"(%x) opset 13 present [true] {} : (tensor<4xf32>) -> !pipe.unknown
  // CHECK-DAG: arith.constant dense<3> : tensor<1xi64>
  %i = pipe.onnx_node "ArgMax"(%x) opset 13 present [true] {} : (tensor<4xf32>) -> !pipe.unknown
  // CHECK-NOT: pipe.onnx_node
  return %y, %z, %i : !pipe.unknown, !pipe.unknown, !pipe.unknown
}

// CHECK-LABEL: func.func @moves
func.func @moves() -> (!pipe.unknown, !pipe.unknown, !pipe.unknown) {
  %x = arith.constant dense<[[1, 0], [3, 4]]> : tensor<2x2xi64>
  %repeats = arith.constant dense<[1, 2]> : tensor<2xi64>
  // CHECK-DAG: arith.constant dense<{{\[\[}}1, 0, 1, 0], [3, 4, 3, 4]]>
  %y = pipe.onnx_node "Tile"(%x, %repeats) opset 13 present [true, true] {} : (tensor<2x2xi64>, tensor<2xi64>) -> !pipe.unknown
  %pads = arith.constant dense<[0, 1, 0, -1]> : tensor<4xi64>
  // CHECK-DAG: arith.constant dense<{{\[\[}}0, 1], [0, 3]]>
  %z = pipe.onnx_node "Pad"(%x, %pads) opset 13 present [true, true] {} : (tensor<2x2xi64>, tensor<4xi64>) -> !pipe.unknown
  // CHECK-DAG: arith.constant dense<{{\[\[}}0, 1, 1], [0, 0, 1]]>
  %n = pipe.onnx_node "NonZero"(%x) opset 13 present [true] {} : (tensor<2x2xi64>) -> !pipe.unknown
  // CHECK-NOT: pipe.onnx_node
  return %y, %z, %n : !pipe.unknown, !pipe.unknown, !pipe.unknown
}
