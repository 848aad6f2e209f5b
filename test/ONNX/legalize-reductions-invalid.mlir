// RUN: bitpipe-opt %s --pipe-legalize-reductions --verify-diagnostics

func.func @axes(%x: tensor<2x4xf32>, %a: tensor<1xi64>) -> tensor<4xf32> {
  // expected-error @+1 {{ReduceSum '?': is of 'tensor<2x4xf32>', expected numbers (floats for a mean) and constant axes}}
  %0 = pipe.onnx_node "ReduceSum"(%x, %a) opset 18 present [true, true] {keepdims = 0} : (tensor<2x4xf32>, tensor<1xi64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
