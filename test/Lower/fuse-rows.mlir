// RUN: bitpipe-opt %s --pipe-fuse-rows --split-input-file | FileCheck %s

#all = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>

// A sum, and the norm of it that is read with its statistics; the sum is read elsewhere, too.

// CHECK-LABEL: func.func @sum_and_norm
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>, %[[Y:.*]]: tensor<4x8xbf16>, %[[B:.*]]: tensor<8xf32>, %[[W:.*]]: tensor<8xf32>)
// CHECK: %[[F:.*]]:5 = pipe.fused_rows ins(%[[X]], %[[Y]], %[[B]], %[[W]] : tensor<4x8xf32>, tensor<4x8xbf16>, tensor<8xf32>, tensor<8xf32>)
// CHECK-SAME: outs({{.*}} : tensor<4x8xf32>, tensor<4x8xbf16>, tensor<4x8xbf16>, tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT: ^bb0(%[[X0:.*]]: tensor<4x8xf32>, %[[Y0:.*]]: tensor<4x8xbf16>, %[[B0:.*]]: tensor<8xf32>, %[[W0:.*]]: tensor<8xf32>):
// CHECK-NEXT: %[[TWO:.*]] = arith.constant 2.0
// CHECK: %[[S:.*]]:2 = linalg.generic {{.*}} ins(%[[X0]], %[[Y0]], %[[B0]]
// CHECK: arith.mulf %{{.*}}, %[[TWO]]
// CHECK: %[[N:.*]]:3 = pipe.layer_norm epsilon 1.000000e-05 ins(%[[S]]#0, %[[W0]], %[[W0]]
// CHECK: pipe.yield %[[S]]#0, %[[S]]#1, %[[N]]#0, %[[N]]#1, %[[N]]#2
// CHECK: return %[[F]]#0, %[[F]]#1, %[[F]]#2, %[[F]]#3, %[[F]]#4
func.func @sum_and_norm(%x: tensor<4x8xf32>, %y: tensor<4x8xbf16>, %b: tensor<8xf32>, %w: tensor<8xf32>)
    -> (tensor<4x8xf32>, tensor<4x8xbf16>, tensor<4x8xbf16>, tensor<4xf32>, tensor<4xf32>) {
  %two = arith.constant 2.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %h = tensor.empty() : tensor<4x8xbf16>
  %r = tensor.empty() : tensor<4xf32>
  %s:2 = linalg.generic {indexing_maps = [#all, #all, #column, #all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %y, %b : tensor<4x8xf32>, tensor<4x8xbf16>, tensor<8xf32>) outs(%e, %h : tensor<4x8xf32>, tensor<4x8xbf16>) {
  ^bb0(%0: f32, %1: bf16, %2: f32, %3: f32, %4: bf16):
    %5 = arith.extf %1 : bf16 to f32
    %6 = arith.mulf %5, %two : f32
    %7 = arith.addf %0, %6 : f32
    %8 = arith.addf %7, %2 : f32
    %9 = arith.truncf %8 : f32 to bf16
    linalg.yield %8, %9 : f32, bf16
  } -> (tensor<4x8xf32>, tensor<4x8xbf16>)
  %n:3 = pipe.layer_norm epsilon 1.0e-5 ins(%s#0, %w, %w : tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>)
      outs(%h, %r, %r : tensor<4x8xbf16>, tensor<4xf32>, tensor<4xf32>) -> tensor<4x8xbf16>, tensor<4xf32>, tensor<4xf32>
  return %s#0, %s#1, %n#0, %n#1, %n#2 : tensor<4x8xf32>, tensor<4x8xbf16>, tensor<4x8xbf16>, tensor<4xf32>, tensor<4xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

// A gradient that only a sum reads is not stored.

// CHECK-LABEL: func.func @gradient
// CHECK: %[[F:.*]] = pipe.fused_rows ins({{.*}}) outs(%{{.*}} : tensor<4x8xf32>)
// CHECK: %[[DX:.*]] = pipe.layer_norm_grad_input
// CHECK: %[[S:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[DX]]
// CHECK: pipe.yield %[[S]] :
// CHECK: return %[[F]]
func.func @gradient(%dy: tensor<4x8xf32>, %x: tensor<4x8xf32>, %w: tensor<8xf32>, %m: tensor<4xf32>, %d: tensor<4x8xf32>)
    -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %dx = pipe.layer_norm_grad_input ins(%dy, %x, %w, %m, %m : tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%d, %dx : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%0: f32, %1: f32, %2: f32):
    %3 = arith.addf %0, %1 : f32
    linalg.yield %3 : f32
  } -> tensor<4x8xf32>
  return %s : tensor<4x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>
#back = affine_map<(d0, d1) -> (d1, d0)>

// What cannot be fused stays: a transposed reader, a sum that is read by what makes
// another operand, functions that would be computed in every pass, other elements, a
// tensor of one number.

// CHECK-LABEL: func.func @apart
// CHECK-NOT: fused_rows
func.func @apart(%x: tensor<8x8xf32>, %w: tensor<8xf32>, %m: tensor<8xf32>, %key: tensor<i64>, %t: tensor<8x8xi1>)
    -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8xf32>) {
  %zero = arith.constant dense<0.0> : tensor<8x8xf32>
  %e = tensor.empty() : tensor<8x8xf32>
  %r = tensor.empty() : tensor<8xf32>
  %y = pipe.dropout ratio 0.5 ins(%x, %key : tensor<8x8xf32>, tensor<i64>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = linalg.generic {indexing_maps = [#all, #back, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %y : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %d = arith.addf %a, %b : f32
    linalg.yield %d : f32
  } -> tensor<8x8xf32>
  %square = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%a: f32, %c: f32):
    %d = arith.mulf %a, %a : f32
    linalg.yield %d : f32
  } -> tensor<8x8xf32>
  %sum = linalg.generic {indexing_maps = [#all, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]}
      ins(%square : tensor<8x8xf32>) outs(%w : tensor<8xf32>) {
  ^bb0(%a: f32, %c: f32):
    %d = arith.addf %a, %c : f32
    linalg.yield %d : f32
  } -> tensor<8xf32>
  %2 = pipe.layer_norm_grad_input ins(%square, %x, %w, %sum, %m : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
      outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %power = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%a: f32, %c: f32):
    %d = math.exp %a : f32
    linalg.yield %d : f32
  } -> tensor<8x8xf32>
  %3:3 = pipe.layer_norm epsilon 1.0e-5 ins(%power, %w, %w : tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>)
      outs(%e, %r, %r : tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>
  %chosen = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%t, %3#0 : tensor<8x8xi1>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%a: i1, %b: f32, %c: f32):
    %d = arith.select %a, %b, %c : f32
    %f = arith.addf %d, %d : f32
    linalg.yield %f : f32
  } -> tensor<8x8xf32>
  %plus = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %zero : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %d = arith.addf %a, %b : f32
    linalg.yield %d : f32
  } -> tensor<8x8xf32>
  %4 = pipe.dropout ratio 0.5 ins(%plus, %key : tensor<8x8xf32>, tensor<i64>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %1, %2, %chosen, %4, %sum : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8xf32>
}
