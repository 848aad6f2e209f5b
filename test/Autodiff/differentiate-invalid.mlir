// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics --pipe-differentiate

// All operations without a rule are reported at once, under their names in the
// model. Those that no gradient flows through are not: the cube root of %c.

#id = affine_map<(i) -> (i)>
pipe.parameter @w : tensor<4xf32> trainable file "w" offset 0
func.func @f(%x: tensor<4xf32>, %c: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  // expected-error @unknown {{no gradient rule for the scalar operation math.cbrt in 'h.0.mod', expected operations that have one between the parameters and the loss}}
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %w : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = math.cbrt %a : f32
    linalg.yield %r : f32
  } -> tensor<4xf32> loc("h.0.mod")
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%c : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = math.cbrt %a : f32
    linalg.yield %r : f32
  } -> tensor<4xf32>
  // expected-error @+1 {{no gradient rule for tensor.pad}}
  %2 = tensor.pad %0 low[0] high[1] {
  ^bb0(%i: index):
    %z = arith.constant 0.0 : f32
    tensor.yield %z : f32
  } : tensor<4xf32> to tensor<5xf32>
  %3 = tensor.extract_slice %2[1] [4] [1] : tensor<5xf32> to tensor<4xf32>
  // expected-error @+1 {{no gradient rule for a reduction that is no sum}}
  %4 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%3 : tensor<4xf32>) outs(%1 : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %a, %o : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  return %4 : tensor<4xf32>
}
pipe.stage 0 forward @f inputs [] parameters [@w] carried_in [true, false] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// expected-error @+1 {{stage 0 has 2 carried values, inputs, dropouts and parameters, but 'f' takes 1}}
pipe.stage 0 forward @f inputs ["ids"] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// expected-error @+1 {{stage 0 carries out 2 values, but 'f' returns 1}}
pipe.stage 0 forward @f inputs [] parameters [] carried_in [true] carried_out [true, true] cost [0.0, 0.0, 0.0]

// -----

// expected-error @+1 {{stage 0 has forward function 'f', expected a func.func of one block}}
pipe.stage 0 forward @f inputs [] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

pipe.parameter @w : tensor<5xf32> trainable file "w" offset 0
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// expected-error @+1 {{stage 0 uses 'w', expected a pipe.parameter of type 'tensor<4xf32>'}}
pipe.stage 0 forward @f inputs [] parameters [@w] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// expected-error @+1 {{stage 0 has gradients, expected none yet}}
pipe.stage 0 forward @f input_gradient @f weight_gradient @f inputs [] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// A gradient that would get lost in a scalar is an error, not zero.

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.constant 0 : index
  // expected-error @+1 {{no gradient rule for tensor.extract}}
  %s = tensor.extract %x[%c] : tensor<4xf32>
  // expected-error @+1 {{no gradient rule for tensor.splat}}
  %0 = tensor.splat %s : tensor<4xf32>
  return %0 : tensor<4xf32>
}
pipe.stage 0 forward @f inputs [] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// expected-error @+1 {{'f' takes 'tensor<?xf32>', expected tensors of static shape}}
func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}
pipe.stage 0 forward @f inputs [] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
