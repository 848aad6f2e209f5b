// RUN: bitpipe-opt %s --pass-pipeline='builtin.module(pipe-lower-stages{target=cuda})' | FileCheck %s
// RUN: bitpipe-opt %s --pipe-lower-stages | FileCheck %s --check-prefix=CPU

// A sum of one operand over what a contraction sums over is made by its product on GPUs.

#full = affine_map<(b, s, n) -> (b, s, n)>
#last = affine_map<(b, s, n) -> (n)>
#first = affine_map<(b, s, n) -> (b, n)>
#x = affine_map<(b, s, m, n) -> (b, s, m)>
#y = affine_map<(b, s, m, n) -> (b, s, n)>
#mn = affine_map<(b, s, m, n) -> (m, n)>
#nm = affine_map<(b, s, m, n) -> (n, m)>
#bx = affine_map<(b, m, n, k) -> (b, k, m)>
#by = affine_map<(b, m, n, k) -> (b, k, n)>
#bc = affine_map<(b, m, n, k) -> (b, m, n)>

// CPU-NOT: bias_gradient

// The sum comes before or behind the product, of either operand, of f32 or bf16, into
// anything of f32. Moved to the product it is still before what reads it.
// CHECK-LABEL: pipe.routine @found
// CHECK-NOT: reduce
// CHECK: pipe.kernel "fill_{{.*}}" [#pipe.ref<[[OUT:[0-9]+]], [[DB:[0-9]+]]>]
// CHECK-NEXT: pipe.matmul <2, 0> [1, 4] by <3, 0> [8, 1] into <[[OUT]], {{.*}}> [8, 1] sizes [4, 8, 6] bias_gradient <[[OUT]], [[DB]]>{{$}}
// CHECK-NOT: reduce
// CHECK: pipe.matmul <3, 0> [1, 8] by <2, 0> [4, 1] into <{{.*}}> [4, 1] sizes [8, 4, 6] bias_gradient <{{.*}}> of_a{{$}}
// CHECK-NOT: reduce
// CHECK: pipe.matmul {{.*}} sizes [4, 8, 6] bias_gradient <{{.*}}> types [bf16, bf16, f32]
// CHECK-NOT: reduce
// CHECK: }
// CPU-LABEL: pipe.routine @found
// CPU-COUNT-3: reduce
func.func @found(%x: tensor<2x3x4xf32>, %dy: tensor<2x3x8xf32>, %hx: tensor<2x3x4xbf16>, %hy: tensor<2x3x8xbf16>)
    -> (tensor<f32>, tensor<4x8xf32>, tensor<8xf32>, tensor<8x4xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<8xf32>) {
  %zero = arith.constant 0.0 : f32
  %ew = tensor.empty() : tensor<4x8xf32>
  %w = linalg.fill ins(%zero : f32) outs(%ew : tensor<4x8xf32>) -> tensor<4x8xf32>
  %et = tensor.empty() : tensor<8x4xf32>
  %t = linalg.fill ins(%zero : f32) outs(%et : tensor<8x4xf32>) -> tensor<8x4xf32>
  %eb = tensor.empty() : tensor<8xf32>
  %b = linalg.fill ins(%zero : f32) outs(%eb : tensor<8xf32>) -> tensor<8xf32>
  %db = linalg.generic {indexing_maps = [#full, #last], iterator_types = ["reduction", "reduction", "parallel"]}
    ins(%dy : tensor<2x3x8xf32>) outs(%b : tensor<8xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %s = arith.addf %acc, %in : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %dw = linalg.generic {indexing_maps = [#x, #y, #mn], iterator_types = ["reduction", "reduction", "parallel", "parallel"]}
    ins(%x, %dy : tensor<2x3x4xf32>, tensor<2x3x8xf32>) outs(%w : tensor<4x8xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %dt = linalg.generic {indexing_maps = [#y, #x, #nm], iterator_types = ["reduction", "reduction", "parallel", "parallel"]}
    ins(%dy, %x : tensor<2x3x8xf32>, tensor<2x3x4xf32>) outs(%t : tensor<8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<8x4xf32>
  %dbt = linalg.generic {indexing_maps = [#full, #last], iterator_types = ["reduction", "reduction", "parallel"]}
    ins(%dy : tensor<2x3x8xf32>) outs(%b : tensor<8xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %s = arith.addf %in, %acc : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %dbh = linalg.generic {indexing_maps = [#full, #last], iterator_types = ["reduction", "reduction", "parallel"]}
    ins(%hy : tensor<2x3x8xbf16>) outs(%b : tensor<8xf32>) {
  ^bb0(%in: bf16, %acc: f32):
    %wide = arith.extf %in : bf16 to f32
    %s = arith.addf %acc, %wide : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %dh = linalg.generic {indexing_maps = [#x, #y, #mn], iterator_types = ["reduction", "reduction", "parallel", "parallel"]}
    ins(%hx, %hy : tensor<2x3x4xbf16>, tensor<2x3x8xbf16>) outs(%w : tensor<4x8xf32>) {
  ^bb0(%l: bf16, %r: bf16, %acc: f32):
    %lw = arith.extf %l : bf16 to f32
    %rw = arith.extf %r : bf16 to f32
    %p = arith.mulf %lw, %rw : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %el = tensor.empty() : tensor<f32>
  %loss = linalg.fill ins(%zero : f32) outs(%el : tensor<f32>) -> tensor<f32>
  return %loss, %dw, %db, %dt, %dbt, %dh, %dbh
    : tensor<f32>, tensor<4x8xf32>, tensor<8xf32>, tensor<8x4xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<8xf32>
}

// What is none: a sum over some of the loops, one of products, one that the product
// reads, one of another tensor, and those of a product of batches.
// CHECK-LABEL: pipe.routine @kept
// CHECK-NOT: bias_gradient
// CHECK-COUNT-6: reduce
// CHECK-NOT: bias_gradient
func.func @kept(%x: tensor<2x3x4xf32>, %dy: tensor<2x3x8xf32>, %z: tensor<2x3x8xf32>, %q: tensor<2x3x4xf32>, %r: tensor<2x3x8xf32>)
    -> (tensor<f32>, tensor<4x8xf32>, tensor<2x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<2x4x8xf32>, tensor<2x8xf32>, tensor<3x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %ew = tensor.empty() : tensor<4x8xf32>
  %e2 = tensor.empty() : tensor<2x8xf32>
  %b2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<2x8xf32>) -> tensor<2x8xf32>
  %eb = tensor.empty() : tensor<8xf32>
  %b = linalg.fill ins(%zero : f32) outs(%eb : tensor<8xf32>) -> tensor<8xf32>
  %some = linalg.generic {indexing_maps = [#full, #first], iterator_types = ["parallel", "reduction", "parallel"]}
    ins(%dy : tensor<2x3x8xf32>) outs(%b2 : tensor<2x8xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %s = arith.addf %acc, %in : f32
    linalg.yield %s : f32
  } -> tensor<2x8xf32>
  %squares = linalg.generic {indexing_maps = [#full, #last], iterator_types = ["reduction", "reduction", "parallel"]}
    ins(%dy : tensor<2x3x8xf32>) outs(%b : tensor<8xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %p = arith.mulf %in, %in : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %read = linalg.generic {indexing_maps = [#full, #last], iterator_types = ["reduction", "reduction", "parallel"]}
    ins(%dy : tensor<2x3x8xf32>) outs(%b : tensor<8xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %s = arith.addf %acc, %in : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %spread = linalg.generic {indexing_maps = [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
    ins(%read : tensor<8xf32>) outs(%ew : tensor<4x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<4x8xf32>
  %other = linalg.generic {indexing_maps = [#full, #last], iterator_types = ["reduction", "reduction", "parallel"]}
    ins(%z : tensor<2x3x8xf32>) outs(%b : tensor<8xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %s = arith.addf %acc, %in : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %dw = linalg.generic {indexing_maps = [#x, #y, #mn], iterator_types = ["reduction", "reduction", "parallel", "parallel"]}
    ins(%x, %dy : tensor<2x3x4xf32>, tensor<2x3x8xf32>) outs(%spread : tensor<4x8xf32>) {
  ^bb0(%l: f32, %r0: f32, %acc: f32):
    %p = arith.mulf %l, %r0 : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %ebatch = tensor.empty() : tensor<2x4x8xf32>
  %batch0 = linalg.fill ins(%zero : f32) outs(%ebatch : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %ofbatch = linalg.generic {indexing_maps = [#full, #first], iterator_types = ["parallel", "reduction", "parallel"]}
    ins(%r : tensor<2x3x8xf32>) outs(%b2 : tensor<2x8xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %s = arith.addf %acc, %in : f32
    linalg.yield %s : f32
  } -> tensor<2x8xf32>
  %batch = linalg.generic {indexing_maps = [#bx, #by, #bc], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%q, %r : tensor<2x3x4xf32>, tensor<2x3x8xf32>) outs(%batch0 : tensor<2x4x8xf32>) {
  ^bb0(%l: f32, %r0: f32, %acc: f32):
    %p = arith.mulf %l, %r0 : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x4x8xf32>
  %e3 = tensor.empty() : tensor<3x8xf32>
  %b3 = linalg.fill ins(%zero : f32) outs(%e3 : tensor<3x8xf32>) -> tensor<3x8xf32>
  %rows = linalg.generic {indexing_maps = [#full, affine_map<(b, s, n) -> (s, n)>], iterator_types = ["reduction", "parallel", "parallel"]}
    ins(%r : tensor<2x3x8xf32>) outs(%b3 : tensor<3x8xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %s = arith.addf %acc, %in : f32
    linalg.yield %s : f32
  } -> tensor<3x8xf32>
  %el = tensor.empty() : tensor<f32>
  %loss = linalg.fill ins(%zero : f32) outs(%el : tensor<f32>) -> tensor<f32>
  return %loss, %dw, %some, %squares, %read, %other, %batch, %ofbatch, %rows
    : tensor<f32>, tensor<4x8xf32>, tensor<2x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<2x4x8xf32>, tensor<2x8xf32>, tensor<3x8xf32>
}

// Of a product that is transposed the second operand comes first. A sum of everything is none of columns.
// CHECK-LABEL: pipe.routine @transposed
// CHECK: pipe.matmul <3, 0> [1, 8] by <2, 0> [4, 1] into {{.*}} sizes [8, 4, 6] bias_gradient <{{.*}}> of_a{{$}}
// CHECK: pipe.kernel "reduce
// CHECK: pipe.matmul <5, 0> [1, 4] by <4, 0> [8, 1] into {{.*}} sizes [4, 8, 6]{{$}}
func.func @transposed(%x: tensor<2x3x4xf32>, %dy: tensor<2x3x8xf32>, %z: tensor<2x3x8xf32>, %q: tensor<2x3x4xf32>)
    -> (tensor<f32>, tensor<8x4xf32>, tensor<8xf32>, tensor<f32>, tensor<4x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %et = tensor.empty() : tensor<8x4xf32>
  %t = linalg.fill ins(%zero : f32) outs(%et : tensor<8x4xf32>) -> tensor<8x4xf32>
  %ew = tensor.empty() : tensor<4x8xf32>
  %w = linalg.fill ins(%zero : f32) outs(%ew : tensor<4x8xf32>) -> tensor<4x8xf32>
  %eb = tensor.empty() : tensor<8xf32>
  %b = linalg.fill ins(%zero : f32) outs(%eb : tensor<8xf32>) -> tensor<8xf32>
  %el = tensor.empty() : tensor<f32>
  %loss = linalg.fill ins(%zero : f32) outs(%el : tensor<f32>) -> tensor<f32>
  %db = linalg.generic {indexing_maps = [#full, #last], iterator_types = ["reduction", "reduction", "parallel"]}
    ins(%dy : tensor<2x3x8xf32>) outs(%b : tensor<8xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %s = arith.addf %acc, %in : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %dt = linalg.generic {indexing_maps = [#x, #y, #nm], iterator_types = ["reduction", "reduction", "parallel", "parallel"]}
    ins(%x, %dy : tensor<2x3x4xf32>, tensor<2x3x8xf32>) outs(%t : tensor<8x4xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<8x4xf32>
  %all = linalg.generic {indexing_maps = [#full, affine_map<(b, s, n) -> ()>], iterator_types = ["reduction", "reduction", "reduction"]}
    ins(%z : tensor<2x3x8xf32>) outs(%loss : tensor<f32>) {
  ^bb0(%in: f32, %acc: f32):
    %s = arith.addf %acc, %in : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  %dw = linalg.generic {indexing_maps = [#x, #y, #mn], iterator_types = ["reduction", "reduction", "parallel", "parallel"]}
    ins(%q, %z : tensor<2x3x4xf32>, tensor<2x3x8xf32>) outs(%w : tensor<4x8xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  return %loss, %dt, %db, %all, %dw : tensor<f32>, tensor<8x4xf32>, tensor<8xf32>, tensor<f32>, tensor<4x8xf32>
}

// A tensor that is both operands: the sum is of the one over whose rows it goes.
// CHECK-LABEL: pipe.routine @twice
// CHECK-NOT: reduce
// CHECK: pipe.matmul <2, 0> [5, 1] by <2, 0> [5, 1] into <{{.*}}> [5, 1] sizes [5, 5, 5] bias_gradient <{{[0-9, ]+}}>{{$}}
// CHECK-NOT: reduce
// CHECK: }
func.func @twice(%y: tensor<5x5xf32>) -> (tensor<f32>, tensor<5x5xf32>, tensor<5xf32>) {
  %zero = arith.constant 0.0 : f32
  %el = tensor.empty() : tensor<f32>
  %loss = linalg.fill ins(%zero : f32) outs(%el : tensor<f32>) -> tensor<f32>
  %ew = tensor.empty() : tensor<5x5xf32>
  %w = linalg.fill ins(%zero : f32) outs(%ew : tensor<5x5xf32>) -> tensor<5x5xf32>
  %eb = tensor.empty() : tensor<5xf32>
  %b = linalg.fill ins(%zero : f32) outs(%eb : tensor<5xf32>) -> tensor<5xf32>
  %square = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%y, %y : tensor<5x5xf32>, tensor<5x5xf32>) outs(%w : tensor<5x5xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<5x5xf32>
  %columns = linalg.generic {indexing_maps = [affine_map<(k, j) -> (k, j)>, affine_map<(k, j) -> (j)>], iterator_types = ["reduction", "parallel"]}
    ins(%y : tensor<5x5xf32>) outs(%b : tensor<5xf32>) {
  ^bb0(%in: f32, %acc: f32):
    %s = arith.addf %acc, %in : f32
    linalg.yield %s : f32
  } -> tensor<5xf32>
  return %loss, %square, %columns : tensor<f32>, tensor<5x5xf32>, tensor<5xf32>
}

pipe.stage 0 forward @found inputs ["x", "dy", "hx", "hy"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 1 forward @kept inputs ["x", "dy", "z", "q", "r"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 2 forward @transposed inputs ["x", "dy", "z", "q"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 3 forward @twice inputs ["y"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
