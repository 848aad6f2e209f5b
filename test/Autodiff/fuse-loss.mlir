// RUN: bitpipe-opt %s --pipe-fuse-loss --split-input-file 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=SAID --input-file=%t.err

#x = affine_map<(r, c, k) -> (r, k)>
#w = affine_map<(r, c, k) -> (c, k)>
#wt = affine_map<(r, c, k) -> (k, c)>
#y = affine_map<(r, c, k) -> (r, c)>
#row = affine_map<(r, c) -> (c)>
#all = affine_map<(r, c) -> (r, c)>

// CHECK-LABEL: func.func @plain
// CHECK: %[[LOSS:.*]] = pipe.linear_cross_entropy ins(%arg0, %arg1, %arg2 : tensor<4x8xf32>, tensor<50x8xf32>, tensor<4xi64>)
// CHECK: return %[[LOSS]]
// CHECK-NOT: pipe.cross_entropy
func.func @plain(%x: tensor<4x8xf32>, %w: tensor<50x8xf32>, %labels: tensor<4xi64>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4x50xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x50xf32>) -> tensor<4x50xf32>
  %logits = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<4x8xf32>, tensor<50x8xf32>) outs(%fill : tensor<4x50xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %s, %p : f32
    linalg.yield %t : f32
  } -> tensor<4x50xf32>
  %sum = tensor.empty() : tensor<f32>
  %rows = tensor.empty() : tensor<4xf32>
  %loss, %lse = pipe.cross_entropy ins(%logits, %labels : tensor<4x50xf32>, tensor<4xi64>) outs(%sum, %rows : tensor<f32>, tensor<4xf32>) -> tensor<f32>, tensor<4xf32>
  return %loss : tensor<f32>
}

// CHECK-LABEL: func.func @with_bias
// CHECK: pipe.linear_cross_entropy transposed ignore_index 0 ins(%arg0, %arg1, %arg3, %arg2 :
func.func @with_bias(%x: tensor<4x8xf32>, %w: tensor<8x50xf32>, %bias: tensor<50xf32>, %labels: tensor<4xi64>) -> tensor<f32> {
  %empty = tensor.empty() : tensor<4x50xf32>
  %start = linalg.generic {indexing_maps = [#row, #all], iterator_types = ["parallel", "parallel"]}
    ins(%bias : tensor<50xf32>) outs(%empty : tensor<4x50xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<4x50xf32>
  %logits = linalg.generic {indexing_maps = [#wt, #x, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%w, %x : tensor<8x50xf32>, tensor<4x8xf32>) outs(%start : tensor<4x50xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %s, %p : f32
    linalg.yield %t : f32
  } -> tensor<4x50xf32>
  %sum = tensor.empty() : tensor<f32>
  %rows = tensor.empty() : tensor<4xf32>
  %loss, %lse = pipe.cross_entropy ignore_index 0 ins(%logits, %labels : tensor<4x50xf32>, tensor<4xi64>) outs(%sum, %rows : tensor<f32>, tensor<4xf32>) -> tensor<f32>, tensor<4xf32>
  return %loss : tensor<f32>
}

// CHECK-LABEL: func.func @of_something_else
// CHECK: pipe.cross_entropy
// SAID: remark: all logits of a micro-batch are in memory at once: they are not the product of rows with a matrix
func.func @of_something_else(%logits: tensor<4x50xf32>, %labels: tensor<4xi64>) -> tensor<f32> {
  %sum = tensor.empty() : tensor<f32>
  %rows = tensor.empty() : tensor<4xf32>
  %loss, %lse = pipe.cross_entropy ins(%logits, %labels : tensor<4x50xf32>, tensor<4xi64>) outs(%sum, %rows : tensor<f32>, tensor<4xf32>) -> tensor<f32>, tensor<4xf32>
  return %loss : tensor<f32>
}
