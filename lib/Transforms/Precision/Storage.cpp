//===- Storage.cpp - In which types the tensors of a function lie in memory ===//
//
// Backwards, so that all reads of a value are known when its own type is decided.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Precision/Storage.h"

#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;
using namespace bitpipe;

/// The result that an operand is the beginning, or a piece, of.
static Value resultOf(OpOperand &operand) {
  if (auto op = dyn_cast<DestinationStyleOpInterface>(operand.getOwner());
      op && op.isDpsInit(&operand))
    return op.getTiedOpResult(&operand);
  return operand.getOwner()->getResult(0);
}

Storage::Storage(func::FuncOp function, ArrayRef<Passed> arguments, ArrayRef<Passed> results,
                 const Natures &natures)
    : natures(natures) {
  Block &block = function.getBody().front();
  for (auto [argument, passed] : llvm::zip_equal(block.getArguments(), arguments))
    if (passed.isBrain)
      brain.insert(argument);
  for (auto [value, passed] : llvm::zip_equal(block.getTerminator()->getOperands(), results))
    (passed.isBrain ? reads[rootOf(value)].asBrain : reads[rootOf(value)].asFull) = true;
  for (Operation &op : llvm::reverse(block.without_terminator())) {
    if (isViewOf(&op) || isMadeAnew(&op))
      continue;
    for (Value result : op.getResults())
      decide(result);
    for (OpOperand &operand : op.getOpOperands())
      if (isFloatTensor(operand.get().getType()))
        read(operand);
  }
}

void Storage::decide(Value root) {
  StoredAs stored = natures.storedAs(root);
  if (!isFloatTensor(root.getType()) || stored == StoredAs::Full)
    return;
  Reads how = reads.lookup(root);
  bool isExact = how.asFull && !how.asEither && !how.asBrain;
  bool isShort = natures.of(root) == Nature::Brain ? !isExact
                                                   : how.asBrain && !how.asEither && !how.asFull;
  if (isShort || stored == StoredAs::Brain)
    brain.insert(root);
}

void Storage::read(OpOperand &operand) {
  Reads &how = reads[rootOf(operand.get())];
  switch (demandOf(operand, [&](Value value) { return natures.of(value); })) {
  case Demand::Any:
    how.asEither = true;
    return;
  case Demand::Brain:
    how.asBrain = true;
    return;
  case Demand::Full:
    how.asFull = true;
    return;
  case Demand::Result:
    (isBrain(resultOf(operand)) ? how.asBrain : how.asFull) = true;
    return;
  case Demand::None:
    return;
  }
}

bool Storage::isReadAsBrain(OpOperand &operand) const {
  Demand demand = demandOf(operand, [&](Value value) { return natures.of(value); });
  if (demand == Demand::Any)
    return isBrain(rootOf(operand.get()));
  return demand == Demand::Brain ||
         ((demand == Demand::Result || demand == Demand::None) && isBrain(resultOf(operand)));
}
