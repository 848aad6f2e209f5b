// RUN: bitpipe-opt %s | bitpipe-opt | FileCheck %s

// 4 query heads over 2 heads of keys and values, 3 rows over 5 columns.

// CHECK-LABEL: func.func @plain
// CHECK: pipe.attention ins(
func.func @plain(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>,
                 %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32> {
  %0, %1 = pipe.attention ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>)
    outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return %0 : tensor<2x3x4x6xf32>
}

// CHECK-LABEL: func.func @all
// CHECK: pipe.attention scale 2.500000e-01 left 7 right 0 softcap 5.000000e+01 bias dropout 1.000000e-01 ins(
// CHECK: pipe.attention_grad scale 2.500000e-01 left 7 right 0 softcap 5.000000e+01 bias dropout 1.000000e-01 ins(
func.func @all(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>,
               %bias: tensor<1x4x1x5xf32>, %key: tensor<i64>, %o: tensor<2x3x4x6xf32>,
               %lse: tensor<2x4x3xf32>) -> tensor<1x4x1x5xf32> {
  %0, %1 = pipe.attention scale 0.25 left 7 right 0 softcap 50.0 bias dropout 0.1
    ins(%q, %k, %v, %bias, %key : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x1x5xf32>, tensor<i64>)
    outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  %2:4 = pipe.attention_grad scale 0.25 left 7 right 0 softcap 50.0 bias dropout 0.1
    ins(%o, %q, %k, %v, %0, %1, %bias, %key : tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x3xf32>, tensor<1x4x1x5xf32>, tensor<i64>)
    outs(%q, %k, %v, %bias : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x1x5xf32>)
    -> tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x1x5xf32>
  return %2#3 : tensor<1x4x1x5xf32>
}

// Without the gradient of its bias, and on buffers that are strided.

// CHECK-LABEL: func.func @buffers
// CHECK: pipe.attention_grad bias ins(
func.func @buffers(%do: memref<2x3x4x6xf32>, %q: memref<2x3x4x8xf32, strided<[96, 32, 8, 1]>>,
                   %k: memref<2x5x2x8xf32>, %v: memref<2x5x2x6xf32>, %lse: memref<2x4x3xf32>,
                   %bias: memref<1x1x3x5xf32>) {
  pipe.attention_grad bias ins(%do, %q, %k, %v, %do, %lse, %bias : memref<2x3x4x6xf32>, memref<2x3x4x8xf32, strided<[96, 32, 8, 1]>>, memref<2x5x2x8xf32>, memref<2x5x2x6xf32>, memref<2x3x4x6xf32>, memref<2x4x3xf32>, memref<1x1x3x5xf32>)
    outs(%q, %k, %v : memref<2x3x4x8xf32, strided<[96, 32, 8, 1]>>, memref<2x5x2x8xf32>, memref<2x5x2x6xf32>)
  return
}
