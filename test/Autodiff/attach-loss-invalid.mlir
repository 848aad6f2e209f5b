// RUN: not bitpipe-opt %s --split-input-file --pipe-attach-loss 2>&1 | FileCheck %s
// RUN: not bitpipe-opt %s --split-input-file --pipe-attach-loss=loss=cross-entropy 2>&1 | FileCheck %s --check-prefix=LOGITS
// RUN: not bitpipe-opt %s --split-input-file --pipe-attach-loss=loss=b 2>&1 | FileCheck %s --check-prefix=NAME

// CHECK: error: no loss found, expected an output named 'logits', a single floating-point one of two dimensions or more, or a single scalar, got outputs a: tensor<4x3xf32>, b: tensor<4x3xf32>
// LOGITS: error: cross-entropy expects an output named 'logits' or a single floating-point one of two dimensions or more, got outputs a: tensor<4x3xf32>, b: tensor<4x3xf32>
// NAME: error: expected the loss 'b' to be a scalar floating-point output of the model, got outputs a: tensor<4x3xf32>, b: tensor<4x3xf32>
pipe.model @forward inputs ["x"] outputs ["a", "b"]
func.func @forward(%x: tensor<4x3xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>) {
  return %x, %x : tensor<4x3xf32>, tensor<4x3xf32>
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
