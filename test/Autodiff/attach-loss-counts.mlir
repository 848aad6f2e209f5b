// RUN: bitpipe-opt %s --split-input-file --pipe-attach-loss=loss=loss 2>%t.said | FileCheck %s
// RUN: FileCheck %s --check-prefix=SAID --input-file=%t.said
// RUN: not bitpipe-opt %s --split-input-file --pipe-attach-loss=loss=loss/n 2>/dev/null | FileCheck %s --check-prefix=PAIR

// A division by what is computed from inputs alone is taken apart: the sum, with
// its sign, and the count add up over micro-batches, and the floor that keeps
// one micro-batch from dividing by zero is not needed any more.

// CHECK: pipe.model @forward inputs ["x", "m"] outputs ["loss"] loss "counts"
// CHECK: func.func @forward(%[[X:.*]]: tensor<4xf32>, %[[M:.*]]: tensor<4xf32>) -> tensor<2xf32>
// CHECK: %[[TOP:.*]] = linalg.generic {{.*}} ins({{.*}}, %[[X]] :
// CHECK: %[[COUNT:.*]] = linalg.generic {{.*}} ins(%[[M]] :
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[TOP]] : tensor<f32>)
// CHECK-NEXT: ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[NEG:.*]] = arith.negf %[[IN]]
// CHECK-NEXT: linalg.yield %[[NEG]]
// CHECK: %[[N:.*]] = linalg.generic {{.*}} ins(%[[COUNT]] : tensor<f32>)
// CHECK-NEXT: ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: linalg.yield %[[IN]]
// CHECK: %[[A:.*]] = tensor.expand_shape %[[SUM]]
// CHECK: %[[B:.*]] = tensor.expand_shape %[[N]]
// CHECK: %[[BOTH:.*]] = tensor.concat dim(0) %[[A]], %[[B]]
// CHECK: return %[[BOTH]]
// SAID: remark: the loss is 'loss', its sum over all micro-batches divided by its count over all micro-batches
// PAIR: pipe.model @forward inputs ["x", "m"] outputs ["loss/n"] loss "counts"
// PAIR: tensor.concat
#v = affine_map<(i) -> (i)>
#s = affine_map<(i) -> ()>
#o = affine_map<() -> ()>
pipe.model @forward inputs ["x", "m"] outputs ["loss", "n"]
pipe.parameter @w : tensor<4xf32> trainable file "w" offset 0
func.func @forward(%x: tensor<4xf32>, %m: tensor<4xf32>) -> (tensor<f32>, tensor<f32>) {
  %w = pipe.get_parameter @w : tensor<4xf32>
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<f32>
  %start = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %sum = linalg.generic {indexing_maps = [#v, #v, #s], iterator_types = ["reduction"]} ins(%w, %x : tensor<4xf32>, tensor<4xf32>) outs(%start : tensor<f32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %r = arith.addf %p, %o : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  %n = linalg.generic {indexing_maps = [#v, #s], iterator_types = ["reduction"]} ins(%m : tensor<4xf32>) outs(%start : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#o, #o, #o], iterator_types = []} ins(%sum, %n : tensor<f32>, tensor<f32>) outs(%e : tensor<f32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %floor = arith.maximumf %b, %one : f32
    %neg = arith.negf %a : f32
    %q = arith.divf %neg, %floor : f32
    linalg.yield %q : f32
  } -> tensor<f32>
  return %loss, %n : tensor<f32>, tensor<f32>
}

// -----

// A constant divides all micro-batches alike, and what depends on parameters is
// no count: the loss stays as it is, and is averaged over the micro-batches.

// CHECK: pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
// CHECK: -> tensor<f32>
// SAID: remark: the loss is output 'loss', its mean over the micro-batches
#v = affine_map<(i) -> (i)>
#s = affine_map<(i) -> ()>
#o = affine_map<() -> ()>
pipe.model @forward inputs ["x"] outputs ["loss", "other"]
pipe.parameter @w : tensor<4xf32> trainable file "w" offset 0
func.func @forward(%x: tensor<4xf32>) -> (tensor<f32>, tensor<f32>) {
  %w = pipe.get_parameter @w : tensor<4xf32>
  %zero = arith.constant 0.0 : f32
  %four = arith.constant 4.0 : f32
  %e = tensor.empty() : tensor<f32>
  %start = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %sum = linalg.generic {indexing_maps = [#v, #v, #s], iterator_types = ["reduction"]} ins(%w, %x : tensor<4xf32>, tensor<4xf32>) outs(%start : tensor<f32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %r = arith.addf %p, %o : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#o, #o], iterator_types = []} ins(%sum : tensor<f32>) outs(%e : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %q = arith.divf %a, %four : f32
    linalg.yield %q : f32
  } -> tensor<f32>
  return %loss, %sum : tensor<f32>, tensor<f32>
}

// -----

// What a constant divides behind that is taken apart all the same: the sum takes it with it.

// CHECK: pipe.model @forward inputs ["x", "m"] outputs ["loss"] loss "counts"
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}}iterator_types = []} ins(%{{.*}} : tensor<f32>)
// CHECK-NEXT: ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[FOURTH:.*]] = arith.divf %[[IN]], %{{.*}} : f32
// CHECK-NEXT: linalg.yield %[[FOURTH]]
// CHECK: %[[A:.*]] = tensor.expand_shape %[[SUM]]
// CHECK: tensor.concat dim(0) %[[A]],
// SAID: remark: the loss is 'loss', its sum over all micro-batches divided by its count over all micro-batches
#v = affine_map<(i) -> (i)>
#s = affine_map<(i) -> ()>
#o = affine_map<() -> ()>
pipe.model @forward inputs ["x", "m"] outputs ["loss"]
pipe.parameter @w : tensor<4xf32> trainable file "w" offset 0
func.func @forward(%x: tensor<4xf32>, %m: tensor<4xf32>) -> tensor<f32> {
  %w = pipe.get_parameter @w : tensor<4xf32>
  %zero = arith.constant 0.0 : f32
  %four = arith.constant 4.0 : f32
  %e = tensor.empty() : tensor<f32>
  %start = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %sum = linalg.generic {indexing_maps = [#v, #v, #s], iterator_types = ["reduction"]} ins(%w, %x : tensor<4xf32>, tensor<4xf32>) outs(%start : tensor<f32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %r = arith.addf %p, %o : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  %n = linalg.generic {indexing_maps = [#v, #s], iterator_types = ["reduction"]} ins(%m : tensor<4xf32>) outs(%start : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#o, #o, #o], iterator_types = []} ins(%sum, %n : tensor<f32>, tensor<f32>) outs(%e : tensor<f32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %q = arith.divf %a, %b : f32
    %r = arith.divf %q, %four : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  return %loss : tensor<f32>
}
