// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics

func.func @softmax(%x: tensor<2x4xf32>, %y: tensor<4x2xf32>) {
  // expected-error @+1 {{pipe.softmax operand 1 is 'tensor<4x2xf32>', expected the shape of 'tensor<2x4xf32>'}}
  %0 = pipe.softmax ins(%x : tensor<2x4xf32>) outs(%y : tensor<4x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @gather(%t: tensor<8x4xf32>, %ids: tensor<2x3xi64>, %y: tensor<2x3x5xf32>) {
  // expected-error @+1 {{expected the shape of the ids followed by that of a row}}
  %0 = pipe.gather ins(%t, %ids : tensor<8x4xf32>, tensor<2x3xi64>) outs(%y : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  return
}

// -----

// expected-error @+1 {{parameter 'w' has neither a file nor a value, expected one of them}}
pipe.parameter @w : tensor<4xf32> trainable

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{matmul operand has 3 strides, expected 2}}
  pipe.matmul <0, 0> [4, 1, 1] by <0, 0> [4, 1] into <0, 0> [4, 1] sizes [4, 4, 4]
}
