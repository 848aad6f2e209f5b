// RUN: bitpipe-opt %s --pipe-differentiate | FileCheck %s

// The loss, and what adds to the gradient of the head, are in the input gradient.
pipe.parameter @u : tensor<4x4xf32> trainable file "weights" offset 0
pipe.parameter @head : tensor<5x4xf32> trainable file "weights" offset 64

#x = affine_map<(i, j, k) -> (i, k)>
#w = affine_map<(i, j, k) -> (k, j)>
#y = affine_map<(i, j, k) -> (i, j)>
// CHECK-LABEL: func.func @last(
// CHECK-NOT: linear_cross_entropy
// CHECK: return {{.*}} : tensor<2x4xf32>, tensor<2xi64>, tensor<2x4xf32>
// CHECK-LABEL: func.func @last_input_gradient(
// CHECK-SAME: %[[SEED:[a-z0-9]+]]: tensor<f32>, {{.*}}, %[[U:[a-z0-9]+]]: tensor<4x4xf32>, %[[HEAD:[a-z0-9]+]]: tensor<5x4xf32>, %[[SUM:[a-z0-9]+]]: tensor<5x4xf32>)
// CHECK: %[[LOSS:.*]]:3 = pipe.linear_cross_entropy_grad ins(%[[SEED]], {{.*}}, %[[HEAD]], {{.*}} outs({{.*}}, {{.*}}, %[[SUM]] :
// CHECK: return {{.*}}, %[[LOSS]]#0, %[[LOSS]]#2, {{.*}}%[[LOSS]]#1
// CHECK-LABEL: func.func @last_weight_gradient(
// CHECK-SAME: %[[HEADSUM:[a-z0-9]+]]: tensor<5x4xf32>) -> (tensor<4x4xf32>, tensor<5x4xf32>)
// CHECK: return {{.*}}, %[[HEADSUM]]
// CHECK: pipe.stage 0 {{.*}} joint [1]
func.func @last(%x: tensor<2x4xf32>, %labels: tensor<2xi64>, %u: tensor<4x4xf32>, %head: tensor<5x4xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x4xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x4xf32>) -> tensor<2x4xf32>
  %h = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %u : tensor<2x4xf32>, tensor<4x4xf32>) outs(%fill : tensor<2x4xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %s, %p : f32
    linalg.yield %t : f32
  } -> tensor<2x4xf32>
  %sum = tensor.empty() : tensor<f32>
  %loss = pipe.linear_cross_entropy ins(%h, %head, %labels : tensor<2x4xf32>, tensor<5x4xf32>, tensor<2xi64>) outs(%sum : tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}
pipe.stage 0 forward @last inputs ["labels"] parameters [@u, @head] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
