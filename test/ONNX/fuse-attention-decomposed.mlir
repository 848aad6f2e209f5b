// RUN: bitpipe-opt %s --pipe-fuse-attention --split-input-file --verify-diagnostics

// What stays in several operations, and what is said of it.

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its probabilities are used elsewhere, too}}
pipe.model @probabilities inputs [] outputs []
func.func @probabilities(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>) -> (tensor<2x6x4x8xf32>, tensor<2x4x6x6xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32> loc("soft")
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o, %p : tensor<2x6x4x8xf32>, tensor<2x4x6x6xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its scores are used elsewhere, too}}
pipe.model @scores inputs [] outputs []
func.func @scores(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>) -> (tensor<2x6x4x8xf32>, tensor<2x4x6x6xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32> loc("soft")
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o, %m : tensor<2x6x4x8xf32>, tensor<2x4x6x6xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its mask Where '?' puts -1e+09, expected -infinity: there may be rows that have nothing else}}
pipe.model @finite inputs [] outputs []
func.func @finite(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %mask: tensor<2x1x1x6xi1>) -> (tensor<2x6x4x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %low = arith.constant dense<-1.0e+09> : tensor<f32>
  %s = pipe.onnx_node "Where"(%mask, %m, %low) opset 23 present [true, true, true] {} : (tensor<2x1x1x6xi1>, tensor<2x4x6x6xf32>, tensor<f32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32> loc("soft")
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its mask Where '?' puts -10, expected -infinity or a number of at most -10000}}
pipe.model @small inputs [] outputs []
func.func @small(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %mask: tensor<2x1x1x6xi1>) -> (tensor<2x6x4x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %low = arith.constant dense<-10.0> : tensor<f32>
  %s = pipe.onnx_node "Where"(%mask, %m, %low) opset 23 present [true, true, true] {} : (tensor<2x1x1x6xi1>, tensor<2x4x6x6xf32>, tensor<f32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32> loc("soft")
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its mask Where '?' puts other values than one constant number}}
pipe.model @other_values inputs [] outputs []
func.func @other_values(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %mask: tensor<2x1x1x6xi1>, %low: tensor<2x1x1x6xf32>) -> (tensor<2x6x4x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s = pipe.onnx_node "Where"(%mask, %m, %low) opset 23 present [true, true, true] {} : (tensor<2x1x1x6xi1>, tensor<2x4x6x6xf32>, tensor<2x1x1x6xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32> loc("soft")
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its softmax is along dimension 2 of 4, expected the last of at least two}}
pipe.model @axis inputs [] outputs []
func.func @axis(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>) -> (tensor<2x4x6x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = 2 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32> loc("soft")
  %o = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  return %o : tensor<2x4x6x8xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': it adds to its scores before their softcap, in Add '?'}}
pipe.model @before_softcap inputs [] outputs []
func.func @before_softcap(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %added: tensor<2x1x1x6xf32>) -> (tensor<2x6x4x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %a = pipe.onnx_node "Add"(%m, %added) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x1x1x6xf32>) -> tensor<2x4x6x6xf32>
  %t = pipe.onnx_node "Tanh"(%a) opset 23 present [true] {} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%t) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32> loc("soft")
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its scores are multiplied with -2, expected a factor above 0}}
pipe.model @negative inputs [] outputs []
func.func @negative(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>) -> (tensor<2x6x4x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %c = arith.constant dense<-2.0> : tensor<f32>
  %s = pipe.onnx_node "Mul"(%m, %c) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<f32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32> loc("soft")
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its scores go through Mul '?', for which it has no place}}
pipe.model @factor inputs [] outputs []
func.func @factor(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %c: tensor<1x4x1x1xf32>) -> (tensor<2x6x4x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s = pipe.onnx_node "Mul"(%m, %c) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<1x4x1x1xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32> loc("soft")
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its probabilities go through Mul '?', expected a product with v}}
pipe.model @weighted inputs [] outputs []
func.func @weighted(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %c: tensor<1x4x1x1xf32>) -> (tensor<2x4x6x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %p0 = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32> loc("soft")
  %p = pipe.onnx_node "Mul"(%p0, %c) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<1x4x1x1xf32>) -> tensor<2x4x6x6xf32>
  %o = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  return %o : tensor<2x4x6x8xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its probabilities go through MatMul '?', expected a product with v}}
pipe.model @from_the_left inputs [] outputs []
func.func @from_the_left(%q: tensor<2x6x8xf32>, %k: tensor<2x8x6xf32>, %v: tensor<2x8x6xf32>) -> (tensor<2x8x6xf32>) {
  %m = pipe.onnx_node "MatMul"(%q, %k) opset 23 present [true, true] {} : (tensor<2x6x8xf32>, tensor<2x8x6xf32>) -> tensor<2x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<2x6x6xf32>) -> tensor<2x6x6xf32> loc("soft")
  %o = pipe.onnx_node "MatMul"(%v, %p) opset 23 present [true, true] {} : (tensor<2x8x6xf32>, tensor<2x6x6xf32>) -> tensor<2x8x6xf32>
  return %o : tensor<2x8x6xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its values tensor<4x6x8xf32> repeat its probabilities tensor<6x6xf32>}}
pipe.model @batch_of_values inputs [] outputs []
func.func @batch_of_values(%q: tensor<6x8xf32>, %k: tensor<8x6xf32>, %v: tensor<4x6x8xf32>) -> (tensor<4x6x8xf32>) {
  %m = pipe.onnx_node "MatMul"(%q, %k) opset 23 present [true, true] {} : (tensor<6x8xf32>, tensor<8x6xf32>) -> tensor<6x6xf32>
  %p = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<6x6xf32>) -> tensor<6x6xf32> loc("soft")
  %o = pipe.onnx_node "MatMul"(%p, %v) opset 23 present [true, true] {} : (tensor<6x6xf32>, tensor<4x6x8xf32>) -> tensor<4x6x8xf32>
  return %o : tensor<4x6x8xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its values tensor<5x8xf32> are the same for several of its probabilities tensor<2x6x5xf32>}}
pipe.model @keys_of_no_sample inputs [] outputs []
func.func @keys_of_no_sample(%q: tensor<2x6x8xf32>, %k: tensor<8x5xf32>, %v: tensor<5x8xf32>) -> (tensor<2x6x8xf32>) {
  %m = pipe.onnx_node "MatMul"(%q, %k) opset 23 present [true, true] {} : (tensor<2x6x8xf32>, tensor<8x5xf32>) -> tensor<2x6x5xf32>
  %p = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<2x6x5xf32>) -> tensor<2x6x5xf32> loc("soft")
  %o = pipe.onnx_node "MatMul"(%p, %v) opset 23 present [true, true] {} : (tensor<2x6x5xf32>, tensor<5x8xf32>) -> tensor<2x6x8xf32>
  return %o : tensor<2x6x8xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its keys tensor<1x8x5xf32> are the same for several of its queries tensor<2x6x8xf32>}}
pipe.model @keys_of_one_sample inputs [] outputs []
func.func @keys_of_one_sample(%q: tensor<2x6x8xf32>, %k: tensor<1x8x5xf32>, %v: tensor<2x5x8xf32>) -> (tensor<2x6x8xf32>) {
  %m = pipe.onnx_node "MatMul"(%q, %k) opset 23 present [true, true] {} : (tensor<2x6x8xf32>, tensor<1x8x5xf32>) -> tensor<2x6x5xf32>
  %p = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<2x6x5xf32>) -> tensor<2x6x5xf32> loc("soft")
  %o = pipe.onnx_node "MatMul"(%p, %v) opset 23 present [true, true] {} : (tensor<2x6x5xf32>, tensor<2x5x8xf32>) -> tensor<2x6x8xf32>
  return %o : tensor<2x6x8xf32>
}

// -----

// expected-remark @+2 {{attention: 0 in one piece, 1 in several operations}}
// expected-note @+1 {{'soft': its mask Where '?' puts -1e+09, expected -infinity: there may be rows that have nothing else}}
pipe.model @outweighed inputs [] outputs []
func.func @outweighed(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %added: tensor<2x1x1x6xf32>) -> (tensor<2x6x4x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %low = arith.constant dense<-1.0e+09> : tensor<f32>
  %keep = arith.constant dense<[[true, false, false, false, false, false], [true, true, false, false, false, false], [true, true, true, false, false, false], [true, true, true, true, false, false], [true, true, true, true, true, false], [true, true, true, true, true, true]]> : tensor<6x6xi1>
  %s0 = pipe.onnx_node "Where"(%keep, %m, %low) opset 23 present [true, true, true] {} : (tensor<6x6xi1>, tensor<2x4x6x6xf32>, tensor<f32>) -> tensor<2x4x6x6xf32>
  %s = pipe.onnx_node "Add"(%s0, %added) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x1x1x6xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32> loc("soft")
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// -----

// No attention: nothing uses the probabilities in a product.
pipe.model @classes inputs [] outputs []
func.func @classes(%x: tensor<2x8xf32>, %w: tensor<8x5xf32>) -> tensor<2x5xf32> {
  %m = pipe.onnx_node "MatMul"(%x, %w) opset 23 present [true, true] {} : (tensor<2x8xf32>, tensor<8x5xf32>) -> tensor<2x5xf32>
  %p = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<2x5xf32>) -> tensor<2x5xf32>
  return %p : tensor<2x5xf32>
}
