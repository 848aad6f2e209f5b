// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics --pipe-use-bf16

// expected-error @+1 {{module has 0 pipe.model, expected one without}}
module {
}

// -----

// expected-error @+1 {{module has 1 pipe.model of a precision already, expected one without}}
module {
  pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches" precision "bf16"
}

// -----

pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
func.func @f(%x: tensor<4xf32>) -> tensor<f32> {
  %c = arith.constant dense<0.0> : tensor<f32>
  return %c : tensor<f32>
}
// expected-error @+1 {{stage 0 lacks one of its three functions, or it is not of one block with the arguments that the stage names}}
pipe.stage 0 forward @f inputs ["x"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]

// -----

pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
func.func @f(%x: tensor<4xf32>) -> (tensor<f32>, tensor<4xf32>) {
  %c = arith.constant dense<0.0> : tensor<f32>
  return %c, %x : tensor<f32>, tensor<4xf32>
}
func.func @i(%d: tensor<f32>) {
  return
}
func.func @w() {
  return
}
// expected-error @+1 {{stage 0 has functions of 1 and 1 arguments, expected 1 and 2}}
pipe.stage 0 forward @f input_gradient @i weight_gradient @w inputs ["x"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]

// -----

// What is not in the table is refused by name, all at once.
pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
func.func @f(%x: tensor<4xf32>) -> (tensor<f32>) {
  %zero = arith.constant 0 : index
  // expected-error @+1 {{tensor.extract has no rule for bf16, expected one of the operations of level 1}}
  %e = tensor.extract %x[%zero] : tensor<4xf32>
  // expected-error @+1 {{tensor.from_elements has no rule for bf16, expected one of the operations of level 1}}
  %t = tensor.from_elements %e : tensor<f32>
  return %t : tensor<f32>
}
func.func @i(%d: tensor<f32>) {
  return
}
func.func @w() {
  return
}
pipe.stage 0 forward @f input_gradient @i weight_gradient @w inputs ["x"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]

// -----

pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func @i(%d: tensor<4xf32>) -> tensor<4xf32> {
  return %d : tensor<4xf32>
}
func.func @w() {
  return
}
func.func @w2() {
  return
}
pipe.stage 0 forward @f input_gradient @i weight_gradient @w inputs [] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]
// expected-error @+1 {{stage 1 shares some of its functions with another stage, expected all or none}}
pipe.stage 1 forward @f input_gradient @i weight_gradient @w2 inputs [] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]

// -----

// The last stage has a loss, which is f32; another one carries what is bf16.
pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func @i(%d: tensor<4xf32>) -> tensor<4xf32> {
  return %d : tensor<4xf32>
}
func.func @w() {
  return
}
pipe.stage 0 forward @f input_gradient @i weight_gradient @w inputs [] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]
// expected-error @+1 {{stage 1 shares its functions with stage 0, expected the same carried values}}
pipe.stage 1 forward @f input_gradient @i weight_gradient @w inputs [] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]
