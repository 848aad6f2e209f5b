// RUN: bitpipe-opt %s --pipe-compute-in-f32 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=SAID --input-file=%t.err

// SAID: remark: computed in f32: 3 nodes that the file computes in f16 and f64, first Cast 'half'
// SAID-NOT: remark

// The type of the file is remembered; a value is kept as what it becomes.
// CHECK: pipe.parameter @w : tensor<4x2xf32> trainable stored bf16 file "w.bin" offset 8
// CHECK: pipe.parameter @v : tensor<2xf32> frozen stored f16 value dense<[1.500000e+00, -6.550400e+04]> : tensor<2xf32>
pipe.parameter @w : tensor<4x2xbf16> trainable file "w.bin" offset 8
pipe.parameter @v : tensor<2xf16> frozen value dense<[1.5, -65504.0]> : tensor<2xf16>

// CHECK: func.func @forward(%[[X:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<4xf32>) -> (tensor<4xf32>, tensor<4x2xf32>, tensor<f32>)
func.func @forward(%x: tensor<4xf32>, %y: tensor<4xf64>) -> (tensor<4xf16>, tensor<4x2xbf16>, tensor<f64>) {
  // The least double stays finite: it is a mask and no infinity.
  // CHECK: arith.constant dense<-3.40282347E+38> : tensor<f32>
  %least = arith.constant dense<-1.7976931348623157e308> : tensor<f64>
  // CHECK-NOT: "Cast"
  %half = pipe.onnx_node "Cast"(%x) opset 18 present [true] {to = 10 : i64} : (tensor<4xf32>) -> tensor<4xf16> loc("half")
  // CHECK: %[[EXP:.*]] = pipe.onnx_node "Exp"(%[[X]]) {{.*}} : (tensor<4xf32>) -> tensor<4xf32>
  %exp = pipe.onnx_node "Exp"(%half) opset 18 present [true] {} : (tensor<4xf16>) -> tensor<4xf16> loc("exp")
  // CHECK: pipe.onnx_node "Mul"(%[[Y]], %[[Y]]) {{.*}} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %square = pipe.onnx_node "Mul"(%y, %y) opset 18 present [true, true] {} : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64> loc("square")
  // A cast of integers casts to f32.
  // CHECK: %[[W:.*]] = pipe.get_parameter @w : tensor<4x2xf32>
  %w = pipe.get_parameter @w : tensor<4x2xbf16>
  // CHECK: return %[[EXP]], %[[W]]
  return %exp, %w, %least : tensor<4xf16>, tensor<4x2xbf16>, tensor<f64>
}
