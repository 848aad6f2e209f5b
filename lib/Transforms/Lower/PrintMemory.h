//===- PrintMemory.h - What a program's memory is used for ----------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_PRINTMEMORY_H
#define BITPIPE_TRANSFORMS_LOWER_PRINTMEMORY_H

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace bitpipe {

/// Bytes of a device by what they are for: all but the last two are of its arena.
struct MemoryUse {
  int64_t weights = 0, working = 0; // and their copies in bf16
  int64_t stashed = 0;              // older versions of both
  int64_t gradients = 0, optimizer = 0, messages = 0;
  int64_t scratch = 0;     // of the routine that needs most
  int64_t activations = 0; // the rest: what is saved, carried and kept
  int64_t workspace = 0;   // beside the arena: of a GPU's products
  int64_t host = 0;        // of the host's memory

  int64_t arena() const {
    return weights + working + stashed + gradients + optimizer + messages + scratch + activations;
  }
  /// What is known of it before it runs. On a GPU come the inputs of a step, what kernels and
  /// cuDNN work in, the context, kernels, graphs and NCCL.
  int64_t total() const { return arena() + workspace; }
};

/// Of a program in a module, which says what it is for.
MemoryUse memoryUse(pipe::ProgramOp program);

/// One line per device, one column per use.
void printMemoryReport(mlir::ModuleOp module, llvm::raw_ostream &out);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_LOWER_PRINTMEMORY_H
