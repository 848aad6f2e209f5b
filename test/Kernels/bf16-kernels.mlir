// Operands that lie in memory as bf16, every kind of kernel: what is computed is
// f32, and rounded once.

// RUN: rm -f %t.so %t.avx2.so
// RUN: bitpipe-opt %s --pipe-compile-kernels=output=%t.so -o /dev/null
// RUN: %python %S/check-bf16.py %t.so
// RUN: bitpipe-opt %s "--pipe-compile-kernels=output=%t.avx2.so cpu=x86-64-v3" -o /dev/null
// RUN: %python %S/check-bf16.py %t.avx2.so

// Rounding is no function of a library, nor of one element at a time.
// RUN: llvm-nm --undefined-only %t.avx2.so | FileCheck %s --check-prefix=SYMBOLS --allow-empty
// SYMBOLS-NOT: bf2
// RUN: llvm-objdump -d --disassemble-symbols=round.body %t.avx2.so | FileCheck %s --check-prefix=CODE
// CODE: vpackusdw

#id = affine_map<(i, j) -> (i, j)>
#ji = affine_map<(i, j) -> (j, i)>
#i = affine_map<(i, j) -> (i)>
#j = affine_map<(i, j) -> (j)>
#x = affine_map<(i) -> (i)>
!x = memref<37x50xbf16>
!full = memref<37x50xf32>
!rows = memref<37xf32>
!columns = memref<50xf32>
!ids = memref<37xi64>

module {
module @kernels {
  func.func @round(%x: memref<65536xf32>, %y: memref<65536xbf16>) {
    linalg.generic {indexing_maps = [#x, #x], iterator_types = ["parallel"]} ins(%x : memref<65536xf32>) outs(%y : memref<65536xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %r = arith.truncf %in : f32 to bf16
      linalg.yield %r : bf16
    }
    return
  }
  func.func @extend(%x: memref<65536xbf16>, %y: memref<65536xf32>) {
    linalg.generic {indexing_maps = [#x, #x], iterator_types = ["parallel"]} ins(%x : memref<65536xbf16>) outs(%y : memref<65536xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %r = arith.extf %in : bf16 to f32
      linalg.yield %r : f32
    }
    return
  }
  func.func @copy(%x: !x, %y: memref<50x37xbf16>) {
    linalg.generic {indexing_maps = [#id, #ji], iterator_types = ["parallel", "parallel"]} ins(%x : !x) outs(%y : memref<50x37xbf16>) {
    ^bb0(%in: bf16, %out: bf16):
      linalg.yield %in : bf16
    }
    return
  }
  func.func @fill(%y: !x) {
    %c = arith.constant 1.5 : bf16
    linalg.fill ins(%c : bf16) outs(%y : !x)
    return
  }
  func.func @scale_rows(%x: !x, %w: memref<37xbf16>, %b: !columns, %y: !x) {
    linalg.generic {indexing_maps = [#id, #i, #j, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %w, %b : !x, memref<37xbf16>, !columns) outs(%y : !x) {
    ^bb0(%in: bf16, %factor: bf16, %shift: f32, %out: bf16):
      %a = arith.extf %in : bf16 to f32
      %f = arith.extf %factor : bf16 to f32
      %p = arith.mulf %a, %f : f32
      %s = arith.addf %p, %shift : f32
      %r = arith.truncf %s : f32 to bf16
      linalg.yield %r : bf16
    }
    return
  }
  func.func @column_sums(%x: !x, %y: !columns) {
    linalg.generic {indexing_maps = [#id, #j], iterator_types = ["reduction", "parallel"]} ins(%x : !x) outs(%y : !columns) {
    ^bb0(%in: bf16, %out: f32):
      %a = arith.extf %in : bf16 to f32
      %s = arith.addf %out, %a : f32
      linalg.yield %s : f32
    }
    return
  }
  func.func @row_sums(%x: !x, %y: !rows) {
    linalg.generic {indexing_maps = [#id, #i], iterator_types = ["parallel", "reduction"]} ins(%x : !x) outs(%y : !rows) {
    ^bb0(%in: bf16, %out: f32):
      %a = arith.extf %in : bf16 to f32
      %s = arith.addf %out, %a : f32
      linalg.yield %s : f32
    }
    return
  }
  func.func @softmax(%x: !x, %y: !x) {
    pipe.softmax scale 0.5 causal ins(%x : !x) outs(%y : !x)
    return
  }
  func.func @softmax_grad(%dy: !x, %y: !x, %dx: !x) {
    pipe.softmax_grad scale 0.5 ins(%dy, %y : !x, !x) outs(%dx : !x)
    return
  }
  func.func @layer_norm(%x: !x, %w: !columns, %b: !columns, %y: !x, %m: !rows, %r: !rows) {
    pipe.layer_norm epsilon 1.0e-5 ins(%x, %w, %b : !x, !columns, !columns) outs(%y, %m, %r : !x, !rows, !rows)
    return
  }
  func.func @layer_norm_grad_input(%dy: !x, %x: !x, %w: !columns, %m: !rows, %r: !rows, %dx: !full) {
    pipe.layer_norm_grad_input ins(%dy, %x, %w, %m, %r : !x, !x, !columns, !rows, !rows) outs(%dx : !full)
    return
  }
  func.func @layer_norm_grad_params(%dy: !full, %x: !x, %m: !rows, %r: !rows, %dw: !columns, %db: !columns) {
    pipe.layer_norm_grad_params ins(%dy, %x, %m, %r : !full, !x, !rows, !rows) outs(%dw, %db : !columns, !columns)
    return
  }
  func.func @gather(%t: memref<11x50xf32>, %ids: !ids, %y: !x) {
    pipe.gather ins(%t, %ids : memref<11x50xf32>, !ids) outs(%y : !x)
    return
  }
  func.func @gather_same(%t: memref<11x50xbf16>, %ids: !ids, %y: !x) {
    pipe.gather ins(%t, %ids : memref<11x50xbf16>, !ids) outs(%y : !x)
    return
  }
  func.func @gather_grad(%dy: !x, %ids: !ids, %dt: memref<11x50xf32>) {
    pipe.gather_grad ins(%dy, %ids : !x, !ids) outs(%dt : memref<11x50xf32>)
    return
  }
  func.func @dropout(%x: !x, %key: memref<i64>, %y: !x) {
    pipe.dropout ratio 0.25 ins(%x, %key : !x, memref<i64>) outs(%y : !x)
    return
  }
  func.func @cross_entropy(%x: !x, %labels: !ids, %loss: memref<f32>, %lse: !rows) {
    pipe.cross_entropy ins(%x, %labels : !x, !ids) outs(%loss, %lse : memref<f32>, !rows)
    return
  }
  func.func @cross_entropy_grad(%d: memref<f32>, %x: !x, %labels: !ids, %lse: !rows, %dx: !x) {
    pipe.cross_entropy_grad ins(%d, %x, %labels, %lse : memref<f32>, !x, !ids, !rows) outs(%dx : !x)
    return
  }
}
}
