// An embedding, a normalisation, a product onto a residual; then a head and the loss.

// RUN: bitpipe-opt %s --pipe-autodiff --pipe-use-bf16 --cse | FileCheck %s
// What comes out can be lowered: copies of two parameters have slots of their own.
// RUN: bitpipe-opt %s --pipe-autodiff --pipe-use-bf16 --cse --pipe-lower-stages | FileCheck %s --check-prefix=ROUTINE

#id = affine_map<(i, j, k) -> (i, j, k)>
#column = affine_map<(i, j, k) -> (k)>
#xk = affine_map<(b, s, n, k) -> (b, s, k)>
#kn = affine_map<(b, s, n, k) -> (k, n)>
#bsn = affine_map<(b, s, n, k) -> (b, s, n)>

pipe.model @forward inputs ["ids", "labels"] outputs ["loss"] loss "labels" ignore_index -100 bounds [16, 4]
pipe.parameter @table : tensor<16x8xf32> trainable value dense<0.5> : tensor<16x8xf32>
pipe.parameter @norm.weight : tensor<8xf32> trainable value dense<1.0> : tensor<8xf32>
pipe.parameter @norm.bias : tensor<8xf32> trainable value dense<0.0> : tensor<8xf32>
pipe.parameter @w : tensor<8x8xf32> trainable value dense<0.5> : tensor<8x8xf32>
pipe.parameter @head : tensor<8x4xf32> trainable value dense<0.5> : tensor<8x4xf32>
pipe.parameter @bias : tensor<4xf32> trainable value dense<0.0> : tensor<4xf32>

func.func @body(%ids: tensor<2x3xi64>, %table: tensor<16x8xf32>, %nw: tensor<8xf32>, %nb: tensor<8xf32>, %w: tensor<8x8xf32>) -> tensor<2x3x8xf32> {
  %e = tensor.empty() : tensor<2x3x8xf32>
  %r = tensor.empty() : tensor<2x3xf32>
  %h = pipe.gather ins(%table, %ids : tensor<16x8xf32>, tensor<2x3xi64>) outs(%e : tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  %y:3 = pipe.layer_norm epsilon 1.0e-5 ins(%h, %nw, %nb : tensor<2x3x8xf32>, tensor<8xf32>, tensor<8xf32>) outs(%e, %r, %r : tensor<2x3x8xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3x8xf32>, tensor<2x3xf32>, tensor<2x3xf32>
  %z = linalg.generic {indexing_maps = [#xk, #kn, #bsn], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%y#0, %w : tensor<2x3x8xf32>, tensor<8x8xf32>) outs(%h : tensor<2x3x8xf32>) {
  ^bb0(%l: f32, %r0: f32, %acc: f32):
    %p = arith.mulf %l, %r0 : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x3x8xf32>
  return %z : tensor<2x3x8xf32>
}

func.func @head_loss(%z: tensor<2x3x8xf32>, %labels: tensor<2x3xi64>, %head: tensor<8x4xf32>, %bias: tensor<4xf32>) -> tensor<f32> {
  %e = tensor.empty() : tensor<2x3x4xf32>
  %r = tensor.empty() : tensor<2x3xf32>
  %s = tensor.empty() : tensor<f32>
  %b = linalg.generic {indexing_maps = [#column, #id], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%bias : tensor<4xf32>) outs(%e : tensor<2x3x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<2x3x4xf32>
  %logits = linalg.generic {indexing_maps = [#xk, #kn, #bsn], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%z, %head : tensor<2x3x8xf32>, tensor<8x4xf32>) outs(%b : tensor<2x3x4xf32>) {
  ^bb0(%l: f32, %r0: f32, %acc: f32):
    %p = arith.mulf %l, %r0 : f32
    %q = arith.addf %acc, %p : f32
    linalg.yield %q : f32
  } -> tensor<2x3x4xf32>
  %loss:2 = pipe.cross_entropy ins(%logits, %labels : tensor<2x3x4xf32>, tensor<2x3xi64>) outs(%s, %r : tensor<f32>, tensor<2x3xf32>) -> tensor<f32>, tensor<2x3xf32>
  return %loss#0 : tensor<f32>
}

pipe.stage 0 forward @body inputs ["ids"] parameters [@table, @norm.weight, @norm.bias, @w] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 1 forward @head_loss inputs ["labels"] parameters [@head, @bias] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]
