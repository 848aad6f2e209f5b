//===- Natures.cpp - What kind of value every tensor of a function is ------===//

#include "lib/Transforms/Precision/Natures.h"

using namespace mlir;
using namespace bitpipe;

Value bitpipe::rootOf(Value value) {
  while (isViewOf(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

Natures::Natures(func::FuncOp function, ArrayRef<Passed> arguments, bool sums) {
  for (auto [argument, passed] : llvm::zip_equal(function.getArguments(), arguments))
    natures[argument] = passed.nature;
  auto natureOf = [&](Value value) { return of(value); };
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (isViewOf(&op) || isMadeAnew(&op)) // constants are fixed
      continue;
    for (OpResult result : op.getResults()) {
      if (!isFloatTensor(result.getType()))
        continue;
      Makes made = makes(&op, result.getResultNumber(), sums, natureOf);
      natures[result] = made.nature;
      stored[result] = made.stored;
    }
  }
}
