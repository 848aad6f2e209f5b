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

func.func @softmax_scalar(%x: tensor<f32>) {
  // expected-error @+1 {{pipe.softmax operand 0 is 'tensor<f32>', expected at least one dimension}}
  %0 = pipe.softmax ins(%x : tensor<f32>) outs(%x : tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @gather_mixed(%t: tensor<4x4xf32>, %ids: tensor<4xi64>, %y: tensor<4x4xf64>) {
  // expected-error @+1 {{has rows 'tensor<4x4xf64>', expected the shape of the ids followed by that of a row}}
  %0 = pipe.gather ins(%t, %ids : tensor<4x4xf32>, tensor<4xi64>) outs(%y : tensor<4x4xf64>) -> tensor<4x4xf64>
  return
}

// -----

func.func @gradient_mixed(%t: tensor<4x4xf32>, %y: tensor<4x4xf64>) {
  // expected-error @+1 {{pipe.softmax_grad operand 1 has elements of 'f64', expected 'f32'}}
  %0 = pipe.softmax_grad ins(%t, %y : tensor<4x4xf32>, tensor<4x4xf64>) outs(%t : tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @loss(%x: tensor<4x8xf32>, %l: tensor<4xf32>, %s: tensor<f32>, %lse: tensor<4xf32>) {
  // expected-error @+1 {{pipe.cross_entropy operand 1 has elements of 'f32', expected integers}}
  %0, %1 = pipe.cross_entropy ins(%x, %l : tensor<4x8xf32>, tensor<4xf32>) outs(%s, %lse : tensor<f32>, tensor<4xf32>) -> tensor<f32>, tensor<4xf32>
  return
}

// -----

func.func @losses(%x: tensor<4x8xf32>, %l: tensor<4xi64>, %s: tensor<4xf32>) {
  // expected-error @+1 {{pipe.cross_entropy operand 2 is 'tensor<4xf32>', expected a scalar without dimensions}}
  %0, %1 = pipe.cross_entropy ins(%x, %l : tensor<4x8xf32>, tensor<4xi64>) outs(%s, %s : tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

// expected-error @+1 {{parameter 'w' has neither a file nor a value, expected one of them}}
pipe.parameter @w : tensor<4xf32> trainable

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{matmul has types [bf16, bf16], expected f32 for a, b and c, or bf16 for a and b and one of both for c}}
  pipe.matmul <0, 0> [4, 1] by <0, 0> [4, 1] into <0, 0> [4, 1] sizes [4, 4, 4] types [bf16, bf16]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{matmul has types [f32, f32, bf16], expected f32 for a, b and c, or bf16 for a and b and one of both for c}}
  pipe.matmul <0, 0> [4, 1] by <0, 0> [4, 1] into <0, 0> [4, 1] sizes [4, 4, 4] types [f32, f32, bf16]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{matmul has of_a, but no bias_gradient}}
  pipe.matmul <0, 0> [1, 4] by <0, 0> [4, 1] into <0, 0> [4, 1] sizes [4, 4, 4] of_a
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{matmul has a bias_gradient and 4 sizes, expected m, n and k alone}}
  pipe.matmul <0, 0> [16, 1, 4] by <0, 0> [16, 4, 1] into <0, 0> [16, 4, 1] sizes [2, 4, 4, 4] bias_gradient <0, 0>
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{matmul has a bias_gradient and a bias, expected one of them}}
  pipe.matmul <0, 0> [1, 4] by <0, 0> [4, 1] into <0, 0> [4, 1] sizes [4, 4, 4] bias <0, 0> bias_gradient <0, 0>
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{matmul has the bias_gradient of b, whose columns have a stride of 4, expected 1}}
  pipe.matmul <0, 0> [1, 4] by <0, 0> [1, 4] into <0, 0> [4, 1] sizes [4, 4, 4] bias_gradient <0, 0>
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{matmul has the bias_gradient of a, whose rows have a stride of 4, expected 1}}
  pipe.matmul <0, 0> [4, 1] by <0, 0> [4, 1] into <0, 0> [4, 1] sizes [4, 4, 4] bias_gradient <0, 0> of_a
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{matmul operand has 3 strides, expected 2}}
  pipe.matmul <0, 0> [4, 1, 1] by <0, 0> [4, 1] into <0, 0> [4, 1] sizes [4, 4, 4]
}

// -----

func.func @ratio(%x: tensor<4xf32>, %key: tensor<i64>) {
  // expected-error @+1 {{pipe.dropout has ratio 1.000000e+00, expected 0 or more and below 1}}
  %0 = pipe.dropout ratio 1.0 ins(%x, %key : tensor<4xf32>, tensor<i64>) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @keys(%x: tensor<4xf32>, %key: tensor<4xi64>) {
  // expected-error @+1 {{pipe.dropout operand 1 is 'tensor<4xi64>', expected a scalar without dimensions}}
  %0 = pipe.dropout ratio 0.5 ins(%x, %key : tensor<4xf32>, tensor<4xi64>) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @short_key(%x: tensor<4xf32>, %key: tensor<i32>) {
  // expected-error @+1 {{pipe.dropout operand 1 is 'tensor<i32>', expected an i64, the key}}
  %0 = pipe.dropout ratio 0.5 ins(%x, %key : tensor<4xf32>, tensor<i32>) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @uncounted(%x: tensor<65536x65537xf32>, %key: tensor<i64>) {
  // expected-error @+1 {{pipe.dropout operand 0 is 'tensor<65536x65537xf32>', expected at most 2^32 elements}}
  %0 = pipe.dropout ratio 0.5 ins(%x, %key : tensor<65536x65537xf32>, tensor<i64>) outs(%x : tensor<65536x65537xf32>) -> tensor<65536x65537xf32>
  return
}

// -----

func.func @negative() {
  // expected-error @+1 {{pipe.dropout_key is of dropout -1, expected 0 or more}}
  %0 = pipe.dropout_key -1 : tensor<i64>
  return
}

// -----

func.func @key_rows() {
  // expected-error @+1 {{pipe.dropout_key is 'tensor<2xi64>', expected tensor<i64>}}
  %0 = pipe.dropout_key 0 : tensor<2xi64>
  return
}

// -----

func.func @linear_loss(%x: tensor<2x3x8xf32>, %w: tensor<8x5xf32>, %l: tensor<2x3xi64>, %s: tensor<f32>) {
  // expected-error @+1 {{pipe.linear_cross_entropy operand 1 is 'tensor<8x5xf32>', expected [classes, features] for the last dimension of 'tensor<2x3x8xf32>'}}
  %0 = pipe.linear_cross_entropy ins(%x, %w, %l : tensor<2x3x8xf32>, tensor<8x5xf32>, tensor<2x3xi64>) outs(%s : tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @linear_loss_bias(%x: tensor<2x3x8xf32>, %w: tensor<8x5xf32>, %l: tensor<2x3xi64>, %b: tensor<4xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{pipe.linear_cross_entropy operand 3 is 'tensor<4xf32>', expected one entry for each of 5 classes}}
  %0 = pipe.linear_cross_entropy transposed ins(%x, %w, %l, %b : tensor<2x3x8xf32>, tensor<8x5xf32>, tensor<2x3xi64>, tensor<4xf32>) outs(%s : tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @linear_loss_grad(%d: tensor<f32>, %x: tensor<6x8xf32>, %w: tensor<5x8xf32>, %l: tensor<6xi64>, %s: tensor<f32>, %dw: tensor<8x5xf32>) {
  // expected-error @+1 {{pipe.linear_cross_entropy_grad operand 6 is 'tensor<8x5xf32>', expected the shape of 'tensor<5x8xf32>'}}
  %0:3 = pipe.linear_cross_entropy_grad ins(%d, %x, %w, %l : tensor<f32>, tensor<6x8xf32>, tensor<5x8xf32>, tensor<6xi64>) outs(%s, %x, %dw : tensor<f32>, tensor<6x8xf32>, tensor<8x5xf32>) -> tensor<f32>, tensor<6x8xf32>, tensor<8x5xf32>
  return
}
