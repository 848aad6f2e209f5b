// RUN: bitpipe-opt %s --split-input-file --pipe-compute-to-loops --cse | FileCheck %s

// A row is walked three times; 84 columns are four vectors at once, one more and
// four elements under a mask. Reductions keep four vectors.
// CHECK-LABEL: func.func @softmax
// CHECK-NOT: pipe.softmax
// CHECK: scf.for
// CHECK: scf.for {{.*}} = %c0 to %c64 step %c64 iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK-COUNT-4: arith.maximumf
// CHECK: scf.for {{.*}} = %c64 to %c80 step %c16
// CHECK: scf.for {{.*}} = %c80 to %c84 step %c16
// CHECK: vector.create_mask
// CHECK: vector.maskedload
// CHECK: vector.reduction <maximumf>
// CHECK: math.exp {{.*}} : vector<16xf32>
// CHECK: vector.reduction <add>
// CHECK: vector.store
func.func @softmax(%x: memref<4x84xf32>, %y: memref<4x84xf32>) {
  pipe.softmax ins(%x : memref<4x84xf32>) outs(%y : memref<4x84xf32>)
  return
}

// -----

// Row r of a causal softmax has r + 13 columns; the rest is cleared.
// CHECK-LABEL: func.func @causal
// CHECK: scf.for %[[ROW:.*]] =
// CHECK: %[[END:.*]] = arith.addi %[[ROW]], %c13
// CHECK: scf.for %[[COLUMN:.*]] = {{.*}} to %c16
// CHECK-NEXT: memref.store %{{.*}}[%[[ROW]], %[[COLUMN]]]
func.func @causal(%x: memref<4x16xf64>, %y: memref<4x16xf64>) {
  pipe.softmax causal ins(%x : memref<4x16xf64>) outs(%y : memref<4x16xf64>)
  return
}

// -----

// Columns that are not contiguous are walked one by one.
// CHECK-LABEL: func.func @scattered
// CHECK-NOT: vector
// CHECK: memref.load
func.func @scattered(%x: memref<4x16xf32, strided<[1, 4]>>, %y: memref<4x16xf32>) {
  pipe.softmax ins(%x : memref<4x16xf32, strided<[1, 4]>>) outs(%y : memref<4x16xf32>)
  return
}

// -----

// Eight rows are added to the sums at a time, then two one by one.
// CHECK-LABEL: func.func @params
// CHECK: scf.for {{.*}} to %c8 step %c8
// CHECK: scf.for {{.*}} to %c32
// CHECK: vector.load %arg4
// CHECK: vector.load %arg5
// CHECK-COUNT-16: vector.load
// CHECK: vector.store {{.*}}, %arg4
// CHECK: vector.store {{.*}}, %arg5
// CHECK: scf.for {{.*}} = %c8 to %c10 step %c1
func.func @params(%dy: memref<10x32xf32>, %x: memref<10x32xf32>, %m: memref<10xf32>,
                  %r: memref<10xf32>, %dw: memref<32xf32>, %db: memref<32xf32>) {
  pipe.layer_norm_grad_params ins(%dy, %x, %m, %r : memref<10x32xf32>, memref<10x32xf32>, memref<10xf32>, memref<10xf32>)
      outs(%dw, %db : memref<32xf32>, memref<32xf32>)
  return
}

// -----

// The loss is summed in f64.
// CHECK-LABEL: func.func @loss
// CHECK: memref.alloca() : memref<f64>
// CHECK: %[[INSIDE:.*]] = arith.cmpi ult, %[[LABEL:.*]], %c16
// CHECK: %[[IGNORED:.*]] = arith.cmpi eq, %[[LABEL]], %c-1
// CHECK: memref.atomic_rmw addi
// CHECK: arith.select %[[IGNORED]], %false, %[[INSIDE]]
// CHECK: arith.truncf {{.*}} : f64 to f32
func.func @loss(%x: memref<4x16xf32>, %l: memref<4xi32>, %loss: memref<f32>, %lse: memref<4xf32>) {
  pipe.cross_entropy ignore_index -1 ins(%x, %l : memref<4x16xf32>, memref<4xi32>)
      outs(%loss, %lse : memref<f32>, memref<4xf32>)
  return
}

// -----

// Every lane hashes the position of its element; 20 columns are a vector and four
// elements under a mask. What is dropped is multiplied, too.
// CHECK-LABEL: func.func @dropout
// CHECK-NOT: pipe.dropout
// CHECK: %[[KEY:.*]] = memref.load %{{.*}}[] : memref<i64>
// CHECK-DAG: arith.trunci %[[KEY]] : i64 to i32
// CHECK-DAG: arith.shrui %[[KEY]], %{{.*}} : i64
// CHECK: scf.for
// CHECK: arith.muli %{{.*}}, %c20
// CHECK: scf.for
// CHECK: vector.load
// CHECK: arith.addi %{{.*}} : vector<16xi32>
// CHECK-COUNT-4: arith.muli %{{.*}} : vector<16xi32>
// CHECK: arith.cmpi uge, {{.*}} : vector<16xi32>
// CHECK: arith.select
// CHECK: arith.mulf
// CHECK: vector.store
// CHECK: scf.for
// CHECK: vector.maskedload
func.func @dropout(%x: memref<3x20xf32>, %key: memref<i64>, %y: memref<3x20xf32>) {
  pipe.dropout ratio 0.5 ins(%x, %key : memref<3x20xf32>, memref<i64>) outs(%y : memref<3x20xf32>)
  return
}
