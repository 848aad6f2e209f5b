// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics --pipe-partition="stages=3"

// expected-error @below {{no pipe.model, expected one}}
module {
}

// -----

// expected-error @+1 {{the model's function 'forward' is missing or not one block}}
pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"

// -----

pipe.model @forward inputs ["x", "labels"] outputs ["loss"] loss "labels"
// expected-error @+1 {{'forward' has 1 arguments, expected 2, one per model input}}
func.func @forward(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}

// -----

pipe.model @forward inputs ["x"] outputs ["logits"]
// expected-error @+1 {{'forward' returns 'tensor<4x8xf32>', expected the scalar loss alone}}
func.func @forward(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  return %x : tensor<4x8xf32>
}

// -----

pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
func.func @forward(%x: tensor<f32>) -> tensor<f32> {
  // expected-error @+1 {{pipe.onnx_node cannot be cut into stages, expected a legalised operation on static tensors}}
  %0 = pipe.onnx_node "Neg"(%x) opset 18 present [true] {} : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

#v = affine_map<(i) -> (i)>
#s = affine_map<(i) -> ()>
pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
pipe.parameter @w : tensor<8xf32> trainable file "w" offset 0
// expected-error @+1 {{cannot cut 'forward' into 3 stages, expected 1 to 2, its number of nodes}}
func.func @forward(%x: tensor<8xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %w = pipe.get_parameter @w : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#v, #v, #v], iterator_types = ["parallel"]}
      ins(%x, %w : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    linalg.yield %p : f32
  } -> tensor<8xf32>
  %es = tensor.empty() : tensor<f32>
  %is = linalg.fill ins(%zero : f32) outs(%es : tensor<f32>) -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#v, #s], iterator_types = ["reduction"]}
      ins(%0 : tensor<8xf32>) outs(%is : tensor<f32>) {
  ^bb0(%l: f32, %out: f32):
    %p = arith.addf %l, %out : f32
    linalg.yield %p : f32
  } -> tensor<f32>
  return %loss : tensor<f32>
}
