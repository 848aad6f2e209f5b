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
  // expected-error @+1 {{pipe.softmax operand 0 has elements of 'f16', expected f32 or f64, one of them in all operands}}
  pipe.softmax ins(%x : memref<4x4xf16>) outs(%x : memref<4x4xf16>)
  return
}

// -----

func.func @mixed(%t: memref<4x4xf32>, %ids: memref<4xi64>, %y: memref<4x4xf64>) {
  // expected-error @+1 {{pipe.gather operand 2 has elements of 'f64', expected f32 or f64, one of them in all operands}}
  pipe.gather ins(%t, %ids : memref<4x4xf32>, memref<4xi64>) outs(%y : memref<4x4xf64>)
  return
}
