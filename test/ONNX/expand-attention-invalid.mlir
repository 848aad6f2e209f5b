// RUN: bitpipe-opt %s --pipe-expand-functions --verify-diagnostics

func.func @lengths(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x5x8xf32>) -> tensor<1x2x4x8xf32> {
  // expected-error @+1 {{Attention '?': queries of 'tensor<1x2x4x8xf32>', keys of 'tensor<1x2x5x8xf32>' and values of 'tensor<1x2x4x8xf32>' do not fit together}}
  %y = pipe.onnx_node "Attention"(%q, %k, %q) opset 23 present [true, true, true] {} : (tensor<1x2x4x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  return %y : tensor<1x2x4x8xf32>
}
