// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics --pipe-compile-kernels=output=%t.so
// RUN: not ls %t.so

// expected-error @+1 {{found no module named 'kernels', expected one inside the module to compile}}
module {
}

// -----

module {
module @kernels {
  // expected-error @+1 {{kernel 'k' takes 'memref<?xf32>', expected a memref of static shape and strides}}
  func.func @k(%x: memref<?xf32>) {
    return
  }
}
}

// -----

module {
module @kernels {
  // expected-error @+1 {{kernel 'k' takes 'index', expected a memref of static shape and strides}}
  func.func @k(%x: index) {
    return
  }
}
}

// -----

module {
module @kernels {
  // expected-error @+1 {{kernel 'k' is '(memref<4xf32>) -> memref<4xf32>', expected a body of one block without results}}
  func.func @k(%x: memref<4xf32>) -> memref<4xf32> {
    return %x : memref<4xf32>
  }
}
}

// -----

module {
module @kernels {
  func.func @k(%x: memref<4xf32>) {
    // expected-error @+1 {{kernel 'k' holds memref.alloc, expected linalg and pipe compute operations on buffers}}
    %y = memref.alloc() : memref<4xf32>
    return
  }
}
}

// -----

module {
module @kernels {
  // expected-error @+1 {{the module of kernels holds memref.global, expected functions and constants only}}
  memref.global @g : memref<4xf32>
}
}

// -----

module {
module @kernels {
  func.func @k(%x: memref<4x4xf16>) {
    // expected-error @+1 {{pipe.softmax operand 0 has elements of 'f16'}}
    pipe.softmax ins(%x : memref<4x4xf16>) outs(%x : memref<4x4xf16>)
    return
  }
}
}
