// RUN: bitpipe-opt %s --split-input-file --pipe-attach-loss 2>/dev/null | FileCheck %s
// RUN: bitpipe-opt %s --split-input-file --pipe-attach-loss 2>&1 >/dev/null | FileCheck %s --check-prefix=SAID

// What an input may hold follows from the tables that it reaches through casts,
// products and sums that can be undone. A shift makes another lowest value, too; a
// choice and a slice make no bound.

// CHECK: pipe.model @forward inputs ["cast", "product", "shifted", "both", "chosen", "sliced", "labels"] outputs ["loss"] loss "labels" ignore_index -100 bounds [9, 3, 7, 7, -1, -1, 3] lowest [0, 0, -2, 0, 0, 0, 0]
// SAID-NOT: indices
// SAID: remark: the loss is the cross-entropy of output 'logits' with the input 'labels' that is added; labels must be shifted already
#v = affine_map<(i) -> (i)>
pipe.model @forward inputs ["cast", "product", "shifted", "both", "chosen", "sliced"] outputs ["logits"]
pipe.parameter @a : tensor<9x3xf32> trainable file "w" offset 0
func.func @forward(%cast: tensor<4xi32>, %product: tensor<4xi64>, %shifted: tensor<4xi64>, %both: tensor<4xi64>,
                   %chosen: tensor<4xi64>, %sliced: tensor<4x2xi64>) -> tensor<4x3xf32> {
  %a = pipe.get_parameter @a : tensor<9x3xf32>
  %zero = arith.constant 0 : i64
  %two = arith.constant 2 : i64
  %four = arith.constant 4 : i64
  %e = tensor.empty() : tensor<4x3xf32>
  %i = tensor.empty() : tensor<4xi64>
  %0 = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]} ins(%cast : tensor<4xi32>) outs(%i : tensor<4xi64>) {
  ^bb0(%x: i32, %o: i64):
    %s = arith.extsi %x : i32 to i64
    linalg.yield %s : i64
  } -> tensor<4xi64>
  %g0 = pipe.gather ins(%a, %0 : tensor<9x3xf32>, tensor<4xi64>) outs(%e : tensor<4x3xf32>) -> tensor<4x3xf32>
  %1 = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]} ins(%product : tensor<4xi64>) outs(%i : tensor<4xi64>) {
  ^bb0(%x: i64, %o: i64):
    %s = arith.muli %x, %four : i64
    linalg.yield %s : i64
  } -> tensor<4xi64>
  %g1 = pipe.gather ins(%a, %1 : tensor<9x3xf32>, tensor<4xi64>) outs(%g0 : tensor<4x3xf32>) -> tensor<4x3xf32>
  %2 = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]} ins(%shifted : tensor<4xi64>) outs(%i : tensor<4xi64>) {
  ^bb0(%x: i64, %o: i64):
    %s = arith.addi %x, %two : i64
    linalg.yield %s : i64
  } -> tensor<4xi64>
  %g2 = pipe.gather ins(%a, %2 : tensor<9x3xf32>, tensor<4xi64>) outs(%g1 : tensor<4x3xf32>) -> tensor<4x3xf32>
  %3 = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]} ins(%both : tensor<4xi64>) outs(%i : tensor<4xi64>) {
  ^bb0(%x: i64, %o: i64):
    %s = arith.addi %x, %two : i64
    linalg.yield %s : i64
  } -> tensor<4xi64>
  %g3 = pipe.gather ins(%a, %3 : tensor<9x3xf32>, tensor<4xi64>) outs(%g2 : tensor<4x3xf32>) -> tensor<4x3xf32>
  %g4 = pipe.gather ins(%a, %both : tensor<9x3xf32>, tensor<4xi64>) outs(%g3 : tensor<4x3xf32>) -> tensor<4x3xf32>
  %5 = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]} ins(%chosen : tensor<4xi64>) outs(%i : tensor<4xi64>) {
  ^bb0(%x: i64, %o: i64):
    %c = arith.cmpi slt, %x, %zero : i64
    %s = arith.select %c, %zero, %x : i64
    linalg.yield %s : i64
  } -> tensor<4xi64>
  %g5 = pipe.gather ins(%a, %5 : tensor<9x3xf32>, tensor<4xi64>) outs(%g4 : tensor<4x3xf32>) -> tensor<4x3xf32>
  %6 = tensor.extract_slice %sliced[0, 0] [4, 1] [1, 1] : tensor<4x2xi64> to tensor<4xi64>
  %g6 = pipe.gather ins(%a, %6 : tensor<9x3xf32>, tensor<4xi64>) outs(%g5 : tensor<4x3xf32>) -> tensor<4x3xf32>
  return %g6 : tensor<4x3xf32>
}

// -----

// Between two numbers, one of them outside: said when compiling.

// CHECK: bounds [-1, 3]
// SAID: warning: indices are 1 to 10, expected -9 to 8: the table has 9 rows; a step whose data go beyond them will fail
#v = affine_map<(i) -> (i)>
pipe.model @forward inputs ["mask"] outputs ["logits"]
pipe.parameter @a : tensor<9x3xf32> trainable file "w" offset 0
func.func @forward(%mask: tensor<4xi64>) -> tensor<4x3xf32> {
  %a = pipe.get_parameter @a : tensor<9x3xf32>
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %nine = arith.constant 9 : i64
  %e = tensor.empty() : tensor<4x3xf32>
  %i = tensor.empty() : tensor<4xi64>
  %0 = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]} ins(%mask : tensor<4xi64>) outs(%i : tensor<4xi64>) {
  ^bb0(%x: i64, %o: i64):
    %c = arith.cmpi ne, %x, %zero : i64
    %n = arith.extui %c : i1 to i64
    %m = arith.muli %n, %nine : i64
    %s = arith.addi %m, %one : i64
    linalg.yield %s : i64
  } -> tensor<4xi64>
  %g = pipe.gather ins(%a, %0 : tensor<9x3xf32>, tensor<4xi64>) outs(%e : tensor<4x3xf32>) -> tensor<4x3xf32>
  return %g : tensor<4x3xf32>
}

// -----

// A part of a constant has the range of its own elements.

// CHECK: bounds [-1, 3]
// SAID-NOT: indices
#v = affine_map<(i) -> (i)>
pipe.model @forward inputs ["x"] outputs ["logits"]
pipe.parameter @a : tensor<2x3xf32> trainable file "w" offset 0
pipe.parameter @places : tensor<2x4xi64> value dense<[[9, 9, 9, 9], [7, 0, 1, 0]]> : tensor<2x4xi64>
func.func @forward(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %a = pipe.get_parameter @a : tensor<2x3xf32>
  %places = pipe.get_parameter @places : tensor<2x4xi64>
  %ids = tensor.extract_slice %places[1, 1] [1, 2] [1, 2] : tensor<2x4xi64> to tensor<2xi64>
  %g = pipe.gather ins(%a, %ids : tensor<2x3xf32>, tensor<2xi64>) outs(%x : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %g : tensor<2x3xf32>
}
