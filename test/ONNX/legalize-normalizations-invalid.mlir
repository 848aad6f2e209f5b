// RUN: bitpipe-opt %s --pipe-legalize-normalizations --verify-diagnostics

func.func @weight(%x: tensor<2x8xf32>, %w: tensor<1xf32>) -> tensor<2x8xf32> {
  // expected-error @+1 {{LayerNormalization '?': input 1 is 'tensor<1xf32>', expected 8 elements}}
  %0 = pipe.onnx_node "LayerNormalization"(%x, %w) opset 23 present [true, true] {} : (tensor<2x8xf32>, tensor<1xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}
