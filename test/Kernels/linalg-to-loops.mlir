// RUN: bitpipe-opt %s --split-input-file --pipe-linalg-to-loops --cse | FileCheck %s

#id = affine_map<(i, j, k) -> (i, j, k)>

// Three dimensions that all operands walk in order are one loop.
// CHECK-LABEL: func.func @elementwise
// CHECK: memref.reinterpret_cast %arg0 {{.*}} to memref<256xf32>
// CHECK: scf.for {{.*}} = %c0 to %c256 step %c16
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK: math.tanh {{.*}} : vector<16xf32>
// CHECK: vector.store
// CHECK-NOT: scf.for
// CHECK: return
func.func @elementwise(%x: memref<2x4x32xf32>, %y: memref<2x4x32xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<2x4x32xf32>) outs(%y : memref<2x4x32xf32>) {
  ^bb0(%a: f32, %out: f32):
    %t = math.tanh %a : f32
    linalg.yield %t : f32
  }
  return
}

// -----

#id = affine_map<(i, j, k) -> (i, j, k)>
#row = affine_map<(i, j, k) -> (i, j)>
#column = affine_map<(i, j, k) -> (k)>

// What is constant along the innermost loop is computed once, on scalars.
// CHECK-LABEL: func.func @broadcast
// CHECK: scf.for {{.*}} = %c0 to %c8 step %c1
// CHECK: memref.load {{.*}} : memref<8xf32>
// CHECK: scf.for {{.*}} = %c0 to %c32 step %c16
// CHECK: math.exp {{.*}} : f32
// CHECK: vector.broadcast
func.func @broadcast(%x: memref<2x4x32xf32>, %r: memref<2x4xf32>, %c: memref<32xf32>) {
  linalg.generic {indexing_maps = [#row, #column, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%r, %c : memref<2x4xf32>, memref<32xf32>) outs(%x : memref<2x4x32xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %e = math.exp %a : f32
    %t = arith.mulf %e, %b : f32
    linalg.yield %t : f32
  }
  return
}

// -----

#id = affine_map<(i, j, k) -> (i, j, k)>
#column = affine_map<(i, j, k) -> (k)>

// The sums of the columns take eight rows at a time.
// CHECK-LABEL: func.func @columns
// CHECK: scf.for {{.*}} = %c0 to %c8 step %c8
// CHECK: scf.for {{.*}} = %c0 to %c32 step %c16
// CHECK-COUNT-8: arith.addf {{.*}} : vector<16xf32>
// CHECK: vector.store
// CHECK: scf.for {{.*}} = %c8 to %c10 step %c1
func.func @columns(%x: memref<2x5x32xf32>, %s: memref<32xf32>) {
  linalg.generic {indexing_maps = [#id, #column], iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%x : memref<2x5x32xf32>) outs(%s : memref<32xf32>) {
  ^bb0(%a: f32, %out: f32):
    %t = arith.addf %out, %a : f32
    linalg.yield %t : f32
  }
  return
}

// -----

#ij = affine_map<(i, j) -> (i, j)>
#i = affine_map<(i, j) -> (i)>

// The sum of a row is kept in a vector, and combined with what was there.
// CHECK-LABEL: func.func @rows
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>)
// CHECK: %[[OLD:.*]] = memref.load
// CHECK: vector.reduction <add>, %{{.*}}, %[[OLD]]
func.func @rows(%x: memref<5x32xf32>, %s: memref<5xf32>) {
  linalg.generic {indexing_maps = [#ij, #i], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<5x32xf32>) outs(%s : memref<5xf32>) {
  ^bb0(%a: f32, %out: f32):
    %t = arith.addf %out, %a : f32
    linalg.yield %t : f32
  }
  return
}

// -----

// Truth values are bytes.
// CHECK-LABEL: func.func @truth
// CHECK: vector.load {{.*}} : memref<32xi8>, vector<16xi8>
// CHECK: arith.cmpi ne
func.func @truth(%c: memref<32xi1>, %x: memref<32xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%c : memref<32xi1>) outs(%x : memref<32xf32>) {
  ^bb0(%a: i1, %out: f32):
    %f = arith.uitofp %a : i1 to f32
    linalg.yield %f : f32
  }
  return
}

// -----

// A transposition reads eight neighbours per step and writes eight rows.
// CHECK-LABEL: func.func @transpose
// CHECK: scf.for {{.*}} = %c0 to %c16 step %c8
// CHECK: scf.for {{.*}} = %c0 to %c40 step %c1
// CHECK-COUNT-8: memref.store
func.func @transpose(%x: memref<40x16xf32>, %y: memref<16x40xf32>) {
  linalg.transpose ins(%x : memref<40x16xf32>) outs(%y : memref<16x40xf32>) permutation = [1, 0]
  return
}
