// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics --pipe-compute-to-loops

func.func @tensors(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{pipe.softmax operand 0 is 'tensor<4x4xf32>', expected a memref of static shape}}
  %y = pipe.softmax ins(%x : tensor<4x4xf32>) outs(%x : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

func.func @dynamic(%x: memref<4x?xf32>) {
  // expected-error @+1 {{pipe.softmax operand 0 is 'memref<4x?xf32>', expected a memref of static shape}}
  pipe.softmax ins(%x : memref<4x?xf32>) outs(%x : memref<4x?xf32>)
  return
}

// -----

func.func @half(%x: memref<4x4xf16>) {
  // expected-error @+1 {{pipe.softmax operand 0 has elements of 'f16', expected f32, f64 or bf16}}
  pipe.softmax ins(%x : memref<4x4xf16>) outs(%x : memref<4x4xf16>)
  return
}
