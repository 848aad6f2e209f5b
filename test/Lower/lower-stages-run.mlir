// What the routines compute, where places are not as simple as in a model:
// run by check-routines.py, which has the same formulas.

// RUN: rm -rf %t && mkdir %t
// RUN: bitpipe-opt %s --pipe-fuse-rows --pipe-lower-stages -o %t/routines.mlir
// RUN: bitpipe-opt %t/routines.mlir --pipe-compile-kernels=output=%t/kernels.so -o %t/calls.mlir
// RUN: %python %S/check-routines.py %t/calls.mlir %t/kernels.so
// RUN: FileCheck %s --input-file %t/routines.mlir

#ij = affine_map<(i, j) -> (i, j)>
#ji = affine_map<(i, j) -> (j, i)>
#i = affine_map<(i, j) -> (i)>
#j = affine_map<(i, j) -> (j)>
#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#elementwise = {indexing_maps = [#ij, #ij], iterator_types = ["parallel", "parallel"]}
#product = {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]}

// The pieces are computed in their places of the whole.
// CHECK-LABEL: pipe.routine @concat
// CHECK-NEXT: pipe.kernel "elementwise
// CHECK-NEXT: pipe.matmul {{.*}} into <[[OUT:[0-9]+]], 16> [12, 1] sizes [4, 8, 6]
// CHECK-NEXT: }
func.func @concat(%a: tensor<4x4xf32>, %b: tensor<4x6xf32>, %c: tensor<6x8xf32>) -> tensor<4x12xf32> {
  %zero = arith.constant 0.0 : f32
  %e4 = tensor.empty() : tensor<4x4xf32>
  %left = linalg.generic #elementwise ins(%a : tensor<4x4xf32>) outs(%e4 : tensor<4x4xf32>) {
  ^bb0(%x: f32, %o: f32):
    %y = arith.addf %x, %x : f32
    linalg.yield %y : f32
  } -> tensor<4x4xf32>
  %e8 = tensor.empty() : tensor<4x8xf32>
  %f8 = linalg.fill ins(%zero : f32) outs(%e8 : tensor<4x8xf32>) -> tensor<4x8xf32>
  %right = linalg.generic #product ins(%b, %c : tensor<4x6xf32>, tensor<6x8xf32>) outs(%f8 : tensor<4x8xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %whole = tensor.concat dim(1) %left, %right : (tensor<4x4xf32>, tensor<4x8xf32>) -> tensor<4x12xf32>
  return %whole : tensor<4x12xf32>
}
pipe.stage 0 forward @concat inputs ["a", "b", "c"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// The zeros are written before the piece, although they come later.
// CHECK-LABEL: pipe.routine @insert
// CHECK-NEXT: pipe.kernel "fill
// CHECK-NEXT: pipe.kernel "elementwise
// CHECK-NEXT: }
func.func @insert(%a: tensor<3x4xf32>) -> tensor<6x10xf32> {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<3x4xf32>
  %piece = linalg.generic #elementwise ins(%a : tensor<3x4xf32>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%x: f32, %o: f32):
    %y = arith.mulf %x, %x : f32
    linalg.yield %y : f32
  } -> tensor<3x4xf32>
  %ew = tensor.empty() : tensor<6x10xf32>
  %ones = linalg.fill ins(%one : f32) outs(%ew : tensor<6x10xf32>) -> tensor<6x10xf32>
  %whole = tensor.insert_slice %piece into %ones[2, 5] [3, 4] [1, 1] : tensor<3x4xf32> into tensor<6x10xf32>
  return %whole : tensor<6x10xf32>
}
pipe.stage 1 forward @insert inputs ["a"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// No strides express this view of an input: a copy.
// CHECK-LABEL: pipe.routine @reorder
// CHECK-NEXT: pipe.kernel "copy
// CHECK-NEXT: }
func.func @reorder(%a: tensor<2x3x4xf32>) -> tensor<12x2xf32> {
  %e = tensor.empty() : tensor<4x3x2xf32>
  %t = linalg.transpose ins(%a : tensor<2x3x4xf32>) outs(%e : tensor<4x3x2xf32>) permutation = [2, 1, 0]
  %r = tensor.collapse_shape %t [[0, 1], [2]] : tensor<4x3x2xf32> into tensor<12x2xf32>
  return %r : tensor<12x2xf32>
}
pipe.stage 2 forward @reorder inputs ["a"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// Two summed dimensions that lie in different orders: both operands are packed.
// CHECK-LABEL: pipe.routine @two_sums
// CHECK-NEXT: pipe.kernel "copy
// CHECK-NEXT: pipe.kernel "copy
// CHECK-NEXT: pipe.matmul {{.*}} sizes [5, 7, 6] alpha 5.000000e-01
func.func @two_sums(%a: tensor<2x5x3xf32>, %b: tensor<3x2x7xf32>) -> tensor<5x7xf32> {
  %zero = arith.constant 0.0 : f32
  %half = arith.constant 0.5 : f32
  %e = tensor.empty() : tensor<5x7xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<5x7xf32>) -> tensor<5x7xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k, l) -> (k, m, l)>, affine_map<(m, n, k, l) -> (l, k, n)>, affine_map<(m, n, k, l) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
    ins(%a, %b : tensor<2x5x3xf32>, tensor<3x2x7xf32>) outs(%f : tensor<5x7xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %q = arith.mulf %p, %half : f32
    %s = arith.addf %q, %o : f32
    linalg.yield %s : f32
  } -> tensor<5x7xf32>
  return %r : tensor<5x7xf32>
}
pipe.stage 3 forward @two_sums inputs ["a", "b"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// The batch dimension comes last in the result.
// CHECK-LABEL: pipe.routine @batch_last
// CHECK: pipe.matmul {{.*}} sizes [4, 5, 6, 3]
// CHECK-NEXT: pipe.kernel "copy
func.func @batch_last(%a: tensor<5x3x4xf32>, %b: tensor<4x3x6xf32>) -> tensor<5x6x4xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<5x6x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<5x6x4xf32>) -> tensor<5x6x4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, b, k) -> (m, k, b)>, affine_map<(m, n, b, k) -> (b, k, n)>, affine_map<(m, n, b, k) -> (m, n, b)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%a, %b : tensor<5x3x4xf32>, tensor<4x3x6xf32>) outs(%f : tensor<5x6x4xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<5x6x4xf32>
  return %r : tensor<5x6x4xf32>
}
pipe.stage 4 forward @batch_last inputs ["a", "b"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// The result lies transposed, so the transposed product is computed and the
// bias, now along its rows, is written first.
// CHECK-LABEL: pipe.routine @transposed
// CHECK-NEXT: pipe.kernel "broadcast
// CHECK-NEXT: pipe.matmul {{.*}} sizes [8, 4, 6] accumulate
func.func @transposed(%a: tensor<4x6xf32>, %b: tensor<6x8xf32>, %v: tensor<8xf32>) -> tensor<8x4xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %bias = linalg.generic {indexing_maps = [#j, #ij], iterator_types = ["parallel", "parallel"]} ins(%v : tensor<8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%x: f32, %o: f32):
    linalg.yield %x : f32
  } -> tensor<4x8xf32>
  %r = linalg.generic #product ins(%a, %b : tensor<4x6xf32>, tensor<6x8xf32>) outs(%bias : tensor<4x8xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %et = tensor.empty() : tensor<8x4xf32>
  %t = linalg.transpose ins(%r : tensor<4x8xf32>) outs(%et : tensor<8x4xf32>) permutation = [1, 0]
  return %t : tensor<8x4xf32>
}
pipe.stage 5 forward @transposed inputs ["a", "b", "v"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// Constants: a scalar in the body, a tensor in the kernels' module, and one
// that a product reads from memory.
// CHECK-LABEL: pipe.routine @constants
func.func @constants(%a: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %two = arith.constant dense<2.0> : tensor<2x3xf32>
  %table = arith.constant dense<[[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]]> : tensor<2x3xf32>
  %matrix = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %one = arith.constant dense<1.0> : tensor<2x2xf32>
  %e = tensor.empty() : tensor<2x3xf32>
  %x = linalg.generic {indexing_maps = [#ij, #ij, #ij, #ij], iterator_types = ["parallel", "parallel"]}
    ins(%a, %two, %table : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%u: f32, %v: f32, %w: f32, %o: f32):
    %p = arith.mulf %u, %v : f32
    %s = arith.addf %p, %w : f32
    linalg.yield %s : f32
  } -> tensor<2x3xf32>
  %r = linalg.generic #product ins(%x, %matrix : tensor<2x3xf32>, tensor<3x2xf32>) outs(%one : tensor<2x2xf32>) {
  ^bb0(%u: f32, %v: f32, %o: f32):
    %p = arith.mulf %u, %v : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x2xf32>
  return %r : tensor<2x2xf32>
}
pipe.stage 6 forward @constants inputs ["a"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// One value twice, an argument, a constant.
// CHECK-LABEL: pipe.routine @results
func.func @results(%a: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<4xf32>) {
  %seven = arith.constant dense<7.0> : tensor<4xf32>
  %e = tensor.empty() : tensor<2x3xf32>
  %x = linalg.generic #elementwise ins(%a : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%u: f32, %o: f32):
    %p = arith.mulf %u, %u : f32
    linalg.yield %p : f32
  } -> tensor<2x3xf32>
  return %x, %x, %a, %seven : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<4xf32>
}
pipe.stage 7 forward @results inputs ["a"] parameters [] carried_in [] carried_out [true, true, true, true] cost [0.0, 0.0, 0.0]

// A matrix by a vector, and one that is summed along rows.
// CHECK-LABEL: pipe.routine @vectors
func.func @vectors(%a: tensor<4x6xf32>, %v: tensor<6xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %sum = linalg.generic {indexing_maps = [#ij, #i], iterator_types = ["parallel", "reduction"]} ins(%a : tensor<4x6xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%x: f32, %o: f32):
    %s = arith.addf %o, %x : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#ij, #j, #i], iterator_types = ["parallel", "reduction"]} ins(%a, %v : tensor<4x6xf32>, tensor<6xf32>) outs(%sum : tensor<4xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %r : tensor<4xf32>
}
pipe.stage 8 forward @vectors inputs ["a", "v"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// An elementwise chain that overwrites what dies, but not what is read later.
// CHECK-LABEL: pipe.routine @chain
func.func @chain(%a: tensor<3x3xf32>) -> tensor<3x3xf32> {
  %e = tensor.empty() : tensor<3x3xf32>
  %x = linalg.generic #elementwise ins(%a : tensor<3x3xf32>) outs(%e : tensor<3x3xf32>) {
  ^bb0(%u: f32, %o: f32):
    %p = arith.mulf %u, %u : f32
    linalg.yield %p : f32
  } -> tensor<3x3xf32>
  %y = linalg.generic {indexing_maps = [#ij, #ji, #ij], iterator_types = ["parallel", "parallel"]} ins(%x, %x : tensor<3x3xf32>, tensor<3x3xf32>) outs(%e : tensor<3x3xf32>) {
  ^bb0(%u: f32, %v: f32, %o: f32):
    %p = arith.subf %u, %v : f32
    linalg.yield %p : f32
  } -> tensor<3x3xf32>
  %z = linalg.generic {indexing_maps = [#ij, #ij, #ij], iterator_types = ["parallel", "parallel"]} ins(%y, %a : tensor<3x3xf32>, tensor<3x3xf32>) outs(%e : tensor<3x3xf32>) {
  ^bb0(%u: f32, %v: f32, %o: f32):
    %p = arith.addf %u, %v : f32
    linalg.yield %p : f32
  } -> tensor<3x3xf32>
  return %z : tensor<3x3xf32>
}
pipe.stage 9 forward @chain inputs ["a"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// Gradient sums: one that is added to, one that is read in another order than
// it is written, one that passes through.
pipe.parameter @p : tensor<3x3xf32> trainable value dense<0.0> : tensor<3x3xf32>
pipe.parameter @q : tensor<3x3xf32> trainable value dense<0.0> : tensor<3x3xf32>
pipe.parameter @r : tensor<3x3xf32> trainable value dense<0.0> : tensor<3x3xf32>
func.func @sums(%a: tensor<3x3xf32>, %p: tensor<3x3xf32>, %q: tensor<3x3xf32>, %r: tensor<3x3xf32>) -> (tensor<3x3xf32>, tensor<3x3xf32>) {
  return %p, %a : tensor<3x3xf32>, tensor<3x3xf32>
}
func.func @sums_input(%dy: tensor<3x3xf32>, %a: tensor<3x3xf32>, %p: tensor<3x3xf32>, %q: tensor<3x3xf32>, %r: tensor<3x3xf32>) -> (tensor<3x3xf32>, tensor<3x3xf32>) {
  return %dy, %a : tensor<3x3xf32>, tensor<3x3xf32>
}
func.func @sums_weight(%dy: tensor<3x3xf32>, %a: tensor<3x3xf32>, %gp: tensor<3x3xf32>, %gq: tensor<3x3xf32>, %gr: tensor<3x3xf32>) -> (tensor<3x3xf32>, tensor<3x3xf32>, tensor<3x3xf32>) {
  %e = tensor.empty() : tensor<3x3xf32>
  %np = linalg.generic #product ins(%a, %dy : tensor<3x3xf32>, tensor<3x3xf32>) outs(%gp : tensor<3x3xf32>) {
  ^bb0(%u: f32, %v: f32, %o: f32):
    %m = arith.mulf %u, %v : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<3x3xf32>
  %nq = linalg.generic {indexing_maps = [#ji, #ij, #ij], iterator_types = ["parallel", "parallel"]} ins(%gq, %a : tensor<3x3xf32>, tensor<3x3xf32>) outs(%e : tensor<3x3xf32>) {
  ^bb0(%u: f32, %v: f32, %o: f32):
    %s = arith.addf %u, %v : f32
    linalg.yield %s : f32
  } -> tensor<3x3xf32>
  return %np, %nq, %gr : tensor<3x3xf32>, tensor<3x3xf32>, tensor<3x3xf32>
}
pipe.stage 10 forward @sums input_gradient @sums_input weight_gradient @sums_weight inputs ["a"] parameters [@p, @q, @r] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// The sum takes the place of the squares, which die with it; the means must not take that of
// the rows' sums, which are read again after they are written.
// CHECK-LABEL: pipe.routine @fused
// CHECK: pipe.kernel "reduce
// CHECK-NEXT: pipe.kernel "elementwise_layer_norm_{{[0-9]+}}" [#pipe.ref<[[S:[0-9]+, [0-9]+]]>,
// CHECK-NEXT: pipe.kernel "elementwise{{.*}} #pipe.ref<[[S]]>
// CHECK-NEXT: }
func.func @fused(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %e4 = tensor.empty() : tensor<4xf32>
  %f4 = linalg.fill ins(%zero : f32) outs(%e4 : tensor<4xf32>) -> tensor<4xf32>
  %u = linalg.generic #elementwise ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%x: f32, %o: f32):
    %p = arith.mulf %x, %x : f32
    linalg.yield %p : f32
  } -> tensor<4x8xf32>
  %t = linalg.generic {indexing_maps = [#ij, #i], iterator_types = ["parallel", "reduction"]} ins(%u : tensor<4x8xf32>) outs(%f4 : tensor<4xf32>) {
  ^bb0(%x: f32, %o: f32):
    %p = arith.addf %x, %o : f32
    linalg.yield %p : f32
  } -> tensor<4xf32>
  %s = linalg.generic {indexing_maps = [#ij, #ij, #i, #ij], iterator_types = ["parallel", "parallel"]} ins(%u, %b, %t : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32, %o: f32):
    %p = arith.mulf %x, %z : f32
    %q = arith.addf %p, %y : f32
    linalg.yield %q : f32
  } -> tensor<4x8xf32>
  %n:3 = pipe.layer_norm epsilon 1.0e-5 ins(%s, %w, %w : tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) outs(%e, %e4, %e4 : tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>
  %r = linalg.generic {indexing_maps = [#ij, #ij, #i, #i, #ij], iterator_types = ["parallel", "parallel"]} ins(%n#0, %s, %n#1, %n#2 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%x: f32, %y: f32, %m: f32, %v: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %q = arith.mulf %m, %v : f32
    %k = arith.addf %p, %q : f32
    linalg.yield %k : f32
  } -> tensor<4x8xf32>
  return %r : tensor<4x8xf32>
}
pipe.stage 11 forward @fused inputs ["a", "b", "w"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

func.func @end(%a: tensor<f32>) -> tensor<f32> {
  return %a : tensor<f32>
}
pipe.stage 12 forward @end inputs ["a"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
