// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics --pipe-differentiate

// Of what is detached only the detached use is excused: a way around it is none.

#id = affine_map<(i) -> (i)>
pipe.parameter @w : tensor<4xf32> trainable file "w" offset 0
func.func @f(%x: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  // expected-error @+1 {{no gradient rule for the scalar operation math.cbrt}}
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %w : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %r = math.cbrt %p : f32
    linalg.yield %r : f32
  } -> tensor<4xf32>
  %1 = pipe.detach %0 : tensor<4xf32>
  %2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%1, %0 : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
pipe.stage 0 forward @f inputs [] parameters [@w] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
