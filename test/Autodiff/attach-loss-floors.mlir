// RUN: bitpipe-opt %s --split-input-file --pipe-attach-loss=loss=loss 2>%t.said | FileCheck %s
// RUN: FileCheck %s --check-prefix=SAID --input-file=%t.said
// RUN: not bitpipe-opt %s --split-input-file --pipe-attach-loss=loss=s/c 2>&1 | FileCheck %s --check-prefix=PAIR

// A floor that exporters write as a choice, here of whole numbers and behind the bounds of a
// conversion, is left out of what the sums of all micro-batches are divided by.

// CHECK: pipe.model @forward inputs ["x", "w"] outputs ["loss"] loss "counts"
// CHECK: func.func @forward(%{{.*}}: tensor<4xf32>, %[[W:.*]]: tensor<4xf32>)
// CHECK: %[[COUNT:.*]] = linalg.generic {{.*}} ins(%[[W]] :
// CHECK: linalg.generic {{.*}} ins(%[[COUNT]] : tensor<f32>)
// CHECK-NEXT: ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[WHOLE:.*]] = arith.fptosi %[[IN]]
// CHECK-NEXT: %[[REAL:.*]] = arith.sitofp %[[WHOLE]]
// CHECK-NEXT: linalg.yield %[[REAL]]
// SAID: remark: the loss is 'loss', its sum over all micro-batches divided by its count
#v = affine_map<(i) -> (i)>
#s = affine_map<(i) -> ()>
#o = affine_map<() -> ()>
pipe.model @forward inputs ["x", "w"] outputs ["loss", "s", "c"]
func.func @forward(%x: tensor<4xf32>, %w: tensor<4xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1 : i64
  %most = arith.constant 9.2e18 : f32
  %whole_most = arith.constant 9223372036854775807 : i64
  %e = tensor.empty() : tensor<f32>
  %start = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %s = linalg.generic {indexing_maps = [#v, #s], iterator_types = ["reduction"]} ins(%x : tensor<4xf32>) outs(%start : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  %c = linalg.generic {indexing_maps = [#v, #s], iterator_types = ["reduction"]} ins(%w : tensor<4xf32>) outs(%start : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#o, #o, #o], iterator_types = []} ins(%s, %c : tensor<f32>, tensor<f32>) outs(%e : tensor<f32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %more = arith.cmpf oge, %b, %most : f32
    %none = arith.cmpf uno, %b, %b : f32
    %not = arith.ori %more, %none : i1
    %fits = arith.select %not, %zero, %b : f32
    %number = arith.fptosi %fits : f32 to i64
    %whole = arith.select %more, %whole_most, %number : i64
    %few = arith.cmpi slt, %whole, %one : i64
    %floored = arith.select %few, %one, %whole : i64
    %real = arith.sitofp %floored : i64 to f32
    %q = arith.divf %a, %real : f32
    linalg.yield %q : f32
  } -> tensor<f32>
  return %loss, %s, %c : tensor<f32>, tensor<f32>, tensor<f32>
}

// -----

// What does not add up is no count: the loss is that of each micro-batch. As COUNT it is refused.

// CHECK: pipe.model @forward inputs ["x", "w"] outputs ["loss"] loss "microbatches"
// SAID: remark: the loss is output 'loss', its mean over the micro-batches, each divided by itself: what by is no sum over labels or samples
// PAIR: error: the count of the loss 's/c' is not known to add up over micro-batches, expected a sum over labels or samples, or constant multiples of such sums
#v = affine_map<(i) -> (i)>
#s = affine_map<(i) -> ()>
#o = affine_map<() -> ()>
pipe.model @forward inputs ["x", "w"] outputs ["loss", "s", "c"]
func.func @forward(%x: tensor<4xf32>, %w: tensor<4xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<f32>
  %start = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %s = linalg.generic {indexing_maps = [#v, #s], iterator_types = ["reduction"]} ins(%x : tensor<4xf32>) outs(%start : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  %n = linalg.generic {indexing_maps = [#v, #s], iterator_types = ["reduction"]} ins(%w : tensor<4xf32>) outs(%start : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  %c = linalg.generic {indexing_maps = [#o, #o], iterator_types = []} ins(%n : tensor<f32>) outs(%e : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %one : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#o, #o, #o], iterator_types = []} ins(%s, %c : tensor<f32>, tensor<f32>) outs(%e : tensor<f32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %q = arith.divf %a, %b : f32
    linalg.yield %q : f32
  } -> tensor<f32>
  return %loss, %s, %c : tensor<f32>, tensor<f32>, tensor<f32>
}
