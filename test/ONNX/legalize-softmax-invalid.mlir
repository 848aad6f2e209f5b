// RUN: bitpipe-opt %s --pipe-legalize-softmax --verify-diagnostics

func.func @axis(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // expected-error @+1 {{Softmax '?': has no axis in 'tensor<2x2xf32>'}}
  %y = pipe.onnx_node "Softmax"(%x) opset 23 present [true] {axis = 2} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
