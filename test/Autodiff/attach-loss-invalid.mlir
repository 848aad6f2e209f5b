// RUN: not bitpipe-opt %s --split-input-file --pipe-attach-loss 2>&1 | FileCheck %s
// RUN: not bitpipe-opt %s --split-input-file --pipe-attach-loss=loss=cross-entropy 2>&1 | FileCheck %s --check-prefix=LOGITS
// RUN: not bitpipe-opt %s --split-input-file --pipe-attach-loss=loss=b 2>&1 | FileCheck %s --check-prefix=NAME

// CHECK: error: each of the outputs a: tensor<4x3xf32>, c: tensor<4x3xf32> may be the loss or the logits, expected --loss=NAME with the name of one, or one output named 'logits'
// LOGITS: error: cross-entropy expects an output named 'logits', or a single one with a column for every label; --loss=NAME takes another, got outputs a: tensor<4x3xf32>, b: tensor<4xf32>, c: tensor<4x3xf32>
// NAME: error: expected the loss 'b' to be a scalar floating-point output of the model, or logits of two dimensions or more and at least two columns, got outputs a: tensor<4x3xf32>, b: tensor<4xf32>, c: tensor<4x3xf32>
pipe.model @forward inputs ["x", "y"] outputs ["a", "b", "c"]
func.func @forward(%x: tensor<4x3xf32>, %y: tensor<4xf32>) -> (tensor<4x3xf32>, tensor<4xf32>, tensor<4x3xf32>) {
  return %x, %y, %x : tensor<4x3xf32>, tensor<4xf32>, tensor<4x3xf32>
}

// -----

// A row for every id, but fewer columns than ids: no logits.
// CHECK: error: no loss found, expected an output named 'logits', one with a column for every label, or a scalar; --loss=NAME takes another, got outputs hidden: tensor<2x2x3xf32>
pipe.model @forward inputs ["ids"] outputs ["hidden"]
pipe.parameter @a : tensor<9x3xf32> trainable file "w" offset 0
func.func @forward(%ids: tensor<2x2xi64>) -> tensor<2x2x3xf32> {
  %a = pipe.get_parameter @a : tensor<9x3xf32>
  %e = tensor.empty() : tensor<2x2x3xf32>
  %0 = pipe.gather ins(%a, %ids : tensor<9x3xf32>, tensor<2x2xi64>) outs(%e : tensor<2x2x3xf32>) -> tensor<2x2x3xf32>
  return %0 : tensor<2x2x3xf32>
}

// -----

// CHECK: error: indices are 0 to 5, expected -5 to 4: the table has 5 rows
pipe.model @forward inputs ["x"] outputs ["logits"]
pipe.parameter @positions : tensor<5x3xf32> trainable file "w" offset 0
func.func @forward(%x: tensor<6x3xf32>) -> tensor<6x3xf32> {
  %a = pipe.get_parameter @positions : tensor<5x3xf32>
  %ids = arith.constant dense<[0, 1, 2, 3, 4, 5]> : tensor<6xi64>
  %e = tensor.empty() : tensor<6x3xf32>
  %0 = pipe.gather ins(%a, %ids : tensor<5x3xf32>, tensor<6xi64>) outs(%e : tensor<6x3xf32>) -> tensor<6x3xf32>
  return %0 : tensor<6x3xf32>
}

// -----

// CHECK: error: no value of input 'ids' selects a row of every table that it reaches, expected one from 0 to -1
pipe.model @forward inputs ["ids"] outputs ["logits"]
pipe.parameter @a : tensor<5x3xf32> trainable file "w" offset 0
func.func @forward(%ids: tensor<6xi64>) -> tensor<6x3xf32> {
  %a = pipe.get_parameter @a : tensor<5x3xf32>
  %five = arith.constant 5 : i64
  %i = tensor.empty() : tensor<6xi64>
  %shifted = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%ids : tensor<6xi64>) outs(%i : tensor<6xi64>) {
  ^bb0(%x: i64, %o: i64):
    %s = arith.addi %x, %five : i64
    linalg.yield %s : i64
  } -> tensor<6xi64>
  %e = tensor.empty() : tensor<6x3xf32>
  %0 = pipe.gather ins(%a, %ids : tensor<5x3xf32>, tensor<6xi64>) outs(%e : tensor<6x3xf32>) -> tensor<6x3xf32>
  %1 = pipe.gather ins(%a, %shifted : tensor<5x3xf32>, tensor<6xi64>) outs(%0 : tensor<6x3xf32>) -> tensor<6x3xf32>
  return %1 : tensor<6x3xf32>
}

// -----

// CHECK: error: input 'mask' is 'tensor<1x3xf32>', expected 4 samples along its first dimension as in 'x': export the model with one per sample, or with a constant in its place
pipe.model @forward inputs ["x", "mask"] outputs ["logits"]
func.func @forward(%x: tensor<4x3xf32>, %mask: tensor<1x3xf32>) -> tensor<4x3xf32> {
  %e = tensor.empty() : tensor<4x3xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (0, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %mask : tensor<4x3xf32>, tensor<1x3xf32>) outs(%e : tensor<4x3xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

// CHECK: error: the model has an input named 'labels', expected that name to be free for the loss on the logits; name the model's own loss output instead
pipe.model @forward inputs ["labels"] outputs ["a"]
func.func @forward(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
  return %x : tensor<4x3xf32>
}

// -----

// CHECK: error: model has the loss 'labels', expected none yet
pipe.model @forward inputs ["x"] outputs ["loss"] loss "labels"
func.func @forward(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}

// -----

// CHECK: error: module has 0 pipe.model operations, expected one
func.func @forward(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}

// -----

// CHECK: error: forward function 'forward' is not a function of one block
pipe.model @forward inputs ["x"] outputs ["loss"]

// -----

// CHECK: error: model names 2 inputs and 1 outputs, but its function has 1 and 1
pipe.model @forward inputs ["x", "y"] outputs ["loss"]
func.func @forward(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
