// RUN: bitpipe-opt %s --pipe-legalize-cumsum --verify-diagnostics

func.func @axis(%x: tensor<2x3xi64>) -> tensor<2x3xi64> {
  %axis = arith.constant dense<2> : tensor<i64>
  // expected-error @+1 {{CumSum '?': its axis is not constant or not one of 'tensor<2x3xi64>'}}
  %0 = pipe.onnx_node "CumSum"(%x, %axis) opset 23 present [true, true] {} : (tensor<2x3xi64>, tensor<i64>) -> tensor<2x3xi64>
  return %0 : tensor<2x3xi64>
}
