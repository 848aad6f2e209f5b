// RUN: bitpipe-opt %s --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" | FileCheck %s

// CHECK-LABEL: func.func @softmax
// CHECK-SAME: %[[X:.*]]: memref<4x8xf32>
// CHECK: %[[Y:.*]] = memref.alloc
// CHECK: pipe.softmax scale 5.000000e-01 causal ins(%[[X]] : memref<4x8xf32>) outs(%[[Y]] : memref<4x8xf32>)
// CHECK: return %[[Y]]
func.func @softmax(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %y = pipe.softmax scale 0.5 causal ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// What an operation overwrites needs no copy, what it adds to does.
// CHECK-LABEL: func.func @destinations
// CHECK-SAME: %{{.*}}: memref<4x8xf32>, %{{.*}}: memref<4xi64>, %[[T:.*]]: memref<9x8xf32>
// CHECK: %[[SUM:.*]] = memref.alloc() {{.*}} : memref<9x8xf32>
// CHECK: memref.copy %[[T]], %[[SUM]]
// CHECK: pipe.gather_grad {{.*}} outs(%[[SUM]]
// CHECK: pipe.gather ins(%[[T]]
// CHECK-NOT: memref.copy
func.func @destinations(%dy: tensor<4x8xf32>, %ids: tensor<4xi64>, %t: tensor<9x8xf32>) -> (tensor<9x8xf32>, tensor<4x8xf32>) {
  %s = pipe.gather_grad ins(%dy, %ids : tensor<4x8xf32>, tensor<4xi64>) outs(%t : tensor<9x8xf32>) -> tensor<9x8xf32>
  %g = pipe.gather ins(%t, %ids : tensor<9x8xf32>, tensor<4xi64>) outs(%dy : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %s, %g : tensor<9x8xf32>, tensor<4x8xf32>
}
