// RUN: bitpipe-opt %s --split-input-file --pipe-partition="stages=4" | FileCheck %s

// The mask depends on no parameter and is computed again wherever it is used,
// from the model input that each of these stages gets. The last contraction
// adds to what the first layer made, so the stages between hand that on.

#v = affine_map<(i) -> (i)>
#id = affine_map<(i, j) -> (i, j)>
#j = affine_map<(i, j) -> (j)>
#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#c = affine_map<(i, j, k) -> (i, j)>
pipe.model @forward inputs ["x", "mask", "labels"] outputs ["loss"] loss "labels" ignore_index -100
pipe.parameter @w0 : tensor<64x64xf32> trainable file "w" offset 0
pipe.parameter @w1 : tensor<64x64xf32> trainable file "w" offset 16384
pipe.parameter @w2 : tensor<64x64xf32> trainable file "w" offset 32768
func.func @forward(%x: tensor<32x64xf32>, %mask: tensor<64xi1>, %labels: tensor<32xi64>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<32x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<32x64xf32>) -> tensor<32x64xf32>
  %d = tensor.empty() : tensor<64xf32>
  %m = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]}
      ins(%mask : tensor<64xi1>) outs(%d : tensor<64xf32>) {
  ^bb0(%in: i1, %out: f32):
    %s = arith.select %in, %one, %zero : f32
    linalg.yield %s : f32
  } -> tensor<64xf32>
  %w0 = pipe.get_parameter @w0 : tensor<64x64xf32>
  %0 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w0 : tensor<32x64xf32>, tensor<64x64xf32>) outs(%init : tensor<32x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<32x64xf32>
  %1 = linalg.generic {indexing_maps = [#id, #j, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0, %m : tensor<32x64xf32>, tensor<64xf32>) outs(%e : tensor<32x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    linalg.yield %p : f32
  } -> tensor<32x64xf32>
  %w1 = pipe.get_parameter @w1 : tensor<64x64xf32>
  %2 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%1, %w1 : tensor<32x64xf32>, tensor<64x64xf32>) outs(%init : tensor<32x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<32x64xf32>
  %3 = linalg.generic {indexing_maps = [#id, #j, #id], iterator_types = ["parallel", "parallel"]}
      ins(%2, %m : tensor<32x64xf32>, tensor<64xf32>) outs(%e : tensor<32x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    linalg.yield %p : f32
  } -> tensor<32x64xf32>
  %w2 = pipe.get_parameter @w2 : tensor<64x64xf32>
  %4 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%3, %w2 : tensor<32x64xf32>, tensor<64x64xf32>) outs(%1 : tensor<32x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<32x64xf32>
  %sum = tensor.empty() : tensor<f32>
  %lse = tensor.empty() : tensor<32xf32>
  %loss, %l = pipe.cross_entropy ins(%4, %labels : tensor<32x64xf32>, tensor<32xi64>)
      outs(%sum, %lse : tensor<f32>, tensor<32xf32>) -> tensor<f32>, tensor<32xf32>
  return %loss : tensor<f32>
}

// CHECK-LABEL: func.func @stage_0(
// CHECK-SAME: %{{.*}}: tensor<32x64xf32>, %{{.*}}: tensor<64xi1>, %{{.*}}: tensor<64x64xf32>) -> tensor<32x64xf32>
// CHECK: arith.select

// CHECK-LABEL: func.func @stage_1(
// CHECK-SAME: %[[FIRST:.*]]: tensor<32x64xf32>, %{{.*}}: tensor<64x64xf32>) -> (tensor<32x64xf32>, tensor<32x64xf32>)
// CHECK: return %[[FIRST]], %{{.*}}

// CHECK-LABEL: func.func @stage_2(
// CHECK-SAME: %[[FIRST:.*]]: tensor<32x64xf32>, %{{.*}}: tensor<32x64xf32>, %{{.*}}: tensor<64xi1>)
// CHECK: arith.select
// CHECK: return %[[FIRST]], %{{.*}}

// CHECK-LABEL: func.func @stage_3(
// CHECK-SAME: %[[FIRST:.*]]: tensor<32x64xf32>, %[[SECOND:.*]]: tensor<32x64xf32>, %{{.*}}: tensor<32xi64>, %{{.*}}: tensor<64x64xf32>) -> tensor<f32>
// CHECK-NOT: arith.select
// CHECK: linalg.generic {{.*}} ins(%[[SECOND]], {{.*}} outs(%[[FIRST]]

// CHECK: pipe.stage 0 forward @stage_0 inputs ["x", "mask"] parameters [@w0] carried_in [] carried_out [true] cost
// CHECK: pipe.stage 1 forward @stage_1 inputs [] parameters [@w1] carried_in [true] carried_out [true, true]
// CHECK: pipe.stage 2 forward @stage_2 inputs ["mask"] parameters [] carried_in [true, true] carried_out [true, true]
// CHECK: pipe.stage 3 forward @stage_3 inputs ["labels"] parameters [@w2] carried_in [true, true] carried_out [true]

// -----

// Layers that compute the same share a function. The first differs, since
// nothing before it wants a gradient, and the last computes the loss. The
// embedding is an argument of both stages that use it.

#id = affine_map<(i, j) -> (i, j)>
#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#t = affine_map<(i, j, k) -> (j, k)>
#c = affine_map<(i, j, k) -> (i, j)>
pipe.model @forward inputs ["ids", "labels"] outputs ["loss"] loss "labels" ignore_index -100
pipe.parameter @table : tensor<64x64xf32> trainable file "w" offset 0
pipe.parameter @w0 : tensor<64x64xf32> trainable file "w" offset 16384
pipe.parameter @w1 : tensor<64x64xf32> trainable file "w" offset 32768
func.func @forward(%ids: tensor<32xi64>, %labels: tensor<32xi64>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<32x64xf32>) -> tensor<32x64xf32>
  %table = pipe.get_parameter @table : tensor<64x64xf32>
  %0 = pipe.gather ins(%table, %ids : tensor<64x64xf32>, tensor<32xi64>) outs(%e : tensor<32x64xf32>) -> tensor<32x64xf32>
  %w0 = pipe.get_parameter @w0 : tensor<64x64xf32>
  %1 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%0, %w0 : tensor<32x64xf32>, tensor<64x64xf32>) outs(%0 : tensor<32x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<32x64xf32>
  %w1 = pipe.get_parameter @w1 : tensor<64x64xf32>
  %2 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%1, %w1 : tensor<32x64xf32>, tensor<64x64xf32>) outs(%1 : tensor<32x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<32x64xf32>
  %head = pipe.get_parameter @table : tensor<64x64xf32>
  %3 = linalg.generic {indexing_maps = [#a, #t, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%2, %head : tensor<32x64xf32>, tensor<64x64xf32>) outs(%init : tensor<32x64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<32x64xf32>
  %sum = tensor.empty() : tensor<f32>
  %lse = tensor.empty() : tensor<32xf32>
  %loss, %l = pipe.cross_entropy ins(%3, %labels : tensor<32x64xf32>, tensor<32xi64>)
      outs(%sum, %lse : tensor<f32>, tensor<32xf32>) -> tensor<f32>, tensor<32xf32>
  return %loss : tensor<f32>
}

// CHECK-LABEL: func.func @stage_0(%arg0: tensor<32xi64>, %arg1: tensor<64x64xf32>) -> tensor<32x64xf32>
// CHECK: pipe.gather
// CHECK-LABEL: func.func @stage_1(%arg0: tensor<32x64xf32>, %arg1: tensor<64x64xf32>) -> tensor<32x64xf32>
// CHECK-LABEL: func.func @stage_3(%arg0: tensor<32x64xf32>, %arg1: tensor<32xi64>, %arg2: tensor<64x64xf32>) -> tensor<f32>
// CHECK: pipe.stage 0 forward @stage_0 inputs ["ids"] parameters [@table] carried_in [] carried_out [true]
// CHECK: pipe.stage 1 forward @stage_1 inputs [] parameters [@w0] carried_in [true] carried_out [true]
// CHECK: pipe.stage 2 forward @stage_1 inputs [] parameters [@w1] carried_in [true] carried_out [true]
// CHECK: pipe.stage 3 forward @stage_3 inputs ["labels"] parameters [@table] carried_in [true] carried_out [true]

// -----

// Views are not nodes. Of one value's views the cut carries what has fewer
// bytes: only the second half is used after the first cut, so that alone.

#v = affine_map<(i) -> (i)>
#s = affine_map<(i) -> ()>
pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
pipe.parameter @w : tensor<128xf32> trainable file "w" offset 0
func.func @forward(%x: tensor<128xf32>) -> tensor<f32> {
  %e = tensor.empty() : tensor<128xf32>
  %h = tensor.empty() : tensor<64xf32>
  %w = pipe.get_parameter @w : tensor<128xf32>
  %0 = linalg.generic {indexing_maps = [#v, #v, #v], iterator_types = ["parallel"]}
      ins(%x, %w : tensor<128xf32>, tensor<128xf32>) outs(%e : tensor<128xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    linalg.yield %p : f32
  } -> tensor<128xf32>
  %1 = tensor.extract_slice %0[0] [64] [1] : tensor<128xf32> to tensor<64xf32>
  %2 = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]}
      ins(%1 : tensor<64xf32>) outs(%h : tensor<64xf32>) {
  ^bb0(%l: f32, %out: f32):
    %p = math.tanh %l : f32
    linalg.yield %p : f32
  } -> tensor<64xf32>
  %3 = tensor.extract_slice %0[64] [64] [1] : tensor<128xf32> to tensor<64xf32>
  %4 = linalg.generic {indexing_maps = [#v, #v, #v], iterator_types = ["parallel"]}
      ins(%2, %3 : tensor<64xf32>, tensor<64xf32>) outs(%h : tensor<64xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    linalg.yield %p : f32
  } -> tensor<64xf32>
  %zero = arith.constant 0.0 : f32
  %es = tensor.empty() : tensor<f32>
  %is = linalg.fill ins(%zero : f32) outs(%es : tensor<f32>) -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#v, #s], iterator_types = ["reduction"]}
      ins(%4 : tensor<64xf32>) outs(%is : tensor<f32>) {
  ^bb0(%l: f32, %out: f32):
    %p = arith.addf %l, %out : f32
    linalg.yield %p : f32
  } -> tensor<f32>
  return %loss : tensor<f32>
}

// CHECK-LABEL: func.func @stage_0(
// CHECK: return %{{.*}} : tensor<128xf32>
// CHECK-LABEL: func.func @stage_1(%arg0: tensor<128xf32>) -> (tensor<64xf32>, tensor<64xf32>)
// CHECK: %[[FIRST:.*]] = tensor.extract_slice %arg0[0] [64] [1]
// CHECK: math.tanh
// CHECK: %[[SECOND:.*]] = tensor.extract_slice %arg0[64] [64] [1]
// CHECK: return %[[SECOND]], %{{.*}} : tensor<64xf32>, tensor<64xf32>
// CHECK-LABEL: func.func @stage_2(%arg0: tensor<64xf32>, %arg1: tensor<64xf32>) -> tensor<64xf32>

// -----

// Keys of dropouts are arguments, so that stages that differ in them share a
// function.

#d = affine_map<(i) -> (i)>
#r = affine_map<(i) -> ()>
pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
pipe.parameter @w : tensor<512xf32> trainable file "w" offset 0
func.func @forward(%x: tensor<512xf32>) -> tensor<f32> {
  %e = tensor.empty() : tensor<512xf32>
  %w = pipe.get_parameter @w : tensor<512xf32>
  %0 = linalg.generic {indexing_maps = [#d, #d, #d], iterator_types = ["parallel"]}
      ins(%x, %w : tensor<512xf32>, tensor<512xf32>) outs(%e : tensor<512xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<512xf32>
  %k0 = pipe.dropout_key 0 : tensor<i64>
  %1 = pipe.dropout ratio 0.5 ins(%0, %k0 : tensor<512xf32>, tensor<i64>) outs(%e : tensor<512xf32>) -> tensor<512xf32>
  %k1 = pipe.dropout_key 1 : tensor<i64>
  %2 = pipe.dropout ratio 0.5 ins(%1, %k1 : tensor<512xf32>, tensor<i64>) outs(%e : tensor<512xf32>) -> tensor<512xf32>
  %zero = arith.constant 0.0 : f32
  %es = tensor.empty() : tensor<f32>
  %is = linalg.fill ins(%zero : f32) outs(%es : tensor<f32>) -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#d, #r], iterator_types = ["reduction"]}
      ins(%2 : tensor<512xf32>) outs(%is : tensor<f32>) {
  ^bb0(%l: f32, %out: f32):
    %p = arith.addf %l, %out : f32
    linalg.yield %p : f32
  } -> tensor<f32>
  return %loss : tensor<f32>
}

// CHECK: pipe.dropout ratio 5.000000e-01 ins(%arg0, %arg1 : tensor<512xf32>, tensor<i64>)
// CHECK: pipe.stage 1 forward @stage_1 inputs [] dropouts [0] parameters []
// CHECK: pipe.stage 2 forward @stage_1 inputs [] dropouts [1] parameters []
