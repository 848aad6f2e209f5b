// RUN: bitpipe-opt %s --pipe-lower-stages | FileCheck %s

// Self-attention: heads are cut out of one product and joined again without a
// copy, since the products work on strided buffers in place.

#id = affine_map<(i, j, k) -> (i, j, k)>
#row = affine_map<(i, j, k) -> (k)>
#xk = affine_map<(b, s, n, k) -> (b, s, k)>
#kn = affine_map<(b, s, n, k) -> (k, n)>
#bsn = affine_map<(b, s, n, k) -> (b, s, n)>
#qk = affine_map<(b, h, q, k, d) -> (b, h, q, d)>
#kk = affine_map<(b, h, q, k, d) -> (b, h, d, k)>
#qq = affine_map<(b, h, q, k, d) -> (b, h, q, k)>
#pk = affine_map<(b, h, q, d, k) -> (b, h, q, k)>
#vk = affine_map<(b, h, q, d, k) -> (b, h, k, d)>
#cc = affine_map<(b, h, q, d, k) -> (b, h, q, d)>

pipe.parameter @qkv.weight : tensor<8x24xf32> trainable value dense<0.5> : tensor<8x24xf32>
pipe.parameter @qkv.bias : tensor<24xf32> trainable value dense<0.0> : tensor<24xf32>
pipe.parameter @out.weight : tensor<8x8xf32> trainable value dense<0.25> : tensor<8x8xf32>

func.func @attention(%x: tensor<2x4x8xf32>, %w: tensor<8x24xf32>, %b: tensor<24xf32>, %wo: tensor<8x8xf32>) -> (tensor<2x4x8xf32>, tensor<2x2x4x4xf32>, tensor<2x2x4x4xf32>, tensor<2x2x4x4xf32>, tensor<2x2x4x4xf32>, tensor<2x4x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x4x24xf32>
  %bias = linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%b : tensor<24xf32>) outs(%e : tensor<2x4x24xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<2x4x24xf32>
  %qkv = linalg.generic {indexing_maps = [#xk, #kn, #bsn], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<2x4x8xf32>, tensor<8x24xf32>) outs(%bias : tensor<2x4x24xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x4x24xf32>
  %q0 = tensor.extract_slice %qkv[0, 0, 0] [2, 4, 8] [1, 1, 1] : tensor<2x4x24xf32> to tensor<2x4x8xf32>
  %k0 = tensor.extract_slice %qkv[0, 0, 8] [2, 4, 8] [1, 1, 1] : tensor<2x4x24xf32> to tensor<2x4x8xf32>
  %v0 = tensor.extract_slice %qkv[0, 0, 16] [2, 4, 8] [1, 1, 1] : tensor<2x4x24xf32> to tensor<2x4x8xf32>
  %q1 = tensor.expand_shape %q0 [[0], [1], [2, 3]] output_shape [2, 4, 2, 4] : tensor<2x4x8xf32> into tensor<2x4x2x4xf32>
  %k1 = tensor.expand_shape %k0 [[0], [1], [2, 3]] output_shape [2, 4, 2, 4] : tensor<2x4x8xf32> into tensor<2x4x2x4xf32>
  %v1 = tensor.expand_shape %v0 [[0], [1], [2, 3]] output_shape [2, 4, 2, 4] : tensor<2x4x8xf32> into tensor<2x4x2x4xf32>
  %eh = tensor.empty() : tensor<2x2x4x4xf32>
  %q = linalg.transpose ins(%q1 : tensor<2x4x2x4xf32>) outs(%eh : tensor<2x2x4x4xf32>) permutation = [0, 2, 1, 3]
  %k = linalg.transpose ins(%k1 : tensor<2x4x2x4xf32>) outs(%eh : tensor<2x2x4x4xf32>) permutation = [0, 2, 3, 1]
  %v = linalg.transpose ins(%v1 : tensor<2x4x2x4xf32>) outs(%eh : tensor<2x2x4x4xf32>) permutation = [0, 2, 1, 3]
  %zeros = linalg.fill ins(%zero : f32) outs(%eh : tensor<2x2x4x4xf32>) -> tensor<2x2x4x4xf32>
  %scores = linalg.generic {indexing_maps = [#qk, #kk, #qq], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
    ins(%q, %k : tensor<2x2x4x4xf32>, tensor<2x2x4x4xf32>) outs(%zeros : tensor<2x2x4x4xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x2x4x4xf32>
  %probs = pipe.softmax scale 0.5 causal ins(%scores : tensor<2x2x4x4xf32>) outs(%eh : tensor<2x2x4x4xf32>) -> tensor<2x2x4x4xf32>
  %context = linalg.generic {indexing_maps = [#pk, #vk, #cc], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
    ins(%probs, %v : tensor<2x2x4x4xf32>, tensor<2x2x4x4xf32>) outs(%zeros : tensor<2x2x4x4xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x2x4x4xf32>
  %et = tensor.empty() : tensor<2x4x2x4xf32>
  %joined = linalg.transpose ins(%context : tensor<2x2x4x4xf32>) outs(%et : tensor<2x4x2x4xf32>) permutation = [0, 2, 1, 3]
  %merged = tensor.collapse_shape %joined [[0], [1], [2, 3]] : tensor<2x4x2x4xf32> into tensor<2x4x8xf32>
  %y = linalg.generic {indexing_maps = [#xk, #kn, #bsn], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%merged, %wo : tensor<2x4x8xf32>, tensor<8x8xf32>) outs(%x : tensor<2x4x8xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x4x8xf32>
  return %y, %q, %k, %v, %probs, %merged : tensor<2x4x8xf32>, tensor<2x2x4x4xf32>, tensor<2x2x4x4xf32>, tensor<2x2x4x4xf32>, tensor<2x2x4x4xf32>, tensor<2x4x8xf32>
}

func.func @loss(%y: tensor<2x4x8xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#id, affine_map<(i, j, k) -> ()>], iterator_types = ["reduction", "reduction", "reduction"]}
    ins(%y : tensor<2x4x8xf32>) outs(%f : tensor<f32>) {
  ^bb0(%in: f32, %acc: f32):
    %s = arith.addf %acc, %in : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  return %loss : tensor<f32>
}

pipe.stage 0 forward @attention inputs ["x"] parameters [@qkv.weight, @qkv.bias, @out.weight] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 1 forward @loss inputs [] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]

// CHECK: pipe.stage 0 forward @attention
// CHECK: pipe.routine @attention blocks [256, 1280, 256, 1152] roles ["carried_out", "saved", "input 0", "weights 0"]
// CHECK-NEXT: pipe.matmul <2, 0> [8, 1] by <3, 0> [24, 1] into <1, 0> [24, 1] sizes [8, 24, 8] bias <3, 768>
// Queries by keys, both strided windows of the product above.
// CHECK-NEXT: pipe.matmul <1, 0> [96, 4, 24, 1] by <1, 32> [96, 4, 1, 24] into <1, 768> [32, 16, 4, 1] sizes [2, 2, 4, 4, 4]
// The softmax overwrites the scores.
// CHECK-NEXT: pipe.kernel "softmax_0" [#pipe.ref<1, 768>]
// Every head writes its columns of the joined tensor.
// CHECK-NEXT: pipe.matmul <1, 768> [32, 16, 4, 1] by <1, 64> [96, 4, 24, 1] into <1, 1024> [32, 4, 8, 1] sizes [2, 2, 4, 4, 4]
// The init is a residual, since the input must survive.
// CHECK-NEXT: pipe.matmul <1, 1024> [8, 1] by <3, 896> [8, 1] into <0, 0> [8, 1] sizes [8, 8, 8] residual <2, 0>
// CHECK-NEXT: }
// CHECK: pipe.routine @loss blocks [256, 4] roles ["carried_in", "loss"]
// CHECK-NEXT: pipe.kernel "fill_1" [#pipe.ref<1, 0>]
// CHECK-NEXT: pipe.kernel "reduce_2" [#pipe.ref<0, 0>, #pipe.ref<1, 0>]
// CHECK: module @kernels
// CHECK: func.func @softmax_0(%[[SCORES:.*]]: memref<2x2x4x4xf32>)
// CHECK-NEXT: pipe.softmax scale 5.000000e-01 causal ins(%[[SCORES]] : memref<2x2x4x4xf32>) outs(%[[SCORES]] : memref<2x2x4x4xf32>)
// CHECK-NOT: func.func @attention
