// RUN: bitpipe-opt %s | bitpipe-opt | FileCheck %s

// CHECK-LABEL: pipe.routine @calls
pipe.routine @calls blocks [4096, 8] {
  // CHECK-NEXT: pipe.attention_call q <0, 0> [96, 24, 4] k <0, 32> [96, 24, 4] v <0, 64> [96, 24, 4] o <0, 1024> [32, 8, 4] lse <0, 768> [8, 4] workspace <0, 2048> 64 sizes [2, 2, 2, 4, 4, 4, 4] scale 5.000000e-01 right 0
  pipe.attention_call q <0, 0> [96, 24, 4] k <0, 32> [96, 24, 4] v <0, 64> [96, 24, 4] o <0, 1024> [32, 8, 4] lse <0, 768> [8, 4] workspace <0, 2048> 64 sizes [2, 2, 2, 4, 4, 4, 4] scale 0.5 right 0
  // CHECK-NEXT: pipe.attention_call q {{.*}} sizes [1, 1, 1, 1, 1, 1, 1] of bf16
  pipe.attention_call q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1] of bf16
  // CHECK-NEXT: pipe.attention_grad_call d_output <0, 1> [1, 1, 1] q <0, 2> [1, 1, 1] k <0, 3> [1, 1, 1] v <0, 4> [1, 1, 1] o <0, 5> [1, 1, 1] lse <0, 6> [1, 1] dq <0, 7> [1, 1, 1] dk <0, 8> [1, 1, 1] dv <0, 9> [1, 1, 1] bias <0, 10> [0, 0, 0, 1] dbias <0, 11> [0, 0, 0, 1] key <1, 0> workspace <0, 64> 64 sizes [1, 1, 1, 1, 1, 1, 1] left 2 right 3 softcap 5.000000e+00 dropout 1.000000e-01
  pipe.attention_grad_call d_output <0, 1> [1, 1, 1] q <0, 2> [1, 1, 1] k <0, 3> [1, 1, 1] v <0, 4> [1, 1, 1] o <0, 5> [1, 1, 1] lse <0, 6> [1, 1] dq <0, 7> [1, 1, 1] dk <0, 8> [1, 1, 1] dv <0, 9> [1, 1, 1] bias <0, 10> [0, 0, 0, 1] dbias <0, 11> [0, 0, 0, 1] key <1, 0> workspace <0, 64> 64 sizes [1, 1, 1, 1, 1, 1, 1] left 2 right 3 softcap 5.0 dropout 0.1
}
