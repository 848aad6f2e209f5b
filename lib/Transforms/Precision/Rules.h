//===- Rules.h - What operations ask of types and make ---------------------===//
//
// One row per operation. What is not in the table is refused.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_PRECISION_RULES_H
#define BITPIPE_TRANSFORMS_PRECISION_RULES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace bitpipe {

/// What kind of value it is, whatever it lies in memory as.
enum class Nature {
  Fixed,     // depends on no parameter: inputs, constants, masks, positions
  Parameter, // and what is made of parameters and fixed values only
  Brain,     // bf16 in PyTorch's autocast: products, and what follows from them
  Full,      // f32 there: embeddings, normalised values, sums with such
  Statistic, // f32 always: means, deviations, losses, sums of gradients
};

/// What an elementwise operation makes of two inputs.
Nature combined(Nature a, Nature b);

/// Whether it is f32 where one function hands it to another.
inline bool staysFull(Nature nature) {
  return nature != Nature::Brain && nature != Nature::Full;
}

/// How an operand has to lie in memory.
enum class Demand {
  Any,    // as it does
  Brain,  // bf16
  Full,   // f32
  Result, // as the result does: it is the result's beginning, or a piece of it
  None,   // nothing is read
};

/// As what a result lies in memory: as those who read it like it best, or as f32 or bf16
/// whoever reads it.
enum class StoredAs { Read, Full, Brain };

/// What an operation makes.
struct Makes {
  Nature nature;
  StoredAs stored = StoredAs::Read;
};

bool isFloatTensor(mlir::Type type);

/// Whether an operation's result is its operand's memory, seen otherwise.
bool isViewOf(mlir::Operation *op);

/// Whether a tensor is made anew wherever it is read, in the type that is asked
/// for: a constant, a fill, an empty one.
bool isMadeAnew(mlir::Operation *op);

/// Whether there is a rule for the operation.
bool hasRule(mlir::Operation *op);

/// What an operation asks of an operand that is an f32 tensor. `natureOf` tells what
/// its operands are.
Demand demandOf(mlir::OpOperand &operand,
                llvm::function_ref<Nature(mlir::Value)> natureOf);

/// What result `i` is; `sums` where the function adds up gradients of parameters.
Makes makes(mlir::Operation *op, unsigned i, bool sums,
            llvm::function_ref<Nature(mlir::Value)> natureOf);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PRECISION_RULES_H
