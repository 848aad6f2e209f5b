// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics --pipe-linalg-to-loops

func.func @dynamic(%x: memref<?xf32>) {
  // expected-error @+1 {{linalg.copy operand 0 is 'memref<?xf32>', expected a memref of static shape and strides}}
  linalg.copy ins(%x : memref<?xf32>) outs(%x : memref<?xf32>)
  return
}

// -----

func.func @offset(%x: memref<4xf32, strided<[1], offset: ?>>) {
  // expected-error @+1 {{linalg.copy operand 0 is 'memref<4xf32, strided<[1], offset: ?>>', expected a memref of static shape and strides}}
  linalg.copy ins(%x : memref<4xf32, strided<[1], offset: ?>>) outs(%x : memref<4xf32, strided<[1], offset: ?>>)
  return
}

// -----

func.func @tensors(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{linalg.copy operand 0 is 'tensor<4xf32>', expected a memref of static shape and strides}}
  %y = linalg.copy ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @halves(%x: memref<4xf32>, %y: memref<8xf32>) {
  // expected-error-re @+1 {{linalg.generic operand 0 is indexed by affine_map<(d0) -> (d0 floordiv 2)>, expected a linear map}}
  linalg.generic {indexing_maps = [affine_map<(i) -> (i floordiv 2)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<4xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%a: f32, %out: f32):
    linalg.yield %a : f32
  }
  return
}
