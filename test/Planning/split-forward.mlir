// RUN: split-file %s %t
// RUN: bitpipe-opt %t/stages.mlir --pipe-split-forward | FileCheck %s
// RUN: bitpipe-opt %t/none.mlir --pipe-split-forward | FileCheck %s --check-prefix=NONE
// RUN: echo "module {}" | bitpipe-opt --pipe-split-forward | FileCheck %s --check-prefix=EMPTY

// Three equal stages of which two recompute: the third keeps the function that they had.
// Each part has the operations that it needs. The last stage carries nothing out, as its
// loss is computed with the gradient.

// CHECK:      func.func @s(%{{.*}}) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
// CHECK:      func.func @s_forward(%[[X:.*]]: tensor<4xf32>, %[[K:.*]]: tensor<i64>) -> tensor<4xf32> {
// CHECK-NEXT:   tensor.empty
// CHECK-NEXT:   %[[D:.*]] = pipe.dropout ratio {{.*}} ins(%[[X]], %[[K]]
// CHECK-NEXT:   %[[Y:.*]] = linalg.add ins(%[[D]], %[[X]]
// CHECK-NEXT:   return %[[Y]] : tensor<4xf32>
// CHECK:      func.func @s_recompute(%[[X:.*]]: tensor<4xf32>, %[[K:.*]]: tensor<i64>) -> (tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT:   tensor.empty
// CHECK-NEXT:   %[[D:.*]] = pipe.dropout ratio {{.*}} ins(%[[X]], %[[K]]
// CHECK-NEXT:   return %[[X]], %[[D]] : tensor<4xf32>, tensor<4xf32>
// CHECK-NOT:  func.func @t(
// CHECK:      func.func @t_forward(%{{.*}}: tensor<4xf32>) {
// CHECK-NEXT:   return
// CHECK:      func.func @t_recompute(%[[X:.*]]: tensor<4xf32>) -> tensor<4xf32> {
// CHECK:      pipe.stage 0 forward @s_forward recompute @s_recompute inputs
// CHECK:      pipe.stage 1 forward @s inputs
// CHECK:      pipe.stage 2 forward @s_forward recompute @s_recompute inputs
// CHECK:      pipe.stage 3 forward @t_forward recompute @t_recompute inputs

// NONE:      func.func @s(
// NONE-NOT:  func.func
// NONE:      pipe.stage 0 forward @s inputs

// EMPTY: module {

//--- stages.mlir
func.func @s(%x: tensor<4xf32>, %k: tensor<i64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %e = tensor.empty() : tensor<4xf32>
  %d = pipe.dropout ratio 0.5 ins(%x, %k : tensor<4xf32>, tensor<i64>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %y = linalg.add ins(%d, %x : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %y, %x, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
func.func @t(%x: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.exp ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
pipe.stage 0 forward @s inputs ["x"] dropouts [0] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 1 forward @s inputs [] dropouts [1] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 2 forward @s inputs [] dropouts [2] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 3 forward @t inputs [] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0] joint []
pipe.plan @plan schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0, 0, 0, 0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 1 mb 0
    pipe.run F stage 2 mb 0
    pipe.run F stage 3 mb 0
    pipe.run R stage 3 mb 0
    pipe.run B stage 3 mb 0
    pipe.run R stage 2 mb 0
    pipe.run B stage 2 mb 0
    pipe.run B stage 1 mb 0
    pipe.run R stage 0 mb 0
    pipe.run B stage 0 mb 0
  }
}

//--- none.mlir
func.func @s(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}
pipe.stage 0 forward @s inputs ["x"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.plan @plan schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run B stage 0 mb 0
  }
}
