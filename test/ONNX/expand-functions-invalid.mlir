// RUN: bitpipe-opt %s --pipe-expand-functions --verify-diagnostics

func.func @untyped(%x: !pipe.unknown) -> tensor<4xf32> {
  // expected-error @+1 {{Softplus '?': has an input of unknown type, expected static types (pipe-fold-nodes)}}
  %y = pipe.onnx_node "Softplus"(%x) opset 13 present [true] {} : (!pipe.unknown) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
