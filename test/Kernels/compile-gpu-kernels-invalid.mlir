// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics --pipe-compile-gpu-kernels=output=%t.ptx
// RUN: not ls %t.ptx
// RUN: not bitpipe-opt %S/bf16-kernels.mlir "--pipe-compile-gpu-kernels=output=%t.ptx arch=sm_70" 2>&1 | FileCheck %s
// CHECK: error: arch is 'sm_70', expected sm_80, sm_90, sm_100 or emulated

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
  // expected-error @+1 {{kernel 'k' holds no operation, expected at least one}}
  func.func @k(%x: memref<4xf32>) {
    return
  }
}
}

// -----

module {
module @kernels {
  func.func @k(%x: memref<4xf64>) {
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%x : memref<4xf64>) {
    ^bb0(%out: f64):
      // expected-error @+1 {{a kernel computes math.exp of 'f64', expected f32: GPUs have no library for it}}
      %r = math.exp %out : f64
      linalg.yield %r : f64
    }
    return
  }
}
}

// -----

module {
module @kernels {
  func.func @k(%x: memref<16xf32>, %y: memref<4xf32>) {
    // expected-error @+1 {{linalg.generic operand 0 is indexed by affine_map<(d0) -> (d0 floordiv 2)>, expected a linear map}}
    linalg.generic {indexing_maps = [affine_map<(i) -> (i floordiv 2)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : memref<16xf32>) outs(%y : memref<4xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    }
    return
  }
}
}

// -----

module {
module @kernels {
  func.func @k(%x: memref<4x4xf16>, %y: memref<4x4xf16>) {
    // expected-error @+1 {{pipe.softmax operand 0 has elements of 'f16', expected f32, f64 or bf16}}
    pipe.softmax ins(%x : memref<4x4xf16>) outs(%y : memref<4x4xf16>)
    return
  }
}
}

// -----

module {
module @kernels {
  func.func @k(%x: memref<64xf32>, %i: memref<8xi64>, %y: memref<8xf32>) {
    pipe.gather_grad ins(%y, %i : memref<8xf32>, memref<8xi64>) outs(%x : memref<64xf32>)
    return
  }
  // expected-error @+1 {{a launch of kernel 'k_1' has the name 'k_1' of another, expected kernels that are named otherwise}}
  func.func @k_1(%x: memref<64xf32>) {
    %zero = arith.constant 0.0 : f32
    linalg.fill ins(%zero : f32) outs(%x : memref<64xf32>)
    return
  }
}
}
