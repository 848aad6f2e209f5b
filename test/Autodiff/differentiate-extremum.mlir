// RUN: bitpipe-opt %s --pipe-differentiate | FileCheck %s

// The gradient of a maximum along dimensions goes, in equal parts, to the
// elements that are the maximum: how many there are is counted first.

#all = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>

// CHECK-LABEL: func.func @largest(
// CHECK-SAME: %[[X:.*]]: tensor<4x3xf32>)
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[X]] :
// CHECK: %[[N:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]} ins(%[[X]], %[[Y]] :
// CHECK: arith.cmpf oeq
// CHECK: return %[[Y]], %[[X]], %[[Y]], %[[N]]
// CHECK-LABEL: func.func @largest_input_gradient(
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} ins(%arg1, %arg2, %arg0, %arg3 :
// CHECK: %[[SHARE:.*]] = arith.divf
// CHECK: %[[SAME:.*]] = arith.cmpf oeq
// CHECK: arith.select %[[SAME]], %[[SHARE]]
func.func @largest(%x: tensor<4x3xf32>) -> tensor<4xf32> {
  %minus = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<4xf32>
  %f = linalg.fill ins(%minus : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %y = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x3xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.maximumf %out, %in : f32
    linalg.yield %m : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}
pipe.stage 0 forward @largest inputs [] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
