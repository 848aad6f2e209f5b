// RUN: bitpipe-opt %s --pipe-verify-graph --verify-diagnostics

func.func @everything_at_once(%x: tensor<2x4xf32>, %i: tensor<4xi64>) {
  // expected-error @+1 {{GatherElements '?': supported between constants only, but depends on an input or a parameter}}
  %0 = pipe.onnx_node "GatherElements"(%x, %i) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<4xi64>) -> tensor<2x4xf32>
  // expected-error @+1 {{tensor.cast, expected an operation of level 0 on static types}}
  %1 = tensor.cast %x : tensor<2x4xf32> to tensor<?x4xf32>
  return
}
