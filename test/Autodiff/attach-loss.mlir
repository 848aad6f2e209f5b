// RUN: bitpipe-opt %s --split-input-file --pipe-attach-loss | FileCheck %s
// RUN: bitpipe-opt %s --split-input-file --pipe-attach-loss=loss=score | FileCheck %s --check-prefix=OWN

// The loss is computed from the logits unless the model's own is asked for.
// What only the other outputs need goes. Ids reach two tables, through a view,
// and may name no row that one of them lacks.

// CHECK: pipe.model @forward inputs ["ids", "weights", "labels"] outputs ["loss"] loss "labels" ignore_index -100 bounds [5, -1, 3]
// OWN: pipe.model @forward inputs ["ids", "weights"] outputs ["score"] loss "microbatches" ignore_index -100 bounds [5, -1]
pipe.model @forward inputs ["ids", "weights"] outputs ["logits", "score"]
pipe.parameter @a : tensor<9x3xf32> trainable file "w" offset 0
pipe.parameter @b : tensor<5x3xf32> trainable file "w" offset 108

// CHECK: func.func @forward(%{{.*}}: tensor<2x2xi64>, %{{.*}}: tensor<2x2x3xf32>, %[[LABELS:.*]]: tensor<2x2xi64>) -> tensor<f32>
// CHECK: %[[LOGITS:.*]] = linalg.generic
// CHECK-NOT: linalg.generic
// CHECK: %[[LOSS:.*]]:2 = pipe.cross_entropy ins(%[[LOGITS]], %[[LABELS]] : tensor<2x2x3xf32>, tensor<2x2xi64>)
// CHECK-SAME: -> tensor<f32>, tensor<2x2xf32>
// CHECK: return %[[LOSS]]#0
// OWN: func.func @forward(%{{.*}}: tensor<2x2xi64>, %{{.*}}: tensor<2x2x3xf32>) -> tensor<f32>
// OWN: %[[SUM:.*]] = linalg.generic
// OWN: %[[SCALAR:.*]] = tensor.collapse_shape {{.*}} : tensor<1xf32> into tensor<f32>
// OWN: return %[[SCALAR]]
func.func @forward(%ids: tensor<2x2xi64>, %weights: tensor<2x2x3xf32>) -> (tensor<2x2x3xf32>, tensor<1xf32>) {
  %a = pipe.get_parameter @a : tensor<9x3xf32>
  %b = pipe.get_parameter @b : tensor<5x3xf32>
  %e = tensor.empty() : tensor<2x2x3xf32>
  %0 = pipe.gather ins(%a, %ids : tensor<9x3xf32>, tensor<2x2xi64>) outs(%e : tensor<2x2x3xf32>) -> tensor<2x2x3xf32>
  %flat = tensor.collapse_shape %ids [[0, 1]] : tensor<2x2xi64> into tensor<4xi64>
  %e1 = tensor.empty() : tensor<4x3xf32>
  %1 = pipe.gather ins(%b, %flat : tensor<5x3xf32>, tensor<4xi64>) outs(%e1 : tensor<4x3xf32>) -> tensor<4x3xf32>
  %2 = tensor.expand_shape %1 [[0, 1], [2]] output_shape [2, 2, 3] : tensor<4x3xf32> into tensor<2x2x3xf32>
  %3 = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j, k)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%0, %2, %weights : tensor<2x2x3xf32>, tensor<2x2x3xf32>, tensor<2x2x3xf32>) outs(%e : tensor<2x2x3xf32>) {
  ^bb0(%x: f32, %y: f32, %w: f32, %o: f32):
    %s = arith.addf %x, %y : f32
    %p = arith.mulf %s, %w : f32
    linalg.yield %p : f32
  } -> tensor<2x2x3xf32>
  %zero = arith.constant dense<0.0> : tensor<1xf32>
  %4 = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (0)>], iterator_types = ["reduction", "reduction", "reduction"]}
      ins(%3 : tensor<2x2x3xf32>) outs(%zero : tensor<1xf32>) {
  ^bb0(%x: f32, %o: f32):
    %s = arith.addf %x, %o : f32
    linalg.yield %s : f32
  } -> tensor<1xf32>
  return %3, %4 : tensor<2x2x3xf32>, tensor<1xf32>
}

// -----

// Without logits a single scalar is the loss.

// CHECK: pipe.model @forward inputs ["x"] outputs ["score"] loss "microbatches" ignore_index -100 bounds [-1]
// CHECK: func.func @forward(%[[X:.*]]: tensor<1xf32>) -> tensor<f32>
// CHECK-NEXT: %[[SCALAR:.*]] = tensor.collapse_shape %[[X]]
// CHECK-NEXT: return %[[SCALAR]]
pipe.model @forward inputs ["x"] outputs ["score"]
func.func @forward(%x: tensor<1xf32>) -> tensor<1xf32> {
  return %x : tensor<1xf32>
}
