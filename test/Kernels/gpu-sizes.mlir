// Kernels whose sizes make threads share the work in every way there is: rows of a part
// of a warp, of a warp and of a block, with and without rest; sums in chunks; tiles that
// are cut off. All are compared with the CPU's.

// RUN: %python %S/check_models.py %s

#ij = affine_map<(i, j) -> (i, j)>
#ji = affine_map<(i, j) -> (j, i)>
#i = affine_map<(i, j) -> (i)>
#j = affine_map<(i, j) -> (j)>
#none = affine_map<(i, j) -> ()>

module {
module @kernels {
  func.func @softmax_short(%x: memref<101x12xf32>, %y: memref<101x12xf32>) {
    pipe.softmax ins(%x : memref<101x12xf32>) outs(%y : memref<101x12xf32>)
    return
  }
  func.func @softmax_block(%x: memref<3x4102xbf16>, %y: memref<3x4102xbf16>) {
    pipe.softmax scale 3.0 ins(%x : memref<3x4102xbf16>) outs(%y : memref<3x4102xbf16>)
    return
  }
  func.func @softmax_causal_in_place(%x: memref<2x70x300xbf16>) {
    pipe.softmax causal ins(%x : memref<2x70x300xbf16>) outs(%x : memref<2x70x300xbf16>)
    return
  }
  func.func @softmax_grad_in_place(%dy: memref<9x3000xf32>, %y: memref<9x3000xf32>) {
    pipe.softmax_grad ins(%dy, %y : memref<9x3000xf32>, memref<9x3000xf32>) outs(%dy : memref<9x3000xf32>)
    return
  }
  func.func @layer_norm(%x: memref<5x1024xbf16>, %w: memref<1024xf32>, %b: memref<1024xf32>, %y: memref<5x1024xbf16>, %m: memref<5xf32>, %r: memref<5xf32>) {
    pipe.layer_norm epsilon 1.0e-5 ins(%x, %w, %b : memref<5x1024xbf16>, memref<1024xf32>, memref<1024xf32>) outs(%y, %m, %r : memref<5x1024xbf16>, memref<5xf32>, memref<5xf32>)
    return
  }
  func.func @layer_norm_grad_params(%dy: memref<1030x40xbf16>, %x: memref<1030x40xf32>, %m: memref<1030xf32>, %r: memref<1030xf32>, %dw: memref<40xf32>, %db: memref<40xf32>) {
    pipe.layer_norm_grad_params ins(%dy, %x, %m, %r : memref<1030x40xbf16>, memref<1030x40xf32>, memref<1030xf32>, memref<1030xf32>) outs(%dw, %db : memref<40xf32>, memref<40xf32>)
    return
  }
  func.func @cross_entropy(%x: memref<7x9003xbf16>, %l: memref<7xi64>, %loss: memref<f32>, %lse: memref<7xf32>) {
    pipe.cross_entropy ignore_index 3 ins(%x, %l : memref<7x9003xbf16>, memref<7xi64>) outs(%loss, %lse : memref<f32>, memref<7xf32>)
    return
  }
  func.func @cross_entropy_grad_in_place(%d: memref<f32>, %x: memref<7x9003xbf16>, %l: memref<7xi32>, %lse: memref<7xf32>) {
    pipe.cross_entropy_grad ignore_index 3 ins(%d, %x, %l, %lse : memref<f32>, memref<7x9003xbf16>, memref<7xi32>, memref<7xf32>) outs(%x : memref<7x9003xbf16>)
    return
  }
  func.func @gather_rows(%t: memref<5x3x44xf32>, %i: memref<30xi64>, %y: memref<30x3x44xbf16>) {
    pipe.gather ins(%t, %i : memref<5x3x44xf32>, memref<30xi64>) outs(%y : memref<30x3x44xbf16>)
    return
  }
  func.func @gather_grad(%dy: memref<3x50x3x44xbf16>, %i: memref<3x50xi64>, %t: memref<5x3x44xf32>) {
    pipe.gather_grad ins(%dy, %i : memref<3x50x3x44xbf16>, memref<3x50xi64>) outs(%t : memref<5x3x44xf32>)
    return
  }
  func.func @gather_grad_scalars(%dy: memref<70xf32>, %i: memref<70xi64>, %t: memref<9xf32>) {
    pipe.gather_grad ins(%dy, %i : memref<70xf32>, memref<70xi64>) outs(%t : memref<9xf32>)
    return
  }
  func.func @dropout(%x: memref<3x17x50xbf16>, %k: memref<i64>, %y: memref<3x17x50xbf16>) {
    pipe.dropout ratio 0.3 ins(%x, %k : memref<3x17x50xbf16>, memref<i64>) outs(%y : memref<3x17x50xbf16>)
    return
  }
  func.func @column_sum(%x: memref<2111x24xbf16>, %y: memref<24xf32>) {
    linalg.generic {indexing_maps = [#ij, #j], iterator_types = ["reduction", "parallel"]} ins(%x : memref<2111x24xbf16>) outs(%y : memref<24xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %w = arith.extf %in : bf16 to f32
      %r = arith.addf %out, %w : f32
      linalg.yield %r : f32
    }
    return
  }
  func.func @column_maximum(%x: memref<700x5xf32>, %y: memref<5xf32>) {
    linalg.generic {indexing_maps = [#ij, #j], iterator_types = ["reduction", "parallel"]} ins(%x : memref<700x5xf32>) outs(%y : memref<5xf32>) {
    ^bb0(%in: f32, %out: f32):
      %r = arith.maximumf %out, %in : f32
      linalg.yield %r : f32
    }
    return
  }
  func.func @sum_of_all(%x: memref<300x1001xf32>, %y: memref<f32>) {
    linalg.generic {indexing_maps = [#ij, #none], iterator_types = ["reduction", "reduction"]} ins(%x : memref<300x1001xf32>) outs(%y : memref<f32>) {
    ^bb0(%in: f32, %out: f32):
      %r = arith.addf %out, %in : f32
      linalg.yield %r : f32
    }
    return
  }
  func.func @row_sums_in_chunks(%x: memref<3x40000xf32>, %y: memref<3xf32>) {
    linalg.generic {indexing_maps = [#ij, #i], iterator_types = ["parallel", "reduction"]} ins(%x : memref<3x40000xf32>) outs(%y : memref<3xf32>) {
    ^bb0(%in: f32, %out: f32):
      %r = arith.addf %out, %in : f32
      linalg.yield %r : f32
    }
    return
  }
  // The root of what has been added so far: not a sum, though one of its results is.
  func.func @running_roots(%x: memref<30x77xf32>, %s: memref<30xf32>, %y: memref<30xf32>) {
    linalg.generic {indexing_maps = [#ij, #i, #i], iterator_types = ["parallel", "reduction"]} ins(%x : memref<30x77xf32>) outs(%s, %y : memref<30xf32>, memref<30xf32>) {
    ^bb0(%in: f32, %sofar: f32, %out: f32):
      %q = arith.mulf %in, %in : f32
      %a = arith.addf %sofar, %q : f32
      %m = math.absf %a : f32
      %t = math.sqrt %m : f32
      %r = arith.addf %out, %t : f32
      linalg.yield %a, %r : f32, f32
    }
    return
  }
  func.func @all_true(%x: memref<30x77xi1>, %y: memref<30xi1>) {
    linalg.generic {indexing_maps = [#ij, #i], iterator_types = ["parallel", "reduction"]} ins(%x : memref<30x77xi1>) outs(%y : memref<30xi1>) {
    ^bb0(%in: i1, %out: i1):
      %r = arith.andi %out, %in : i1
      linalg.yield %r : i1
    }
    return
  }
  func.func @largest_id(%x: memref<30x77xi64>, %y: memref<77xi64>) {
    linalg.generic {indexing_maps = [#ij, #j], iterator_types = ["reduction", "parallel"]} ins(%x : memref<30x77xi64>) outs(%y : memref<77xi64>) {
    ^bb0(%in: i64, %out: i64):
      %r = arith.maxsi %out, %in : i64
      linalg.yield %r : i64
    }
    return
  }
  func.func @select_transposed(%x: memref<45x70xf32>, %c: memref<70x45xi1>, %y: memref<45x70xbf16>) {
    linalg.generic {indexing_maps = [#ij, #ji, #ij], iterator_types = ["parallel", "parallel"]} ins(%x, %c : memref<45x70xf32>, memref<70x45xi1>) outs(%y : memref<45x70xbf16>) {
    ^bb0(%in: f32, %condition: i1, %out: bf16):
      %zero = arith.constant 0.0 : f32
      %s = arith.select %condition, %in, %zero : f32
      %r = arith.truncf %s : f32 to bf16
      linalg.yield %r : bf16
    }
    return
  }
  func.func @positions(%y: memref<33x50xi64>) {
    linalg.generic {indexing_maps = [#ij], iterator_types = ["parallel", "parallel"]} outs(%y : memref<33x50xi64>) {
    ^bb0(%out: i64):
      %i = linalg.index 0 : index
      %j = linalg.index 1 : index
      %c = arith.constant 100 : index
      %s = arith.muli %i, %c : index
      %p = arith.addi %s, %j : index
      %r = arith.index_cast %p : index to i64
      linalg.yield %r : i64
    }
    return
  }
}
}
