// RUN: bitpipe-opt %s --pipe-chunk-loss=bytes=51200 --canonicalize --cse | FileCheck %s

// 300 rows of 50 classes in f32 are 60000 bytes: two chunks of 150 rows. The
// logits of a chunk are made once; the weight's gradient goes through both.
// CHECK-LABEL: func.func @gradient
// CHECK-SAME: %[[DLOSS:.*]]: tensor<f32>, %[[X:.*]]: tensor<2x150x8xf32>, %[[W:.*]]: tensor<50x8xf32>, %[[LABELS:.*]]: tensor<2x150xi64>, %[[SUM:.*]]: tensor<50x8xf32>
// CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[X]] {{.*}} into tensor<300x8xf32>
// CHECK: tensor.extract_slice %[[ROWS]][0, 0] [150, 8] [1, 1]
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<150x50xf32>)
// CHECK: pipe.cross_entropy ins
// CHECK: pipe.cross_entropy_grad ins
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<150x8xf32>)
// CHECK: %[[FIRST:.*]] = linalg.generic {{.*}} outs(%[[SUM]] : tensor<50x8xf32>)
// CHECK: tensor.extract_slice %[[ROWS]][150, 0] [150, 8] [1, 1]
// CHECK: pipe.cross_entropy_grad ins
// CHECK: linalg.generic {{.*}} outs(%[[FIRST]] : tensor<50x8xf32>)
// CHECK: tensor.concat dim(0)
// CHECK-NOT: pipe.linear_cross_entropy
func.func @gradient(%dloss: tensor<f32>, %x: tensor<2x150x8xf32>, %w: tensor<50x8xf32>, %labels: tensor<2x150xi64>, %sum: tensor<50x8xf32>) -> (tensor<f32>, tensor<2x150x8xf32>, tensor<50x8xf32>) {
  %loss = tensor.empty() : tensor<f32>
  %dx = tensor.empty() : tensor<2x150x8xf32>
  %0:3 = pipe.linear_cross_entropy_grad ins(%dloss, %x, %w, %labels : tensor<f32>, tensor<2x150x8xf32>, tensor<50x8xf32>, tensor<2x150xi64>)
    outs(%loss, %dx, %sum : tensor<f32>, tensor<2x150x8xf32>, tensor<50x8xf32>) -> tensor<f32>, tensor<2x150x8xf32>, tensor<50x8xf32>
  return %0#0, %0#1, %0#2 : tensor<f32>, tensor<2x150x8xf32>, tensor<50x8xf32>
}

// CHECK-LABEL: func.func @value
// CHECK: pipe.cross_entropy ins({{.*}} : tensor<4x50xf32>, tensor<4xi64>)
// CHECK-NOT: pipe.cross_entropy
func.func @value(%x: tensor<4x8xf32>, %w: tensor<8x50xf32>, %bias: tensor<50xf32>, %labels: tensor<4xi64>) -> tensor<f32> {
  %sum = tensor.empty() : tensor<f32>
  %loss = pipe.linear_cross_entropy transposed ins(%x, %w, %labels, %bias : tensor<4x8xf32>, tensor<8x50xf32>, tensor<4xi64>, tensor<50xf32>) outs(%sum : tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// However many rows there are, the program stays short.
// CHECK-LABEL: func.func @many_rows
// CHECK-COUNT-64: pipe.cross_entropy ins
// CHECK-NOT: pipe.cross_entropy ins
func.func @many_rows(%x: tensor<1000000x8xf32>, %w: tensor<50x8xf32>, %labels: tensor<1000000xi64>) -> tensor<f32> {
  %sum = tensor.empty() : tensor<f32>
  %loss = pipe.linear_cross_entropy ins(%x, %w, %labels : tensor<1000000x8xf32>, tensor<50x8xf32>, tensor<1000000xi64>) outs(%sum : tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}
