// RUN: bitpipe-opt %s --pipe-legalize-elementwise --split-input-file --verify-diagnostics

func.func @integers(%x: tensor<4xi64>) -> tensor<4xi64> {
  // expected-error @+1 {{Tanh '?': is not defined on 'i64'}}
  %0 = pipe.onnx_node "Tanh"(%x) opset 23 present [true] {} : (tensor<4xi64>) -> tensor<4xi64>
  return %0 : tensor<4xi64>
}

// -----

func.func @floats(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{Not '?': is not defined on 'f32'}}
  %0 = pipe.onnx_node "Not"(%x) opset 23 present [true] {} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
