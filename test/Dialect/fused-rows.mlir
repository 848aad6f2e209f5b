// RUN: bitpipe-opt %s | bitpipe-opt | FileCheck %s

#all = affine_map<(d0, d1) -> (d0, d1)>

// CHECK-LABEL: func.func @on_tensors
// CHECK: pipe.fused_rows ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<i64>, tensor<4x8xf32>) outs(%{{.*}} : tensor<4x8xbf16>) {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<4x8xf32>, %{{.*}}: tensor<i64>, %{{.*}}: tensor<4x8xf32>):
// CHECK: pipe.yield %{{.*}} : tensor<4x8xbf16>
// CHECK-NEXT: } -> tensor<4x8xbf16>
func.func @on_tensors(%x: tensor<4x8xf32>, %key: tensor<i64>, %y: tensor<4x8xf32>, %h: tensor<4x8xbf16>) -> tensor<4x8xbf16> {
  %0 = pipe.fused_rows ins(%x, %key, %y : tensor<4x8xf32>, tensor<i64>, tensor<4x8xf32>) outs(%h : tensor<4x8xbf16>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<i64>, %b: tensor<4x8xf32>):
    %e = tensor.empty() : tensor<4x8xf32>
    %f = tensor.empty() : tensor<4x8xbf16>
    %d = pipe.dropout ratio 0.5 ins(%a, %k : tensor<4x8xf32>, tensor<i64>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %d : tensor<4x8xf32>, tensor<4x8xf32>) outs(%f : tensor<4x8xbf16>) {
    ^bb0(%0: f32, %1: f32, %2: bf16):
      %3 = arith.addf %0, %1 : f32
      %4 = arith.truncf %3 : f32 to bf16
      linalg.yield %4 : bf16
    } -> tensor<4x8xbf16>
    pipe.yield %s : tensor<4x8xbf16>
  } -> tensor<4x8xbf16>
  return %0 : tensor<4x8xbf16>
}

// CHECK-LABEL: func.func @on_buffers
// CHECK: pipe.fused_rows ins(%{{.*}}, %{{.*}} : memref<4x8xf32>, memref<i64>) outs(%{{.*}} : memref<4x8xf32>) {
// CHECK: pipe.yield
// CHECK-NEXT: }
// CHECK-NEXT: return
func.func @on_buffers(%x: memref<4x8xf32>, %key: memref<i64>) {
  pipe.fused_rows ins(%x, %key : memref<4x8xf32>, memref<i64>) outs(%x : memref<4x8xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<i64>):
    %e = tensor.empty() : tensor<4x8xf32>
    %d = pipe.dropout ratio 0.5 ins(%a, %k : tensor<4x8xf32>, tensor<i64>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    pipe.yield %d : tensor<4x8xf32>
  }
  return
}
