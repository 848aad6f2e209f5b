#ifndef BITPIPE_TRANSFORMS_KERNELS_PASSES_TD
#define BITPIPE_TRANSFORMS_KERNELS_PASSES_TD

include "mlir/Pass/PassBase.td"

def PipeComputeToLoops : Pass<"pipe-compute-to-loops"> {
  let summary = "Turns pipe compute operations on buffers into loops";
  let description = [{
    Expects pipe compute operations (`pipe.softmax`, `pipe.layer_norm`, ...) on
    strided memrefs of static shape whose elements are f32 or f64 (ids and
    labels: integers). Leaves loops of scf with arith, math, memref and
    vector operations in their place.

    Every operation becomes a nest over its rows. A row is walked in vectors of
    64 bytes, the last one under a mask; where the last dimension is not
    contiguous it is walked element by element. Reductions keep one vector per
    accumulator and are folded to a scalar at the end of the row, so their order
    is fixed by the shape alone.

    ```mlir
    pipe.softmax ins(%x : memref<4x32xf32>) outs(%y : memref<4x32xf32>)
    // becomes
    scf.for %row = %c0 to %c4 step %c1 {
      %max = scf.for %column = %c0 to %c32 step %c16 iter_args(...)
      ...
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::math::MathDialect",
                           "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect",
                           "mlir::vector::VectorDialect"];
}

#endif
