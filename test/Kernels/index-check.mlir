// Indices outside of their table touch no memory but the table's first row, and
// the first one is kept with its place; those that the gradients follow are the
// same and are not counted again.

// RUN: bitpipe-opt %s --pipe-compile-kernels=output=%t.so -o /dev/null
// RUN: %python %S/check-indices.py %t.so

module {
module @kernels {
  func.func @gather(%t: memref<5x4xf32>, %i: memref<2x3xi64>, %y: memref<2x3x4xf32>) {
    pipe.gather ins(%t, %i : memref<5x4xf32>, memref<2x3xi64>) outs(%y : memref<2x3x4xf32>)
    return
  }
  func.func @gather_narrow(%t: memref<5xf32>, %i: memref<2x3xi32>, %y: memref<2x3xf32>) {
    pipe.gather ins(%t, %i : memref<5xf32>, memref<2x3xi32>) outs(%y : memref<2x3xf32>)
    return
  }
  func.func @gather_grad(%dy: memref<2x3x4xf32>, %i: memref<2x3xi64>, %dt: memref<5x4xf32>) {
    pipe.gather_grad ins(%dy, %i : memref<2x3x4xf32>, memref<2x3xi64>) outs(%dt : memref<5x4xf32>)
    return
  }
  func.func @cross_entropy(%x: memref<3x5xf32>, %l: memref<3xi64>, %loss: memref<f32>, %lse: memref<3xf32>) {
    pipe.cross_entropy ignore_index -100 ins(%x, %l : memref<3x5xf32>, memref<3xi64>) outs(%loss, %lse : memref<f32>, memref<3xf32>)
    return
  }
  func.func @cross_entropy_grad(%d: memref<f32>, %x: memref<3x5xf32>, %l: memref<3xi64>, %lse: memref<3xf32>, %dx: memref<3x5xf32>) {
    pipe.cross_entropy_grad ignore_index -100 ins(%d, %x, %l, %lse : memref<f32>, memref<3x5xf32>, memref<3xi64>, memref<3xf32>) outs(%dx : memref<3x5xf32>)
    return
  }
}
}
