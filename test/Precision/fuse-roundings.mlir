// A residual that is read as f32 and saved as bf16 is rounded where it is added up.

// RUN: bitpipe-opt %s --pipe-fuse-roundings | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>
#turned = affine_map<(i, j) -> (j, i)>
#row = affine_map<(i, j) -> (i)>

// CHECK-LABEL: func.func @sum
// CHECK: %[[SUM:.*]]:2 = linalg.generic {{.*}} ins(%arg0, %arg1 : tensor<4x6xf32>, tensor<4x6xbf16>) outs(%{{.*}}, %{{.*}} : tensor<4x6xf32>, tensor<4x6xbf16>)
// CHECK: %[[X:.*]] = arith.addf
// CHECK: %[[R:.*]] = arith.truncf %[[X]] : f32 to bf16
// CHECK: linalg.yield %[[X]], %[[R]] : f32, bf16
// CHECK-NOT: linalg.generic
// CHECK: return %[[SUM]]#0, %[[SUM]]#1
func.func @sum(%a: tensor<4x6xf32>, %b: tensor<4x6xbf16>) -> (tensor<4x6xf32>, tensor<4x6xbf16>) {
  %e = tensor.empty() : tensor<4x6xf32>
  %h = tensor.empty() : tensor<4x6xbf16>
  %x = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%a, %b : tensor<4x6xf32>, tensor<4x6xbf16>) outs(%e : tensor<4x6xf32>) {
  ^bb0(%l: f32, %r: bf16, %o: f32):
    %w = arith.extf %r : bf16 to f32
    %s = arith.addf %l, %w : f32
    linalg.yield %s : f32
  } -> tensor<4x6xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%x : tensor<4x6xf32>) outs(%h : tensor<4x6xbf16>) {
  ^bb0(%l: f32, %o: bf16):
    %s = arith.truncf %l : f32 to bf16
    linalg.yield %s : bf16
  } -> tensor<4x6xbf16>
  return %x, %y : tensor<4x6xf32>, tensor<4x6xbf16>
}

// Neither a sum over a dimension, which is complete only in the end, nor what also turns its
// operand, nor an argument.
// CHECK-LABEL: func.func @others
// CHECK-COUNT-4: linalg.generic
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @others(%a: tensor<4x6xf32>) -> (tensor<4xbf16>, tensor<6x4xbf16>, tensor<4x6xbf16>) {
  %z = arith.constant dense<0.0> : tensor<4xf32>
  %hr = tensor.empty() : tensor<4xbf16>
  %ht = tensor.empty() : tensor<6x4xbf16>
  %h = tensor.empty() : tensor<4x6xbf16>
  %sum = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
    ins(%a : tensor<4x6xf32>) outs(%z : tensor<4xf32>) {
  ^bb0(%l: f32, %o: f32):
    %s = arith.addf %o, %l : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  %x = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
    ins(%sum : tensor<4xf32>) outs(%hr : tensor<4xbf16>) {
  ^bb0(%l: f32, %o: bf16):
    %s = arith.truncf %l : f32 to bf16
    linalg.yield %s : bf16
  } -> tensor<4xbf16>
  %y = linalg.generic {indexing_maps = [#id, #turned], iterator_types = ["parallel", "parallel"]}
    ins(%a : tensor<4x6xf32>) outs(%ht : tensor<6x4xbf16>) {
  ^bb0(%l: f32, %o: bf16):
    %s = arith.truncf %l : f32 to bf16
    linalg.yield %s : bf16
  } -> tensor<6x4xbf16>
  %w = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%a : tensor<4x6xf32>) outs(%h : tensor<4x6xbf16>) {
  ^bb0(%l: f32, %o: bf16):
    %s = arith.truncf %l : f32 to bf16
    linalg.yield %s : bf16
  } -> tensor<4x6xbf16>
  return %x, %y, %w : tensor<4xbf16>, tensor<6x4xbf16>, tensor<4x6xbf16>
}
