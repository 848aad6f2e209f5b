// RUN: bitpipe-opt %s --pipe-lower-stages | FileCheck %s

// q, k and v are read where a fused projection leaves them, and their gradients
// written to where the gradient of that projection is wanted: no copies.

func.func @fused(%qkv: tensor<2x4x24xf32>, %key: tensor<i64>) -> (tensor<2x4x8xf32>, tensor<2x4x24xf32>, tensor<2x4x2x4xf32>, tensor<2x2x4xf32>, tensor<i64>) {
  %q0 = tensor.extract_slice %qkv[0, 0, 0] [2, 4, 8] [1, 1, 1] : tensor<2x4x24xf32> to tensor<2x4x8xf32>
  %k0 = tensor.extract_slice %qkv[0, 0, 8] [2, 4, 8] [1, 1, 1] : tensor<2x4x24xf32> to tensor<2x4x8xf32>
  %v0 = tensor.extract_slice %qkv[0, 0, 16] [2, 4, 8] [1, 1, 1] : tensor<2x4x24xf32> to tensor<2x4x8xf32>
  %q = tensor.expand_shape %q0 [[0], [1], [2, 3]] output_shape [2, 4, 2, 4] : tensor<2x4x8xf32> into tensor<2x4x2x4xf32>
  %k = tensor.expand_shape %k0 [[0], [1], [2, 3]] output_shape [2, 4, 2, 4] : tensor<2x4x8xf32> into tensor<2x4x2x4xf32>
  %v = tensor.expand_shape %v0 [[0], [1], [2, 3]] output_shape [2, 4, 2, 4] : tensor<2x4x8xf32> into tensor<2x4x2x4xf32>
  %eo = tensor.empty() : tensor<2x4x2x4xf32>
  %el = tensor.empty() : tensor<2x2x4xf32>
  %o, %lse = pipe.attention scale 0.5 right 0 dropout 0.1
    ins(%q, %k, %v, %key : tensor<2x4x2x4xf32>, tensor<2x4x2x4xf32>, tensor<2x4x2x4xf32>, tensor<i64>)
    outs(%eo, %el : tensor<2x4x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x4x2x4xf32>, tensor<2x2x4xf32>
  %merged = tensor.collapse_shape %o [[0], [1], [2, 3]] : tensor<2x4x2x4xf32> into tensor<2x4x8xf32>
  return %merged, %qkv, %o, %lse, %key : tensor<2x4x8xf32>, tensor<2x4x24xf32>, tensor<2x4x2x4xf32>, tensor<2x2x4xf32>, tensor<i64>
}

func.func @fused_gradient(%dy: tensor<2x4x8xf32>, %qkv: tensor<2x4x24xf32>, %o: tensor<2x4x2x4xf32>, %lse: tensor<2x2x4xf32>, %key: tensor<i64>) -> tensor<2x4x24xf32> {
  %q0 = tensor.extract_slice %qkv[0, 0, 0] [2, 4, 8] [1, 1, 1] : tensor<2x4x24xf32> to tensor<2x4x8xf32>
  %k0 = tensor.extract_slice %qkv[0, 0, 8] [2, 4, 8] [1, 1, 1] : tensor<2x4x24xf32> to tensor<2x4x8xf32>
  %v0 = tensor.extract_slice %qkv[0, 0, 16] [2, 4, 8] [1, 1, 1] : tensor<2x4x24xf32> to tensor<2x4x8xf32>
  %q = tensor.expand_shape %q0 [[0], [1], [2, 3]] output_shape [2, 4, 2, 4] : tensor<2x4x8xf32> into tensor<2x4x2x4xf32>
  %k = tensor.expand_shape %k0 [[0], [1], [2, 3]] output_shape [2, 4, 2, 4] : tensor<2x4x8xf32> into tensor<2x4x2x4xf32>
  %v = tensor.expand_shape %v0 [[0], [1], [2, 3]] output_shape [2, 4, 2, 4] : tensor<2x4x8xf32> into tensor<2x4x2x4xf32>
  %do = tensor.expand_shape %dy [[0], [1], [2, 3]] output_shape [2, 4, 2, 4] : tensor<2x4x8xf32> into tensor<2x4x2x4xf32>
  %e = tensor.empty() : tensor<2x4x2x4xf32>
  %dq, %dk, %dv = pipe.attention_grad scale 0.5 right 0 dropout 0.1
    ins(%do, %q, %k, %v, %o, %lse, %key : tensor<2x4x2x4xf32>, tensor<2x4x2x4xf32>, tensor<2x4x2x4xf32>, tensor<2x4x2x4xf32>, tensor<2x4x2x4xf32>, tensor<2x2x4xf32>, tensor<i64>)
    outs(%e, %e, %e : tensor<2x4x2x4xf32>, tensor<2x4x2x4xf32>, tensor<2x4x2x4xf32>)
    -> tensor<2x4x2x4xf32>, tensor<2x4x2x4xf32>, tensor<2x4x2x4xf32>
  %dq0 = tensor.collapse_shape %dq [[0], [1], [2, 3]] : tensor<2x4x2x4xf32> into tensor<2x4x8xf32>
  %dk0 = tensor.collapse_shape %dk [[0], [1], [2, 3]] : tensor<2x4x2x4xf32> into tensor<2x4x8xf32>
  %dv0 = tensor.collapse_shape %dv [[0], [1], [2, 3]] : tensor<2x4x2x4xf32> into tensor<2x4x8xf32>
  %dqkv = tensor.concat dim(2) %dq0, %dk0, %dv0 : (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>) -> tensor<2x4x24xf32>
  return %dqkv : tensor<2x4x24xf32>
}

pipe.stage 0 forward @fused input_gradient @fused_gradient inputs [] dropouts [0] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]

// CHECK: pipe.routine @fused blocks
// CHECK-SAME: roles ["carried_in", "carried_out", "saved", "key 0", "scratch"] writes [false, true, true, false, true]
// CHECK-NEXT: pipe.attention_call q <0, 0> [96, 24, 4] k <0, 32> [96, 24, 4] v <0, 64> [96, 24, 4] o <1, 0> [32, 8, 4] lse <2, 0> [8, 4] key <3, 0> workspace <4, 0> [[BYTES:[0-9]+]] sizes [2, 2, 2, 4, 4, 4, 4] scale 5.000000e-01 right 0 dropout 1.000000e-01
// CHECK-NEXT: }
// CHECK: pipe.routine @fused_gradient blocks
// CHECK-SAME: roles ["carried_in", "carried_out", "saved", "d_carried_out", "d_carried_in", "key 0", "scratch"] writes [false, false, false, false, true, false, true]
// CHECK-NEXT: pipe.attention_grad_call d_output <3, 0> [32, 8, 4] q <0, 0> [96, 24, 4] k <0, 32> [96, 24, 4] v <0, 64> [96, 24, 4] o <1, 0> [32, 8, 4] lse <2, 0> [8, 4] dq <4, 0> [96, 24, 4] dk <4, 32> [96, 24, 4] dv <4, 64> [96, 24, 4] key <5, 0> workspace
// CHECK-NEXT: }

// What has no contiguous rows is copied; a bias may lie in any way, repeated where it has
// size 1, and its gradient is added to a zero.

func.func @strided(%bias: tensor<2x1x4xf32>, %x: tensor<1x8x2x4xf32>) -> (tensor<1x2x8x4xf32>, tensor<1x4x2x8xf32>, tensor<1x2x1x4xf32>, tensor<1x4x2x8xf32>, tensor<1x2x4xf32>) {
  %ex = tensor.empty() : tensor<1x4x2x8xf32>
  %q = linalg.transpose ins(%x : tensor<1x8x2x4xf32>) outs(%ex : tensor<1x4x2x8xf32>) permutation = [0, 3, 2, 1]
  %b = tensor.expand_shape %bias [[0, 1], [2], [3]] output_shape [1, 2, 1, 4] : tensor<2x1x4xf32> into tensor<1x2x1x4xf32>
  %el = tensor.empty() : tensor<1x2x4xf32>
  %o, %lse = pipe.attention bias ins(%q, %q, %q, %b : tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x2x1x4xf32>)
    outs(%ex, %el : tensor<1x4x2x8xf32>, tensor<1x2x4xf32>) -> tensor<1x4x2x8xf32>, tensor<1x2x4xf32>
  %ey = tensor.empty() : tensor<1x2x8x4xf32>
  %y = linalg.transpose ins(%o : tensor<1x4x2x8xf32>) outs(%ey : tensor<1x2x8x4xf32>) permutation = [0, 2, 3, 1]
  return %y, %q, %b, %o, %lse : tensor<1x2x8x4xf32>, tensor<1x4x2x8xf32>, tensor<1x2x1x4xf32>, tensor<1x4x2x8xf32>, tensor<1x2x4xf32>
}

func.func @strided_gradient(%do: tensor<1x2x8x4xf32>, %q: tensor<1x4x2x8xf32>, %b: tensor<1x2x1x4xf32>, %o: tensor<1x4x2x8xf32>, %lse: tensor<1x2x4xf32>) -> tensor<2x1x4xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x4x2x8xf32>
  %do0 = linalg.transpose ins(%do : tensor<1x2x8x4xf32>) outs(%e : tensor<1x4x2x8xf32>) permutation = [0, 3, 1, 2]
  %eb = tensor.empty() : tensor<1x2x1x4xf32>
  %fb = linalg.fill ins(%zero : f32) outs(%eb : tensor<1x2x1x4xf32>) -> tensor<1x2x1x4xf32>
  %g:4 = pipe.attention_grad bias
    ins(%do0, %q, %q, %q, %o, %lse, %b : tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x2x4xf32>, tensor<1x2x1x4xf32>)
    outs(%e, %e, %e, %fb : tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x2x1x4xf32>)
    -> tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x2x1x4xf32>
  %db = tensor.collapse_shape %g#3 [[0, 1], [2], [3]] : tensor<1x2x1x4xf32> into tensor<2x1x4xf32>
  return %db : tensor<2x1x4xf32>
}

pipe.stage 1 forward @strided input_gradient @strided_gradient inputs ["x"] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]
