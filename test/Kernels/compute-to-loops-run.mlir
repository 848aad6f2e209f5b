// Compute operations on tensors of f64, bufferized by upstream and run.

// RUN: bitpipe-opt %s --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" \
// RUN:   --pipe-compute-to-loops --convert-scf-to-cf --convert-vector-to-llvm \
// RUN:   --expand-strided-metadata --lower-affine --convert-to-llvm --reconcile-unrealized-casts \
// RUN: | mlir-runner --entry-point-result=void --shared-libs=%mlir_lib/libmlir_runner_utils.so,%mlir_lib/libmlir_c_runner_utils.so \
// RUN: | FileCheck %s

func.func private @printMemrefF64(tensor<*xf64>)

func.func @main() {
  %x = arith.constant dense<[[1.0, 2.0, 0.0, 1.0], [0.5, 1.5, -1.0, 2.0], [0.0, 1.0, 2.0, 3.0]]> : tensor<3x4xf64>
  %ids = arith.constant dense<[1, -1, 1]> : tensor<3xi64>
  %ones = arith.constant dense<1.0> : tensor<4xf64>
  %zeros = arith.constant dense<0.0> : tensor<4xf64>

  // CHECK: 0.377541, 0.622459, 0, 0
  // CHECK-NEXT: 0.320401, 0.528252, 0.151347, 0
  // CHECK-NEXT: 0.101536, 0.167405, 0.276004, 0.455054
  %e0 = tensor.empty() : tensor<3x4xf64>
  %y = pipe.softmax scale 0.5 causal ins(%x : tensor<3x4xf64>) outs(%e0 : tensor<3x4xf64>) -> tensor<3x4xf64>
  %u0 = tensor.cast %y : tensor<3x4xf64> to tensor<*xf64>
  func.call @printMemrefF64(%u0) : (tensor<*xf64>) -> ()

  // CHECK: 0, 1.41421, -1.41421, 0
  %e1 = tensor.empty() : tensor<3x4xf64>
  %e2 = tensor.empty() : tensor<3xf64>
  %e3 = tensor.empty() : tensor<3xf64>
  %n, %m, %r = pipe.layer_norm epsilon 0.0 ins(%x, %ones, %zeros : tensor<3x4xf64>, tensor<4xf64>, tensor<4xf64>)
      outs(%e1, %e2, %e3 : tensor<3x4xf64>, tensor<3xf64>, tensor<3xf64>) -> tensor<3x4xf64>, tensor<3xf64>, tensor<3xf64>
  %u1 = tensor.cast %n : tensor<3x4xf64> to tensor<*xf64>
  func.call @printMemrefF64(%u1) : (tensor<*xf64>) -> ()

  // The gradient of a gather adds rows 0 and 2 to row 1, in place of a copy of
  // what is needed once more.
  // CHECK: 1, 2, 0, 1
  // CHECK-NEXT: 1.5, 4.5, 1, 6
  // CHECK-NEXT: 0.5, 2.5, 1, 5
  %g = pipe.gather_grad ins(%x, %ids : tensor<3x4xf64>, tensor<3xi64>) outs(%x : tensor<3x4xf64>) -> tensor<3x4xf64>
  %u2 = tensor.cast %g : tensor<3x4xf64> to tensor<*xf64>
  func.call @printMemrefF64(%u2) : (tensor<*xf64>) -> ()

  // CHECK: 4.06671
  %e4 = tensor.empty() : tensor<f64>
  %e5 = tensor.empty() : tensor<3xf64>
  %labels = arith.constant dense<[1, -100, 0]> : tensor<3xi64>
  %loss, %lse = pipe.cross_entropy ins(%x, %labels : tensor<3x4xf64>, tensor<3xi64>)
      outs(%e4, %e5 : tensor<f64>, tensor<3xf64>) -> tensor<f64>, tensor<3xf64>
  %u3 = tensor.cast %loss : tensor<f64> to tensor<*xf64>
  func.call @printMemrefF64(%u3) : (tensor<*xf64>) -> ()
  return
}
