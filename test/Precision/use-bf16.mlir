// An embedding, a normalisation, a product onto a residual; then a head and the loss.

// RUN: bitpipe-opt %s --pipe-autodiff --pipe-use-bf16 --cse | FileCheck %s
// What comes out can be lowered: copies of two parameters have slots of their own.
// RUN: bitpipe-opt %s --pipe-autodiff --pipe-use-bf16 --cse --pipe-lower-stages | FileCheck %s --check-prefix=ROUTINE

#id = affine_map<(i, j, k) -> (i, j, k)>
#column = affine_map<(i, j, k) -> (k)>
#xk = affine_map<(b, s, n, k) -> (b, s, k)>
#kn = affine_map<(b, s, n, k) -> (k, n)>
#bsn = affine_map<(b, s, n, k) -> (b, s, n)>

pipe.model @forward inputs ["ids", "labels"] outputs ["loss"] loss "labels" ignore_index -100 bounds [16, 4]
pipe.parameter @table : tensor<16x8xf32> trainable value dense<0.5> : tensor<16x8xf32>
pipe.parameter @norm.weight : tensor<8xf32> trainable value dense<1.0> : tensor<8xf32>
pipe.parameter @norm.bias : tensor<8xf32> trainable value dense<0.0> : tensor<8xf32>
pipe.parameter @w : tensor<8x8xf32> trainable value dense<0.5> : tensor<8x8xf32>
pipe.parameter @head : tensor<8x4xf32> trainable value dense<0.5> : tensor<8x4xf32>
pipe.parameter @bias : tensor<4xf32> trainable value dense<0.0> : tensor<4xf32>

func.func @body(%ids: tensor<2x3xi64>, %table: tensor<16x8xf32>, %nw: tensor<8xf32>, %nb: tensor<8xf32>, %w: tensor<8x8xf32>) -> tensor<2x3x8xf32> {
  %e = tensor.empty() : tensor<2x3x8xf32>
  %r = tensor.empty() : tensor<2x3xf32>
  %h = pipe.gather ins(%table, %ids : tensor<16x8xf32>, tensor<2x3xi64>) outs(%e : tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  %y:3 = pipe.layer_norm epsilon 1.0e-5 ins(%h, %nw, %nb : tensor<2x3x8xf32>, tensor<8xf32>, tensor<8xf32>) outs(%e, %r, %r : tensor<2x3x8xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3x8xf32>, tensor<2x3xf32>, tensor<2x3xf32>
  %z = linalg.generic {indexing_maps = [#xk, #kn, #bsn], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%y#0, %w : tensor<2x3x8xf32>, tensor<8x8xf32>) outs(%h : tensor<2x3x8xf32>) {
  ^bb0(%l: f32, %r0: f32, %acc: f32):
    %p = arith.mulf %l, %r0 : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x3x8xf32>
  return %z : tensor<2x3x8xf32>
}

func.func @head_loss(%z: tensor<2x3x8xf32>, %labels: tensor<2x3xi64>, %head: tensor<8x4xf32>, %bias: tensor<4xf32>) -> tensor<f32> {
  %e = tensor.empty() : tensor<2x3x4xf32>
  %r = tensor.empty() : tensor<2x3xf32>
  %s = tensor.empty() : tensor<f32>
  %b = linalg.generic {indexing_maps = [#column, #id], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%bias : tensor<4xf32>) outs(%e : tensor<2x3x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<2x3x4xf32>
  %logits = linalg.generic {indexing_maps = [#xk, #kn, #bsn], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%z, %head : tensor<2x3x8xf32>, tensor<8x4xf32>) outs(%b : tensor<2x3x4xf32>) {
  ^bb0(%l: f32, %r0: f32, %acc: f32):
    %p = arith.mulf %l, %r0 : f32
    %q = arith.addf %acc, %p : f32
    linalg.yield %q : f32
  } -> tensor<2x3x4xf32>
  %loss:2 = pipe.cross_entropy ins(%logits, %labels : tensor<2x3x4xf32>, tensor<2x3xi64>) outs(%s, %r : tensor<f32>, tensor<2x3xf32>) -> tensor<f32>, tensor<2x3xf32>
  return %loss#0 : tensor<f32>
}

pipe.stage 0 forward @body inputs ["ids"] parameters [@table, @norm.weight, @norm.bias, @w] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 1 forward @head_loss inputs ["labels"] parameters [@head, @bias] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]

// CHECK: pipe.model {{.*}} precision "bf16"

// Rows of a table are f32, and normalised as such; products, and what is saved of
// the rows, are bf16. A residual begins the product in the product's type.
// CHECK-LABEL: func.func @body(
// CHECK-SAME: %[[W:arg4]]: tensor<8x8xf32>, %[[COPY:arg5]]: tensor<8x8xbf16>) -> (tensor<2x3x8xbf16>, tensor<2x3x8xbf16>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xi64>, tensor<2x3x8xbf16>)
// CHECK: %[[ROWS:.*]] = pipe.gather {{.*}} -> tensor<2x3x8xf32>
// CHECK: %[[Y:.*]]:3 = pipe.layer_norm {{.*}} ins(%[[ROWS]], {{.*}} -> tensor<2x3x8xbf16>, tensor<2x3xf32>, tensor<2x3xf32>
// CHECK: %[[SAVED:.*]] = linalg.generic {{.*}} ins(%[[ROWS]] : tensor<2x3x8xf32>) outs({{.*}} : tensor<2x3x8xbf16>)
// CHECK: arith.truncf %{{.*}} : f32 to bf16
// CHECK: %[[Z:.*]] = linalg.generic {{.*}} ins(%[[Y]]#0, %[[COPY]] : tensor<2x3x8xbf16>, tensor<8x8xbf16>) outs(%[[SAVED]] : tensor<2x3x8xbf16>)
// CHECK: arith.mulf %{{.*}}, %{{.*}} : f32
// CHECK: arith.truncf %{{.*}} : f32 to bf16
// CHECK: return %[[Z]], %[[SAVED]], %[[Y]]#1, %[[Y]]#2, %arg0, %[[Y]]#0

// The gradient of the normalisation is f32, and added to what is carried in f32.
// CHECK-LABEL: func.func @body_input_gradient(%arg0: tensor<2x3x8xbf16>, %arg1: tensor<2x3x8xbf16>, %arg2: tensor<2x3xf32>
// CHECK: pipe.layer_norm_grad_input {{.*}} -> tensor<2x3x8xf32>
// CHECK: arith.extf
// CHECK: arith.addf %{{.*}}, %{{.*}} : f32
// CHECK: arith.truncf

// Sums of gradients are f32.
// CHECK-LABEL: func.func @body_weight_gradient(
// CHECK-SAME: %arg8: tensor<16x8xf32>, %arg9: tensor<8xf32>, %arg10: tensor<8xf32>, %arg11: tensor<8x8xf32>) -> (tensor<16x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8x8xf32>)
// CHECK: linalg.generic {{.*}} ins(%arg6, %arg7 : tensor<2x3x8xbf16>, tensor<2x3x8xbf16>) outs(%arg11 : tensor<8x8xf32>)

// What is carried is bf16, the loss and the log-sum-exp are f32. The bias is one of
// f32, which the product rounds with its sum.
// CHECK-LABEL: func.func @head_loss(
// CHECK-SAME: %arg0: tensor<2x3x8xbf16>, {{.*}} %arg4: tensor<8x4xbf16>) -> (tensor<f32>, tensor<2x3x4xbf16>
// CHECK: pipe.cross_entropy {{.*}} -> tensor<f32>, tensor<2x3xf32>
// CHECK-LABEL: func.func @head_loss_input_gradient(%arg0: tensor<f32>, %arg1: tensor<2x3x4xbf16>
// CHECK: pipe.cross_entropy_grad {{.*}} -> tensor<2x3x4xbf16>

// CHECK: pipe.stage 0 {{.*}} parameters [@table, @norm.weight, @norm.bias, @w] working [@w]
// CHECK: pipe.stage 1 {{.*}} parameters [@head, @bias] working [@head]

// ROUTINE: pipe.routine @body {{.*}}"working 0"
// ROUTINE: pipe.matmul {{.*}} sizes [6, 8, 8] {{.*}}types [bf16, bf16, bf16]
// ROUTINE: pipe.routine @body_weight_gradient
// ROUTINE: pipe.matmul {{.*}} sizes [8, 8, 6] accumulate types [bf16, bf16, f32]
// ROUTINE: pipe.routine @head_loss
// ROUTINE: pipe.matmul {{.*}} sizes [6, 4, 8] bias <{{.*}}> types [bf16, bf16, bf16]
