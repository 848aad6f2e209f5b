// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics --pipe-lower-stages

// expected-error @+1 {{stage 0 names function 'f', which is not defined}}
pipe.stage 0 forward @f inputs [] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// expected-error @+1 {{stage 0 uses parameter 'w', which does not exist}}
pipe.stage 0 forward @f inputs [] parameters [@w] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

pipe.parameter @w : tensor<4xf32> value dense<0.0> : tensor<4xf32>
func.func @f(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// expected-error @+1 {{stage 0 lists parameter 'w' twice, expected once}}
pipe.stage 0 forward @f inputs [] parameters [@w, @w] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// expected-error @+1 {{trainable parameter 'w' has type 'tensor<4xi64>', expected elements of f32}}
pipe.parameter @w : tensor<4xi64> trainable value dense<0> : tensor<4xi64>
func.func @f(%x: tensor<4xi64>) -> tensor<4xi64> {
  return %x : tensor<4xi64>
}
pipe.stage 0 forward @f inputs [] parameters [@w] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// expected-error @+1 {{function 'f' of stage 0 has 1 arguments, expected 2: carried in, inputs, dropout keys, parameters, working weights}}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
pipe.stage 0 forward @f inputs ["a", "b"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// expected-error @+1 {{function 'f' of stage 0 has a value of type 'tensor<?xf32>', expected a static tensor of numbers}}
func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}
pipe.stage 0 forward @f inputs ["a"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}
// expected-error @+1 {{function 'g' of stage 0 has a saved value of type 'tensor<8xf32>', expected 'tensor<4xf32>'}}
func.func @g(%dy: tensor<4xf32>, %x: tensor<8xf32>) -> tensor<4xf32> {
  return %dy : tensor<4xf32>
}
pipe.stage 0 forward @f input_gradient @g inputs ["a"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

pipe.parameter @w : tensor<4xf32> trainable value dense<0.0> : tensor<4xf32>
func.func @f(%w: tensor<4xf32>) -> tensor<4xf32> {
  return %w : tensor<4xf32>
}
func.func @g(%dy: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> {
  return %dy : tensor<4xf32>
}
// expected-error @+1 {{function 'h' of stage 0 has 0 results, expected 1: gradients of trainable parameters}}
func.func @h(%dy: tensor<4xf32>, %sum: tensor<4xf32>) {
  return
}
pipe.stage 0 forward @f input_gradient @g weight_gradient @h inputs [] parameters [@w] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}
// expected-error @+1 {{last stage carries out 2 values, expected 1, the loss sum}}
pipe.stage 0 forward @f inputs ["a"] parameters [] carried_in [] carried_out [true, true] cost [0.0, 0.0, 0.0]

// -----

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{arith.negf has no lowering, expected a linalg or pipe operation in destination style or a view of a tensor}}
  %y = arith.negf %x : tensor<4xf32>
  return %y : tensor<4xf32>
}
pipe.stage 0 forward @f inputs ["a"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// expected-error @+1 {{function 'f' of stage 0 has a dropout key of type 'tensor<2xi64>', expected 'tensor<i64>'}}
func.func @f(%k: tensor<2xi64>) -> tensor<4xf32> {
  %e = arith.constant dense<0.0> : tensor<4xf32>
  return %e : tensor<4xf32>
}
pipe.stage 0 forward @f inputs [] dropouts [0] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// What the forward failed to make is not asked for by the gradient.

func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  // expected-error @+1 {{arith.negf has no lowering}}
  %y = arith.negf %x : tensor<4xf32>
  return %x, %y : tensor<4xf32>, tensor<4xf32>
}
func.func @g(%dy: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  return %y : tensor<4xf32>
}
pipe.stage 0 forward @f input_gradient @g inputs [] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

pipe.parameter @w : tensor<4xf32> trainable value dense<0.0> : tensor<4xf32>
func.func @f(%x: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func @g(%dy: tensor<f32>, %x: tensor<4xf32>, %w: tensor<4xf32>, %sum: tensor<4xf32>) -> (tensor<f32>, tensor<4xf32>) {
  return %dy, %sum : tensor<f32>, tensor<4xf32>
}
// expected-error @+1 {{stage 0 has the joint gradient 1, expected the number of one of its 1 parameters}}
pipe.stage 0 forward @f input_gradient @g inputs ["a"] parameters [@w] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0] joint [1]

// -----

// Of a stage that recomputes the forward saves nothing.

// expected-error @+1 {{function 'f' of stage 0 has 2 results, expected 1: carried out, since the stage recomputes what it saves}}
func.func @f(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}
func.func @r(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
pipe.stage 0 forward @f recompute @r inputs ["a"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// expected-error @+1 {{function 'r' of stage 0 has an argument of the forward of type 'tensor<5xf32>', expected 'tensor<4xf32>'}}
func.func @r(%x: tensor<5xf32>) -> tensor<5xf32> {
  return %x : tensor<5xf32>
}
pipe.stage 0 forward @f recompute @r inputs ["a"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// What the gradient reads is what the recomputation returns.

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func @r(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// expected-error @+1 {{function 'g' of stage 0 has a saved value of type 'tensor<5xf32>', expected 'tensor<4xf32>'}}
func.func @g(%dy: tensor<4xf32>, %x: tensor<5xf32>) -> tensor<4xf32> {
  return %dy : tensor<4xf32>
}
pipe.stage 0 forward @f recompute @r input_gradient @g inputs [] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
