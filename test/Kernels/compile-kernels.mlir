// Every kind of kernel, compiled and compared with PyTorch: sizes that are no
// multiple of a vector, strides, views that are transposed, work in place, truth
// values and integers.

// RUN: rm -f %t.so %t.avx2.so
// RUN: bitpipe-opt %s --pipe-compile-kernels=output=%t.so | FileCheck %s
// RUN: %python %S/check-kernels.py %t.so
// RUN: bitpipe-opt %s "--pipe-compile-kernels=output=%t.avx2.so cpu=x86-64-v3" -o /dev/null
// RUN: %python %S/check-kernels.py %t.avx2.so

// No f32 function is needed from outside.
// RUN: llvm-nm --undefined-only %t.so | FileCheck %s --check-prefix=SYMBOLS --allow-empty
// SYMBOLS-NOT: {{U .*f$}}

// CHECK: module {
// CHECK-NOT: @kernels

#id = affine_map<(i, j, k) -> (i, j, k)>
#column = affine_map<(i, j, k) -> (k)>
#row = affine_map<(i, j, k) -> (i, j)>
#none = affine_map<(i, j, k) -> ()>
#i = affine_map<(i, j) -> (i)>
#ij = affine_map<(i, j) -> (i, j)>
#ji = affine_map<(i, j) -> (j, i)>
#x = affine_map<(i) -> (i)>
!x = memref<2x37x50xf32>
!strided = memref<2x37x50xf32, strided<[4440, 120, 1], offset: 7>>
!scattered = memref<2x37x50xf32, strided<[3700, 1, 37]>>
!rows = memref<2x37xf32>
!columns = memref<50xf32>
!ids = memref<2x37xi64>

module {
module @kernels {
  func.func @softmax(%x: !x, %y: !x) {
    pipe.softmax scale 0.5 ins(%x : !x) outs(%y : !x)
    return
  }
  func.func @softmax_causal(%x: !x, %y: !x) {
    pipe.softmax scale 0.5 causal ins(%x : !x) outs(%y : !x)
    return
  }
  // More rows than columns: the first rows are empty.
  func.func @softmax_causal_tall(%x: memref<50x37xf32>, %y: memref<50x37xf32>) {
    pipe.softmax causal ins(%x : memref<50x37xf32>) outs(%y : memref<50x37xf32>)
    return
  }
  func.func @softmax_strided(%x: !strided, %y: !scattered) {
    pipe.softmax ins(%x : !strided) outs(%y : !scattered)
    return
  }
  func.func @softmax_in_place(%x: !x) {
    pipe.softmax ins(%x : !x) outs(%x : !x)
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
  func.func @layer_norm_grad_input(%dy: !x, %x: !x, %w: !columns, %m: !rows, %r: !rows, %dx: !x) {
    pipe.layer_norm_grad_input ins(%dy, %x, %w, %m, %r : !x, !x, !columns, !rows, !rows) outs(%dx : !x)
    return
  }
  func.func @layer_norm_grad_params(%dy: !x, %x: !x, %m: !rows, %r: !rows, %dw: !columns, %db: !columns) {
    pipe.layer_norm_grad_params ins(%dy, %x, %m, %r : !x, !x, !rows, !rows) outs(%dw, %db : !columns, !columns)
    return
  }
  func.func @gather(%t: memref<11x50xf32>, %ids: !ids, %y: !x) {
    pipe.gather ins(%t, %ids : memref<11x50xf32>, !ids) outs(%y : !x)
    return
  }
  func.func @gather_scalars(%t: memref<11xf32>, %ids: !ids, %y: !rows) {
    pipe.gather ins(%t, %ids : memref<11xf32>, !ids) outs(%y : !rows)
    return
  }
  func.func @gather_truths(%t: memref<11x50xi1>, %ids: !ids, %y: memref<2x37x50xi1>) {
    pipe.gather ins(%t, %ids : memref<11x50xi1>, !ids) outs(%y : memref<2x37x50xi1>)
    return
  }
  func.func @gather_grad(%dy: !x, %ids: !ids, %dt: memref<11x50xf32>) {
    pipe.gather_grad ins(%dy, %ids : !x, !ids) outs(%dt : memref<11x50xf32>)
    return
  }
  func.func @cross_entropy(%x: !x, %l: !ids, %loss: memref<f32>, %lse: !rows) {
    pipe.cross_entropy ins(%x, %l : !x, !ids) outs(%loss, %lse : memref<f32>, !rows)
    return
  }
  func.func @cross_entropy_grad(%d: memref<f32>, %x: !x, %l: !ids, %lse: !rows, %dx: !x) {
    pipe.cross_entropy_grad ins(%d, %x, %l, %lse : memref<f32>, !x, !ids, !rows) outs(%dx : !x)
    return
  }
  func.func @round_odd(%x: memref<17xf32>, %y: memref<17xbf16>) {
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : memref<17xf32>) outs(%y : memref<17xbf16>) {
    ^bb0(%a: f32, %o: bf16):
      %r = arith.truncf %a : f32 to bf16
      linalg.yield %r : bf16
    }
    return
  }
  func.func @norm_odd(%x: memref<3x33xf32>, %w: memref<33xf32>, %y: memref<3x33xbf16>, %m: memref<3xf32>, %r: memref<3xf32>) {
    pipe.layer_norm epsilon 1.0e-5 ins(%x, %w, %w : memref<3x33xf32>, memref<33xf32>, memref<33xf32>) outs(%y, %m, %r : memref<3x33xbf16>, memref<3xf32>, memref<3xf32>)
    return
  }
  func.func @cross_entropy_long(%x: memref<9x20003xf32>, %l: memref<9xi64>, %loss: memref<f32>, %lse: memref<9xf32>) {
    pipe.cross_entropy ins(%x, %l : memref<9x20003xf32>, memref<9xi64>) outs(%loss, %lse : memref<f32>, memref<9xf32>)
    return
  }
  func.func @cross_entropy_f64(%x: memref<4x9xf64>, %l: memref<4xi32>, %loss: memref<f64>, %lse: memref<4xf64>) {
    pipe.cross_entropy ignore_index -1 ins(%x, %l : memref<4x9xf64>, memref<4xi32>) outs(%loss, %lse : memref<f64>, memref<4xf64>)
    return
  }

  func.func @add_bias(%x: !x, %b: !columns, %y: !x) {
    linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%x, %b : !x, !columns) outs(%y : !x) {
    ^bb0(%u: f32, %v: f32, %out: f32):
      %s = arith.addf %u, %v : f32
      linalg.yield %s : f32
    }
    return
  }
  memref.global "private" constant @table : memref<3xf32> = dense<[1.0, -2.0, 3.0]>
  func.func @add_table(%x: memref<37x3xf32>, %y: memref<37x3xf32>) {
    %t = memref.get_global @table : memref<3xf32>
    linalg.generic {indexing_maps = [#ij, affine_map<(i, j) -> (j)>, #ij], iterator_types = ["parallel", "parallel"]}
        ins(%x, %t : memref<37x3xf32>, memref<3xf32>) outs(%y : memref<37x3xf32>) {
    ^bb0(%u: f32, %v: f32, %out: f32):
      %s = arith.addf %u, %v : f32
      linalg.yield %s : f32
    }
    return
  }
  func.func @add_in_place(%x: !x, %y: !x) {
    linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%x, %y : !x, !x) outs(%x : !x) {
    ^bb0(%u: f32, %v: f32, %out: f32):
      %s = arith.addf %u, %v : f32
      linalg.yield %s : f32
    }
    return
  }
  func.func @sum_rows(%x: !x, %y: !columns) {
    linalg.generic {indexing_maps = [#id, #column], iterator_types = ["reduction", "reduction", "parallel"]}
        ins(%x : !x) outs(%y : !columns) {
    ^bb0(%u: f32, %out: f32):
      %s = arith.addf %out, %u : f32
      linalg.yield %s : f32
    }
    return
  }
  func.func @max_columns(%x: !x, %y: !rows) {
    linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%x : !x) outs(%y : !rows) {
    ^bb0(%u: f32, %out: f32):
      %s = arith.maximumf %out, %u : f32
      linalg.yield %s : f32
    }
    return
  }
  func.func @sum_all(%x: !strided, %y: memref<f32>) {
    linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction", "reduction", "reduction"]}
        ins(%x : !strided) outs(%y : memref<f32>) {
    ^bb0(%u: f32, %out: f32):
      %s = arith.addf %u, %out : f32
      linalg.yield %s : f32
    }
    return
  }
  // What is not a plain combination of a term with the sum so far.
  func.func @horner(%x: !x, %y: !rows) {
    linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%x : !x) outs(%y : !rows) {
    ^bb0(%u: f32, %out: f32):
      %half = arith.constant 0.5 : f32
      %h = arith.mulf %out, %half : f32
      %s = arith.addf %h, %u : f32
      linalg.yield %s : f32
    }
    return
  }
  // An elementwise result and its sums down the columns and along the rows.
  func.func @several_results(%x: !x, %y: !x, %c: !columns, %r: !rows) {
    linalg.generic {indexing_maps = [#id, #id, #column, #row], iterator_types = ["reduction", "reduction", "reduction"]}
        ins(%x : !x) outs(%y, %c, %r : !x, !columns, !rows) {
    ^bb0(%u: f32, %out: f32, %oc: f32, %or: f32):
      %d = arith.addf %u, %u : f32
      %s = arith.addf %oc, %d : f32
      %t = arith.addf %or, %d : f32
      linalg.yield %d, %s, %t : f32, f32, f32
    }
    return
  }
  func.func @transpose(%x: memref<37x50xf32>, %y: memref<50x37xf32>) {
    linalg.transpose ins(%x : memref<37x50xf32>) outs(%y : memref<50x37xf32>) permutation = [1, 0]
    return
  }
  func.func @split_heads(%x: memref<2x37x4x16xf32>, %y: memref<2x4x37x16xf32>) {
    linalg.transpose ins(%x : memref<2x37x4x16xf32>) outs(%y : memref<2x4x37x16xf32>) permutation = [0, 2, 1, 3]
    return
  }
  func.func @add_transposed(%x: memref<37x50xf32>, %y: memref<50x37xf32>, %z: memref<37x50xf32>) {
    linalg.generic {indexing_maps = [#ij, #ji, #ij], iterator_types = ["parallel", "parallel"]}
        ins(%x, %y : memref<37x50xf32>, memref<50x37xf32>) outs(%z : memref<37x50xf32>) {
    ^bb0(%u: f32, %v: f32, %out: f32):
      %s = arith.addf %u, %v : f32
      linalg.yield %s : f32
    }
    return
  }
  func.func @fill(%y: !strided) {
    %c = arith.constant 3.0 : f32
    linalg.fill ins(%c : f32) outs(%y : !strided)
    return
  }
  func.func @copy(%x: !strided, %y: !x) {
    linalg.copy ins(%x : !strided) outs(%y : !x)
    return
  }
  func.func @single(%x: memref<f32>, %y: memref<1x1xf32>) {
    linalg.generic {indexing_maps = [affine_map<(i, j) -> ()>, #ij], iterator_types = ["parallel", "parallel"]}
        ins(%x : memref<f32>) outs(%y : memref<1x1xf32>) {
    ^bb0(%u: f32, %out: f32):
      %s = math.exp %u : f32
      linalg.yield %s : f32
    }
    return
  }
  func.func @equal(%a: memref<2x37xi64>, %b: memref<2x37xi64>, %y: memref<2x37xi1>) {
    linalg.generic {indexing_maps = [#ij, #ij, #ij], iterator_types = ["parallel", "parallel"]}
        ins(%a, %b : memref<2x37xi64>, memref<2x37xi64>) outs(%y : memref<2x37xi1>) {
    ^bb0(%u: i64, %v: i64, %out: i1):
      %s = arith.cmpi eq, %u, %v : i64
      linalg.yield %s : i1
    }
    return
  }
  func.func @select(%c: memref<37x50xi1>, %x: memref<37x50xf32>, %y: memref<37x50xf32>) {
    linalg.generic {indexing_maps = [#ij, #ij, #ij], iterator_types = ["parallel", "parallel"]}
        ins(%c, %x : memref<37x50xi1>, memref<37x50xf32>) outs(%y : memref<37x50xf32>) {
    ^bb0(%u: i1, %v: f32, %out: f32):
      %zero = arith.constant 0.0 : f32
      %s = arith.select %u, %v, %zero : f32
      linalg.yield %s : f32
    }
    return
  }
  func.func @lower_triangle(%x: memref<37x50xf32>, %y: memref<37x50xf32>) {
    linalg.generic {indexing_maps = [#ij, #ij], iterator_types = ["parallel", "parallel"]}
        ins(%x : memref<37x50xf32>) outs(%y : memref<37x50xf32>) {
    ^bb0(%v: f32, %out: f32):
      %i = linalg.index 0 : index
      %j = linalg.index 1 : index
      %keep = arith.cmpi ule, %j, %i : index
      %zero = arith.constant 0.0 : f32
      %s = arith.select %keep, %v, %zero : f32
      linalg.yield %s : f32
    }
    return
  }
  func.func @divide_integers(%a: memref<37xi64>, %b: memref<37xi64>, %y: memref<37xi64>) {
    linalg.generic {indexing_maps = [#x, #x, #x], iterator_types = ["parallel"]}
        ins(%a, %b : memref<37xi64>, memref<37xi64>) outs(%y : memref<37xi64>) {
    ^bb0(%u: i64, %v: i64, %out: i64):
      %s = arith.divsi %u, %v : i64
      linalg.yield %s : i64
    }
    return
  }
  func.func @product(%a: memref<13x37xf32>, %b: memref<37x21xf32>, %c: memref<13x21xf32>) {
    linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
                    iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%a, %b : memref<13x37xf32>, memref<37x21xf32>) outs(%c : memref<13x21xf32>) {
    ^bb0(%u: f32, %v: f32, %out: f32):
      %p = arith.mulf %u, %v : f32
      %s = arith.addf %out, %p : f32
      linalg.yield %s : f32
    }
    return
  }
  // y[i] = x[2 * i + 1].
  func.func @odd_elements(%x: memref<74xf32>, %y: memref<37xf32>) {
    linalg.generic {indexing_maps = [affine_map<(i) -> (i * 2 + 1)>, #x], iterator_types = ["parallel"]}
        ins(%x : memref<74xf32>) outs(%y : memref<37xf32>) {
    ^bb0(%u: f32, %out: f32):
      linalg.yield %u : f32
    }
    return
  }
  func.func @functions(%x: memref<1003xf32>, %exp: memref<1003xf32>, %log: memref<1003xf32>, %tanh: memref<1003xf32>,
                       %erf: memref<1003xf32>, %rsqrt: memref<1003xf32>, %pow: memref<1003xf32>, %sin: memref<1003xf32>) {
    linalg.generic {indexing_maps = [#x, #x, #x, #x, #x, #x, #x, #x], iterator_types = ["parallel"]}
        ins(%x : memref<1003xf32>)
        outs(%exp, %log, %tanh, %erf, %rsqrt, %pow, %sin : memref<1003xf32>, memref<1003xf32>, memref<1003xf32>, memref<1003xf32>, memref<1003xf32>, memref<1003xf32>, memref<1003xf32>) {
    ^bb0(%u: f32, %o0: f32, %o1: f32, %o2: f32, %o3: f32, %o4: f32, %o5: f32, %o6: f32):
      %three = arith.constant 3.0 : f32
      %0 = math.exp %u : f32
      %1 = math.log %u : f32
      %2 = math.tanh %u : f32
      %3 = math.erf %u : f32
      %4 = math.rsqrt %u : f32
      %5 = math.powf %u, %three : f32
      %6 = math.sin %u : f32
      linalg.yield %0, %1, %2, %3, %4, %5, %6 : f32, f32, f32, f32, f32, f32, f32
    }
    return
  }
}
}
