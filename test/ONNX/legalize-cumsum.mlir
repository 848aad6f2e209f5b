// RUN: bitpipe-opt %s --pipe-legalize-cumsum | FileCheck %s

// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[T:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>

// CHECK-LABEL: func.func @positions
func.func @positions(%x: tensor<2x3xi64>) -> tensor<2x3xi64> {
  // CHECK: %[[TRIANGLE:.*]] = arith.constant dense<{{\[\[}}1, 1, 1], [0, 1, 1], [0, 0, 1]]> : tensor<3x3xi64>
  // CHECK: linalg.generic {indexing_maps = [#[[X]], #[[T]], {{.*}} ins(%{{.*}}, %[[TRIANGLE]]
  // CHECK: arith.muli
  %axis = arith.constant dense<1> : tensor<i64>
  %0 = pipe.onnx_node "CumSum"(%x, %axis) opset 23 present [true, true] {} : (tensor<2x3xi64>, tensor<i64>) -> tensor<2x3xi64>
  return %0 : tensor<2x3xi64>
}
