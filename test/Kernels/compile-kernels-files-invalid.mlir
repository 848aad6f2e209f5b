// What does not depend on the kernels but on where they go and for whom.

// RUN: not bitpipe-opt %s --pipe-compile-kernels -o /dev/null 2>&1 | FileCheck %s --check-prefix=NAMELESS
// RUN: not bitpipe-opt %s --pipe-compile-kernels=output=%t/none/k.so -o /dev/null 2>&1 | FileCheck %s --check-prefix=FOLDER
// RUN: not bitpipe-opt %s "--pipe-compile-kernels=output=%t.so cpu=abacus" -o /dev/null 2>&1 | FileCheck %s --check-prefix=CPU
// RUN: echo mine > %t.other && not bitpipe-opt %s --pipe-compile-kernels=output=%t.other -o /dev/null 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: bash -c 'opt=$(command -v bitpipe-opt); no=$(command -v not); PATH=; "$no" "$opt" %s --pipe-compile-kernels=output=%t.so -o /dev/null' 2>&1 | FileCheck %s --check-prefix=LINKER

// NAMELESS: error: found no output, expected output=FILE.so
// FOLDER: error: kernels could not be compiled: {{.*}}k.so: cannot write: No such file or directory
// OTHER: error: kernels could not be compiled: {{.*}}.other: is there and was not written by bitpipe
// CPU: error: kernels could not be compiled: cpu is 'abacus', expected one that LLVM knows for
// LINKER: error: kernels could not be compiled: found no linker, expected ld.lld, ld or cc on the PATH
module {
module @kernels {
  func.func @k(%x: memref<4xf32>, %y: memref<4xf32>) {
    linalg.copy ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
    return
  }
}
}
