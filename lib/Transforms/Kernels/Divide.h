//===- Divide.h - What several threads may do of one kernel ----------------===//
//
// The steps of one loop of a kernel, whose results no other step touches, are counted
// in units; a call does those from one unit to another (Runtime/ABI.h). Units are
// chosen so that the same code works on the same elements however many calls there
// are: the bits do not depend on it.
//
// An operation that is alone in its kernel asks for its loop's range here; in a
// function that is no such kernel the range is the whole loop.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_DIVIDE_H
#define BITPIPE_TRANSFORMS_KERNELS_DIVIDE_H

#include "lib/Transforms/Kernels/Lanes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace bitpipe {

/// So many units are enough for any team, so that outer loops which have as many are
/// taken, and the loops in them stay whole.
constexpr int64_t enoughUnits = 64;

/// What a buffer holds; 0 of what is no buffer.
int64_t bytesOf(mlir::Value buffer);

/// About what an operation reads and writes. Of a table it touches as much as of what
/// goes there or comes from it.
int64_t touchedBytes(mlir::Operation *op);

/// Marks the kernels that can be divided: those of one operation.
void markDivisible(mlir::ModuleOp kernels);

/// The part of a loop of `size` steps that a call does, in units of `unit` steps; the
/// last one may be shorter. Asked once per operation.
Interval divide(mlir::OpBuilder &b, mlir::Operation *op, int64_t size, int64_t unit);

/// Emits what `body` does so that it is done once, by one thread, after all units.
void emitFinish(mlir::OpBuilder &b, mlir::Operation *op,
                llvm::function_ref<void()> body);

/// What Runtime/ABI.h calls the units of a kernel.
struct KernelUnits {
  int64_t count = 1, bytes = 0;
  bool finishes = false;
  bool arePassed = false; // as the last two arguments of the function
};

/// Takes what is known of a kernel's units from the function's attributes.
KernelUnits takeUnits(mlir::func::FuncOp kernel);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_DIVIDE_H
