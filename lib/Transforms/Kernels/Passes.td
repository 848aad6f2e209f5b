#ifndef BITPIPE_TRANSFORMS_KERNELS_PASSES_TD
#define BITPIPE_TRANSFORMS_KERNELS_PASSES_TD

include "mlir/Pass/PassBase.td"

def PipeComputeToLoops : Pass<"pipe-compute-to-loops"> {
  let summary = "Turns pipe compute operations on buffers into loops";
  let description = [{
    Expects pipe compute operations (`pipe.softmax`, `pipe.layer_norm`, ...) on
    strided memrefs of static shape whose elements are f32, f64 or bf16 (ids and
    labels: integers). bf16 is how an operand lies in memory; all is computed in
    f32. Leaves loops of scf with arith, math, memref and
    vector operations in their place.

    Every operation becomes a nest over its rows. A row is walked in vectors of
    64 bytes, the last one under a mask; where the last dimension is not
    contiguous it is walked element by element. Reductions keep four vectors
    that are folded to a scalar at the end of the row, so their order is fixed by
    the shape alone.

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

def PipeLinalgToLoops : Pass<"pipe-linalg-to-loops"> {
  let summary = "Turns linalg operations on buffers into vector loops";
  let description = [{
    Expects linalg operations on memrefs of static shape and strides, indexed by
    linear maps. Leaves loops of scf with arith, memref and vector operations
    around copies of their scalar bodies.

    The loops are ordered so that the innermost one is contiguous in as many
    operands as possible, and neighbours that every operand walks as if they
    were one are merged; a fused elementwise chain becomes one long loop. The
    innermost loop works on vectors of 64 bytes, the last one under a mask.
    Sums along it are kept in a register; sums across the rows around it take
    eight rows at a time.

    ```mlir
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%x : memref<4x32xf32>) outs(%y : memref<4x32xf32>) {...}
    // becomes
    %flat = memref.reinterpret_cast %x ... : memref<128xf32>
    scf.for %i = %c0 to %c128 step %c16 {
      %v = vector.load %flat[%i] : memref<128xf32>, vector<16xf32>
      ...
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "mlir::vector::VectorDialect"];
}

def PipeCompileKernels : Pass<"pipe-compile-kernels", "mlir::ModuleOp"> {
  let summary = "Compiles the nested module of kernels to a shared object";
  let description = [{
    Expects a nested `module @kernels` of functions without results on memrefs
    of static shape and strides, whose bodies hold linalg and pipe compute
    operations and constants, large ones as constant globals. Writes `output`, a shared object in which every
    function is `void name(void *const *args, int64_t begin, int64_t end)` and has
    beside it the constants `name_extents` (how many arguments, then the bytes that each
    one reaches) and `name_units`, and erases the nested module.

    `begin` and `end` are units of one loop of the kernel, so that several threads can
    share it: the outermost loop that has enough of them and whose steps write to places
    of their own (so of sums down the columns the columns, in vectors). Whoever does
    which, the bits are the same. `name_units` holds how many there are, how many bytes
    they touch, about, and whether a call behind the last unit has something left to do:
    the sum of the losses of all rows, the check of all indices.

    An index that lies outside of its table, or a label without a class, takes
    the first row, or none, and is put on record in a symbol of the shared object
    (Runtime/ABI.h).

    Distinct arguments never alias; an operation that works in place uses one
    argument twice. An argument is the address of its memref's base, to which
    the layout's offset is added. The shared object needs memset and memcpy
    from outside, and the math library only where elements are f64. If there is a
    `pipe.training`, it is given the file's name and hash.

    Operations become vector loops (see pipe-compute-to-loops and
    pipe-linalg-to-loops), functions of f32 become arithmetic, and LLVM
    generates code for this machine unless `cpu` or `features` name another of
    its kind. The file is written whole or not at all, and none is replaced that
    bitpipe did not write.

    ```mlir
    module @kernels {
      func.func @k0(%x: memref<4x32xf32>, %y: memref<4x32xf32>) {
        pipe.softmax ins(%x : memref<4x32xf32>) outs(%y : memref<4x32xf32>)
        return
      }
    }
    // becomes, in the shared object
    // void k0(void *const *args, int64_t begin, int64_t end);
    ```
  }];
  let options = [
    Option<"output", "output", "std::string", "", "The shared object to write">,
    Option<"cpu", "cpu", "std::string", "", "LLVM's name of the CPU, this machine's by default">,
    Option<"features", "features", "std::string", "", "LLVM's features, such as +avx2,+fma">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::cf::ControlFlowDialect",
                           "mlir::LLVM::LLVMDialect", "mlir::math::MathDialect",
                           "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect",
                           "mlir::vector::VectorDialect"];
}

def PipeCompileGPUKernels : Pass<"pipe-compile-gpu-kernels", "mlir::ModuleOp"> {
  let summary = "Compiles the nested module of kernels for a GPU";
  let description = [{
    Expects what pipe-compile-kernels does. Writes `output`, for `arch` sm_80, sm_90 or
    sm_100 the text of PTX, which the GPU's driver assembles, or a fat binary of it and of
    machine code for `arch` if `assembler` is the folder of ptxas and fatbinary; erases the nested module
    and leaves a `pipe.gpu_kernel` in the place of each of its functions: its launches,
    the bytes that every argument reaches, and what it reads and writes. If there is a
    `pipe.training`, it is given the file's name and hash, and `arch`.

    Every operation of a kernel is a launch, or two where sums cross blocks of threads;
    launches of a kernel come one after the other. Elementwise operations: a vector of
    16 bytes per thread, and tiles in memory of the block where an operand is transposed.
    Row operations and sums of rows: up to a warp per row if it is short, else a block,
    whose threads keep their part of a row in registers. Sums down the columns: threads
    of their own for chunks of the rows, and a second launch that adds the chunks. Any
    other nest: a thread per point, which takes the terms in order. Nothing is added by
    atomics: which thread adds what follows from the shape alone, the same bits on every
    run.

    Every launch is a kernel `name`, or `name_1` and so on, whose parameters are a
    pointer per argument and, if the launches share scratch memory, one to that. Block
    sizes are the kernel's own (`.reqntid`).

    With `arch` emulated the output is a shared object of this machine, for tests: the
    same code, in which an entry is the code of one thread and calls functions for what
    a GPU does (GPU/Emulation.h, test/Doubles/Grid.h).

    Functions that neither the GPU nor this phase has arithmetic for, which are those of
    f64, are refused.

    ```mlir
    module @kernels {
      func.func @k0(%x: memref<4x32xf32>, %y: memref<4x32xf32>) {
        pipe.softmax ins(%x : memref<4x32xf32>) outs(%y : memref<4x32xf32>)
        return
      }
    }
    // becomes
    pipe.gpu_kernel @k0 extents [512, 512] bytes 1024 entries ["k0"] grids [1] blocks [128] shared [0]
    ```
  }];
  let options = [
    Option<"output", "output", "std::string", "", "The file to write">,
    Option<"arch", "arch", "std::string", "\"sm_90\"", "sm_80, sm_90, sm_100 or emulated">,
    Option<"assembler", "assembler", "std::string", "", "The folder of ptxas and fatbinary, none by default">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::cf::ControlFlowDialect",
                           "mlir::gpu::GPUDialect", "mlir::LLVM::LLVMDialect",
                           "mlir::NVVM::NVVMDialect", "mlir::math::MathDialect",
                           "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect",
                           "mlir::vector::VectorDialect"];
}

#endif
