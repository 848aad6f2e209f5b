//===- BrainFunction.cpp - A function anew, with its types decided ---------===//
//
// Every operation is built again on operands of the types that it is given. What is
// read in a type that it does not lie in memory in is converted once, before its
// first reader; views, constants and empty tensors are made again in either type.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Precision/BrainFunction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace bitpipe;

namespace {

class Rebuilder {
public:
  Rebuilder(func::FuncOp function, const Storage &storage)
      : old(function), storage(storage), b(function.getContext()) {}

  func::FuncOp build(ArrayRef<Passed> arguments, ArrayRef<Passed> results,
                     ArrayRef<unsigned> copied);

private:
  Type typed(Type type, bool brain) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return brain ? Type(tensor.clone(b.getBF16Type())) : type;
  }
  void addArguments(ArrayRef<Passed> arguments, ArrayRef<unsigned> copied, Block *entry);

  /// The value in that type.
  Value get(Value value, bool brain);
  Value make(Value value, bool brain);
  Value makeView(Operation *op, bool brain);
  Value makeAnew(Operation *op, bool brain);
  Value convert(Location loc, Value value, bool brain);

  void rebuild(Operation *op);
  void rebuildGeneric(linalg::GenericOp op, ValueRange operands, TypeRange types);

  func::FuncOp old;
  const Storage &storage;
  OpBuilder b;
  IRMapping others; // what is no f32 tensor
  DenseMap<std::pair<Value, int>, Value> versions; // by whether they are bf16
};

} // namespace

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value Rebuilder::get(Value value, bool brain) {
  if (!isFloatTensor(value.getType()))
    return others.lookupOrDefault(value);
  auto [found, isNew] = versions.try_emplace({value, brain});
  if (!isNew)
    return found->second;
  Value made = make(value, brain);
  return versions[{value, brain}] = made;
}

Value Rebuilder::make(Value value, bool brain) {
  Operation *op = value.getDefiningOp();
  if (isViewOf(op))
    return makeView(op, brain);
  if (isMadeAnew(op))
    return makeAnew(op, brain);
  return convert(value.getLoc(), get(value, !brain), brain);
}

Value Rebuilder::makeView(Operation *op, bool brain) {
  if (auto transpose = dyn_cast<linalg::TransposeOp>(op)) { // has a body of that type
    Value input = get(transpose.getInput(), brain), init = get(transpose.getInit(), brain);
    return linalg::TransposeOp::create(b, op->getLoc(), input, init, transpose.getPermutation())
        ->getResult(0);
  }
  IRMapping mapping;
  for (Value operand : op->getOperands())
    mapping.map(operand, others.lookupOrDefault(operand));
  mapping.map(op->getOperand(0), get(op->getOperand(0), brain));
  Operation *copy = b.clone(*op, mapping);
  copy->getResult(0).setType(typed(op->getResult(0).getType(), brain));
  return copy->getResult(0);
}

/// A number in bf16.
static APFloat rounded(APFloat number) {
  bool losesInfo;
  number.convert(APFloat::BFloat(), APFloat::rmNearestTiesToEven, &losesInfo);
  return number;
}

Value Rebuilder::makeAnew(Operation *op, bool brain) {
  auto type = cast<RankedTensorType>(typed(op->getResult(0).getType(), brain));
  if (auto fill = dyn_cast<linalg::FillOp>(op)) {
    Value scalar = others.lookupOrDefault(fill.getInputs()[0]);
    if (brain)
      scalar = arith::TruncFOp::create(b, op->getLoc(), b.getBF16Type(), scalar);
    APFloat number(0.0);
    if (brain && matchPattern(fill.getInputs()[0], m_ConstantFloat(&number)))
      scalar = arith::ConstantOp::create(b, op->getLoc(),
                                         FloatAttr::get(b.getBF16Type(), rounded(number)));
    Value init = get(fill.getOutputs()[0], brain);
    return linalg::FillOp::create(b, op->getLoc(), scalar, init).getResult(0);
  }
  auto constant = dyn_cast<arith::ConstantOp>(op);
  if (!constant)
    return tensor::EmptyOp::create(b, op->getLoc(), type.getShape(), type.getElementType());
  auto floats = dyn_cast<DenseFPElementsAttr>(constant.getValue());
  if (brain && !floats) // of another form, which is rounded when it is read
    return convert(op->getLoc(), get(constant, false), true);
  TypedAttr attribute = constant.getValue();
  if (brain)
    attribute = floats.mapValues(b.getBF16Type(), [](const APFloat &number) {
      return rounded(number).bitcastToAPInt();
    });
  return arith::ConstantOp::create(b, op->getLoc(), attribute);
}

Value Rebuilder::convert(Location loc, Value value, bool brain) {
  auto from = cast<RankedTensorType>(value.getType());
  Type element = brain ? Type(b.getBF16Type()) : b.getF32Type();
  auto type = from.clone(element);
  Value into = tensor::EmptyOp::create(b, loc, type.getShape(), element);
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> parallel(type.getRank(), utils::IteratorType::parallel);
  auto body = [&](OpBuilder &inside, Location loc, ValueRange arguments) {
    Value number = brain ? arith::TruncFOp::create(inside, loc, element, arguments[0]).getResult()
                         : arith::ExtFOp::create(inside, loc, element, arguments[0]).getResult();
    linalg::YieldOp::create(inside, loc, number);
  };
  return linalg::GenericOp::create(b, loc, TypeRange(type), value, into,
                                   ArrayRef<AffineMap>{identity, identity}, parallel, body)
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

/// The operation's body on numbers of f32, whatever its operands are.
void Rebuilder::rebuildGeneric(linalg::GenericOp op, ValueRange operands, TypeRange types) {
  SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  auto body = [&](OpBuilder &inside, Location loc, ValueRange arguments) {
    IRMapping mapping;
    for (Value value : captured)
      mapping.map(value, others.lookupOrDefault(value));
    for (auto [from, to] : llvm::zip_equal(op.getBody()->getArguments(), arguments)) {
      bool extends = to.getType() != from.getType() && !from.use_empty();
      mapping.map(from, extends ? arith::ExtFOp::create(inside, loc, from.getType(), to) : to);
    }
    for (Operation &inner : op.getBody()->without_terminator())
      inside.clone(inner, mapping);
    SmallVector<Value> yielded;
    for (auto [value, argument] :
         llvm::zip_equal(op.getBody()->getTerminator()->getOperands(),
                         arguments.take_back(op.getNumDpsInits()))) {
      Value result = mapping.lookupOrDefault(value);
      if (result.getType() != argument.getType())
        result = arith::TruncFOp::create(inside, loc, argument.getType(), result);
      yielded.push_back(result);
    }
    linalg::YieldOp::create(inside, loc, yielded);
  };
  size_t inputs = op.getNumDpsInputs();
  auto made = linalg::GenericOp::create(b, op.getLoc(), types, operands.take_front(inputs),
                                        operands.drop_front(inputs), op.getIndexingMapsArray(),
                                        op.getIteratorTypesArray(), body);
  for (auto [from, to] : llvm::zip_equal(op.getResults(), made.getResults()))
    others.map(from, to);
}

void Rebuilder::rebuild(Operation *op) {
  SmallVector<Value> operands;
  for (OpOperand &operand : op->getOpOperands())
    operands.push_back(isFloatTensor(operand.get().getType())
                           ? get(operand.get(), storage.isReadAsBrain(operand))
                           : others.lookupOrDefault(operand.get()));
  SmallVector<Type> types;
  for (Value result : op->getResults())
    types.push_back(typed(result.getType(), storage.isBrain(result)));
  if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    rebuildGeneric(generic, operands, types);
  } else {
    IRMapping mapping;
    mapping.map(op->getOperands(), operands);
    Operation *copy = b.clone(*op, mapping);
    // One value may be two operands, read in two types.
    copy->setOperands(operands);
    for (auto [from, to, type] : llvm::zip_equal(op->getResults(), copy->getResults(), types)) {
      to.setType(type);
      others.map(from, to);
    }
  }
  for (Value result : op->getResults())
    if (isFloatTensor(result.getType()))
      versions[{result, storage.isBrain(result)}] = others.lookup(result);
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

void Rebuilder::addArguments(ArrayRef<Passed> arguments, ArrayRef<unsigned> copied, Block *entry) {
  for (auto [i, passed] : llvm::enumerate(arguments)) {
    Value before = old.getArgument(i);
    Value now = entry->addArgument(typed(before.getType(), passed.isBrain), before.getLoc());
    others.map(before, now);
    if (isFloatTensor(before.getType()))
      versions[{before, passed.isBrain}] = now;
  }
  for (unsigned i : copied) {
    Value before = old.getArgument(i);
    versions[{before, true}] =
        entry->addArgument(typed(before.getType(), true), before.getLoc());
  }
}

func::FuncOp Rebuilder::build(ArrayRef<Passed> arguments, ArrayRef<Passed> results,
                              ArrayRef<unsigned> copied) {
  auto function = func::FuncOp::create(b, old.getLoc(), old.getName(), old.getFunctionType());
  function.setVisibility(old.getVisibility());
  Block *entry = new Block;
  function.getBody().push_back(entry);
  b.setInsertionPointToEnd(entry);
  addArguments(arguments, copied, entry);
  Block &block = old.getBody().front();
  for (Operation &op : block.without_terminator()) {
    bool isTensor = llvm::any_of(op.getResultTypes(), isFloatTensor);
    if (isTensor && (isViewOf(&op) || isMadeAnew(&op)))
      continue; // when it is read
    if (isViewOf(&op) || isMadeAnew(&op) || op.getNumResults() == 0)
      b.clone(op, others);
    else
      rebuild(&op);
  }
  SmallVector<Value> returned;
  for (auto [value, passed] : llvm::zip_equal(block.getTerminator()->getOperands(), results))
    returned.push_back(get(value, passed.isBrain));
  func::ReturnOp::create(b, block.getTerminator()->getLoc(), returned);
  function.setFunctionType(b.getFunctionType(TypeRange(entry->getArgumentTypes()),
                                             TypeRange(ValueRange(returned))));
  return function;
}

func::FuncOp bitpipe::makeBrainFunction(func::FuncOp function, ArrayRef<Passed> arguments,
                                        ArrayRef<Passed> results, ArrayRef<unsigned> copied,
                                        const Storage &storage) {
  return Rebuilder(function, storage).build(arguments, results, copied);
}
