// RUN: bitpipe-opt %s --split-input-file --pipe-differentiate | FileCheck %s

// A linear layer: both gradients are contractions with the maps swapped. The
// weight's and the bias's add to the sums so far.

#id = affine_map<(i, j) -> (i, j)>
#bias = affine_map<(i, j) -> (j)>
#x = affine_map<(i, j, k) -> (i, k)>
#w = affine_map<(i, j, k) -> (k, j)>
#y = affine_map<(i, j, k) -> (i, j)>

pipe.parameter @w : tensor<6x5xf32> trainable file "w" offset 0
pipe.parameter @b : tensor<5xf32> trainable file "w" offset 120

// CHECK-DAG: #[[IK:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[KJ:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-DAG: #[[IJ:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>

// CHECK-LABEL: func.func @linear(
// CHECK-SAME: %[[X:.*]]: tensor<4x6xf32>, %{{.*}}: tensor<6x5xf32>, %{{.*}}: tensor<5xf32>)
// CHECK-SAME: -> (tensor<4x5xf32>, tensor<4x6xf32>)
// CHECK: return %{{.*}}, %[[X]]

// CHECK-LABEL: func.func @linear_input_gradient(
// CHECK-SAME: %[[DY:.*]]: tensor<4x5xf32>, %[[X:.*]]: tensor<4x6xf32>, %[[W:.*]]: tensor<6x5xf32>, %{{.*}}: tensor<5xf32>)
// CHECK: %[[ZERO:.*]] = linalg.fill
// CHECK: %[[DX:.*]] = linalg.generic {indexing_maps = [#[[KJ]], #[[IJ]], #[[IK]]],
// CHECK-SAME: iterator_types = ["parallel", "reduction", "parallel"]}
// CHECK-SAME: ins(%[[W]], %[[DY]] : {{.*}}) outs(%[[ZERO]]
// CHECK: return %[[DX]], %[[X]], %[[DY]]

// CHECK-LABEL: func.func @linear_weight_gradient(
// CHECK-SAME: %[[X:.*]]: tensor<4x6xf32>, %[[DY:.*]]: tensor<4x5xf32>, %[[GW:.*]]: tensor<6x5xf32>, %[[GB:.*]]: tensor<5xf32>)
// CHECK: %[[DW:.*]] = linalg.generic {indexing_maps = [#[[IK]], #[[IJ]], #[[KJ]]],
// CHECK-SAME: ins(%[[X]], %[[DY]] : {{.*}}) outs(%[[GW]]
// CHECK: %[[DB:.*]] = linalg.generic
// CHECK-SAME: ins(%[[DY]] : {{.*}}) outs(%[[GB]]
// CHECK: return %[[DW]], %[[DB]]
func.func @linear(%x: tensor<4x6xf32>, %w: tensor<6x5xf32>, %b: tensor<5xf32>) -> tensor<4x5xf32> {
  %e = tensor.empty() : tensor<4x5xf32>
  %0 = linalg.generic {indexing_maps = [#bias, #id], iterator_types = ["parallel", "parallel"]}
      ins(%b : tensor<5xf32>) outs(%e : tensor<4x5xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<4x5xf32>
  %1 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<4x6xf32>, tensor<6x5xf32>) outs(%0 : tensor<4x5xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x5xf32>
  return %1 : tensor<4x5xf32>
}

// CHECK: pipe.stage 0 forward @linear input_gradient @linear_input_gradient weight_gradient @linear_weight_gradient
// CHECK-SAME: cost [3.000000e+00, 5.000000e+00, 7.000000e+00]
pipe.stage 0 forward @linear inputs [] parameters [@w, @b] carried_in [true] carried_out [true] cost [3.0, 5.0, 7.0]

// -----

// An elementwise chain: one operation that computes tanh again from the
// chain's input. The broadcast factor's gradient is a sum into its destination.

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (j)>
pipe.parameter @s : tensor<3xf32> trainable file "w" offset 0

// CHECK-LABEL: func.func @chain_input_gradient(
// CHECK-SAME: %[[DY:.*]]: tensor<4x3xf32>, %[[X:.*]]: tensor<4x3xf32>, %[[S:.*]]: tensor<3xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>)
// CHECK: %[[DX:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} ins(%[[X]], %[[S]], %[[DY]]
// CHECK-NEXT: ^bb0(%[[XI:.*]]: f32, %[[SI:.*]]: f32, %[[DYI:.*]]: f32, %{{.*}}: f32)
// CHECK: %[[TANH:.*]] = math.tanh %[[XI]]
// CHECK: %[[G:.*]] = arith.mulf %[[DYI]], %[[SI]]
// CHECK: %[[SQUARE:.*]] = arith.mulf %[[TANH]], %[[TANH]]
// CHECK: %[[SLOPE:.*]] = arith.subf %{{.*}}, %[[SQUARE]]
// CHECK: %[[R:.*]] = arith.mulf %[[G]], %[[SLOPE]]
// CHECK: linalg.yield %[[R]]
// CHECK-NOT: linalg.generic
// CHECK: return %[[DX]], %[[X]], %[[DY]]

// CHECK-LABEL: func.func @chain_weight_gradient(
// CHECK-SAME: %[[X:.*]]: tensor<4x3xf32>, %[[DY:.*]]: tensor<4x3xf32>, %[[SUM:.*]]: tensor<3xf32>)
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]} ins(%[[X]], %[[DY]] : {{.*}}) outs(%[[SUM]]
// CHECK: math.tanh
func.func @chain(%x: tensor<4x3xf32>, %s: tensor<3xf32>) -> tensor<4x3xf32> {
  %e = tensor.empty() : tensor<4x3xf32>
  %0 = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : tensor<4x3xf32>, tensor<3xf32>) outs(%e : tensor<4x3xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %t = math.tanh %a : f32
    %p = arith.mulf %t, %b : f32
    linalg.yield %p : f32
  } -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}
pipe.stage 0 forward @chain inputs [] parameters [@s] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// Three pieces that make up their source: one concatenation of gradients, with
// zeros for the piece that no gradient reaches. The pieces themselves are cut
// again from what is saved.

#id = affine_map<(i, j) -> (i, j)>

// CHECK-LABEL: func.func @split(
// CHECK-SAME: %[[X:.*]]: tensor<2x6xf32>) -> (tensor<2x2xf32>, tensor<2x6xf32>)
// CHECK-LABEL: func.func @split_input_gradient(
// CHECK-SAME: %[[DY:.*]]: tensor<2x2xf32>, %[[X:.*]]: tensor<2x6xf32>) -> tensor<2x6xf32>
// CHECK-DAG: %[[A:.*]] = tensor.extract_slice %[[X]][0, 0] [2, 2] [1, 1]
// CHECK-DAG: %[[B:.*]] = tensor.extract_slice %[[X]][0, 2] [2, 2] [1, 1]
// CHECK: %[[G:.*]]:2 = linalg.generic {{.*}} ins(%[[A]], %[[B]], %[[DY]]
// CHECK: %[[ZERO:.*]] = linalg.fill
// CHECK: %[[DX:.*]] = tensor.concat dim(1) %[[G]]#0, %[[G]]#1, %[[ZERO]]
// CHECK: return %[[DX]]
func.func @split(%x: tensor<2x6xf32>) -> tensor<2x2xf32> {
  %a = tensor.extract_slice %x[0, 0] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
  %b = tensor.extract_slice %x[0, 2] [2, 2] [1, 1] : tensor<2x6xf32> to tensor<2x2xf32>
  %e = tensor.empty() : tensor<2x2xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a, %b : tensor<2x2xf32>, tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    linalg.yield %m : f32
  } -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}
pipe.stage 0 forward @split inputs [] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// Operations with a gradient of their own, from table to loss. The first stage
// hands no gradient on, but the chain down to the table belongs to the input
// gradient all the same.

pipe.parameter @table : tensor<9x5xf32> trainable file "w" offset 0
pipe.parameter @w : tensor<5xf32> trainable file "w" offset 180
pipe.parameter @b : tensor<5xf32> trainable file "w" offset 200

// CHECK-LABEL: func.func @whole(
// CHECK-SAME: %[[IDS:.*]]: tensor<4xi64>, %[[LABELS:.*]]: tensor<4xi64>,
// CHECK: %[[ROWS:.*]] = pipe.gather
// CHECK: %[[N:.*]]:3 = pipe.layer_norm
// CHECK: %[[P:.*]] = pipe.softmax
// CHECK: %[[LOSS:.*]]:2 = pipe.cross_entropy
// CHECK: return %[[LOSS]]#0, %[[P]], %[[LABELS]], %[[LOSS]]#1, %[[ROWS]], %[[N]]#1, %[[N]]#2, %[[IDS]]
// CHECK-LABEL: func.func @whole_input_gradient(
// CHECK: %[[DP:.*]] = pipe.cross_entropy_grad ignore_index -1 ins(%arg0, %[[P:.*]], %{{.*}}, %{{.*}} : tensor<f32>,
// CHECK: %[[DN:.*]] = pipe.softmax_grad scale 5.000000e-01 ins(%[[DP]], %[[P]]
// CHECK: %[[DROWS:.*]] = pipe.layer_norm_grad_input ins(%[[DN]]
// CHECK: return %[[DN]], {{.*}}, %[[DROWS]], %{{.*}} :
// CHECK-LABEL: func.func @whole_weight_gradient(
// CHECK-SAME: %[[TABLE:[^:]*]]: tensor<9x5xf32>, %[[W:[^:]*]]: tensor<5xf32>, %[[B:[^:]*]]: tensor<5xf32>)
// CHECK: %[[DWB:.*]]:2 = pipe.layer_norm_grad_params {{.*}} outs(%[[W]], %[[B]]
// CHECK: %[[DTABLE:.*]] = pipe.gather_grad {{.*}} outs(%[[TABLE]]
// CHECK: return %[[DTABLE]], %[[DWB]]#0, %[[DWB]]#1
func.func @whole(%ids: tensor<4xi64>, %labels: tensor<4xi64>, %table: tensor<9x5xf32>, %w: tensor<5xf32>, %b: tensor<5xf32>) -> tensor<f32> {
  %e = tensor.empty() : tensor<4x5xf32>
  %e1 = tensor.empty() : tensor<4xf32>
  %e0 = tensor.empty() : tensor<f32>
  %rows = pipe.gather ins(%table, %ids : tensor<9x5xf32>, tensor<4xi64>) outs(%e : tensor<4x5xf32>) -> tensor<4x5xf32>
  %n, %mean, %rstd = pipe.layer_norm epsilon 1.0e-5 ins(%rows, %w, %b : tensor<4x5xf32>, tensor<5xf32>, tensor<5xf32>)
      outs(%e, %e1, %e1 : tensor<4x5xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4x5xf32>, tensor<4xf32>, tensor<4xf32>
  %p = pipe.softmax scale 0.5 ins(%n : tensor<4x5xf32>) outs(%e : tensor<4x5xf32>) -> tensor<4x5xf32>
  %loss, %lse = pipe.cross_entropy ignore_index -1 ins(%p, %labels : tensor<4x5xf32>, tensor<4xi64>)
      outs(%e0, %e1 : tensor<f32>, tensor<4xf32>) -> tensor<f32>, tensor<4xf32>
  return %loss : tensor<f32>
}
pipe.stage 0 forward @whole inputs ["ids", "labels"] parameters [@table, @w, @b] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// Several uses of one value: the residual's gradient is what the contraction
// adds to, and a parameter used twice accumulates twice into one sum.

#x = affine_map<(i, j, k) -> (i, k)>
#w = affine_map<(i, j, k) -> (k, j)>
#y = affine_map<(i, j, k) -> (i, j)>
pipe.parameter @w : tensor<4x4xf32> trainable file "w" offset 0

// CHECK-LABEL: func.func @residual_input_gradient(
// CHECK-SAME: %[[DY:.*]]: tensor<3x4xf32>, %{{.*}}: tensor<3x4xf32>, %[[X:.*]]: tensor<3x4xf32>, %[[W:.*]]: tensor<4x4xf32>)
// CHECK-NOT: linalg.fill
// CHECK: %[[DH:.*]] = linalg.generic {{.*}} ins(%[[W]], %[[DY]] : {{.*}}) outs(%[[DY]]
// CHECK: %[[DX:.*]] = linalg.generic {{.*}} ins(%[[W]], %[[DH]] : {{.*}}) outs(%[[DH]]
// CHECK: return %[[DX]],
// CHECK-LABEL: func.func @residual_weight_gradient(
// CHECK-SAME: %[[SUM:[^:]*]]: tensor<4x4xf32>) -> tensor<4x4xf32>
// CHECK: %[[FIRST:.*]] = linalg.generic {{.*}} outs(%[[SUM]]
// CHECK: %[[SECOND:.*]] = linalg.generic {{.*}} outs(%[[FIRST]]
// CHECK: return %[[SECOND]]
func.func @residual(%x: tensor<3x4xf32>, %w: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<3x4xf32>, tensor<4x4xf32>) outs(%x : tensor<3x4xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<3x4xf32>
  %1 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%0, %w : tensor<3x4xf32>, tensor<4x4xf32>) outs(%0 : tensor<3x4xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<3x4xf32>
  return %1 : tensor<3x4xf32>
}
pipe.stage 0 forward @residual inputs [] parameters [@w] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// Stages that are equal share functions. One with a frozen parameter gets its
// own, in which nothing is computed or saved for it.

#id = affine_map<(i) -> (i)>
pipe.parameter @a : tensor<4xf32> trainable file "w" offset 0
pipe.parameter @b : tensor<4xf32> trainable file "w" offset 16
pipe.parameter @c : tensor<4xf32> file "w" offset 32

// CHECK: func.func @scale(%{{.*}}) -> (tensor<4xf32>, tensor<4xf32>)
// CHECK: func.func @scale_weight_gradient(%{{.*}}: tensor<4xf32>, %{{.*}}: tensor<4xf32>, %{{.*}}: tensor<4xf32>) -> tensor<4xf32>
// CHECK: func.func @[[OWN:scale_[0-9]+]](%{{.*}}) -> tensor<4xf32>
// CHECK: func.func @[[OWNI:scale_input_gradient_[0-9]+]](%{{.*}}) -> tensor<4xf32>
// CHECK: func.func @[[OWNW:scale_weight_gradient_[0-9]+]]() {
// CHECK: pipe.stage 0 forward @scale input_gradient @scale_input_gradient weight_gradient @scale_weight_gradient inputs [] parameters [@a]
// CHECK: pipe.stage 1 forward @[[OWN]] input_gradient @[[OWNI]] weight_gradient @[[OWNW]] inputs [] parameters [@c]
// CHECK: pipe.stage 2 forward @scale input_gradient @scale_input_gradient weight_gradient @scale_weight_gradient inputs [] parameters [@b]
func.func @scale(%x: tensor<4xf32>, %s: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %s : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
pipe.stage 0 forward @scale inputs [] parameters [@a] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.stage 1 forward @scale inputs [] parameters [@c] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.stage 2 forward @scale inputs [] parameters [@b] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]

// -----

// A dropout's gradient is the same dropout on dy: the key is handed on, the mask
// is not saved.

pipe.parameter @w : tensor<4x8xf32> trainable file "w" offset 0
// CHECK-LABEL: func.func @dropped(
// CHECK-SAME: %{{.*}}: tensor<4x8xf32>, %[[KEY:.*]]: tensor<i64>, %{{.*}}: tensor<4x8xf32>)
// CHECK-SAME: -> (tensor<4x8xf32>, tensor<i64>, tensor<4x8xf32>)
// CHECK-LABEL: func.func @dropped_input_gradient(
// CHECK-SAME: %[[DY:[^:]*]]: tensor<4x8xf32>, %[[KEY:[^:]*]]: tensor<i64>,
// CHECK: pipe.dropout ratio 2.500000e-01 ins(%[[DY]], %[[KEY]] :
func.func @dropped(%x: tensor<4x8xf32>, %key: tensor<i64>, %w: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %w : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4x8xf32>
  %1 = pipe.dropout ratio 0.25 ins(%0, %key : tensor<4x8xf32>, tensor<i64>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
pipe.stage 0 forward @dropped inputs [] dropouts [5] parameters [@w] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
