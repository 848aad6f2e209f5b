//===- FuseRows.cpp - Row operations take their neighbours in --------------===//
//
// A tensor of activations that one kernel stores and the next one loads costs what its
// bytes take to go and to come. Where the two work along the same rows, one kernel does
// both while a row is near.
//
//===----------------------------------------------------------------------===//

#include "lib/Dialect/Pipe/IR/FusedRows.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/Lower/TensorFacts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"

namespace bitpipe {
#define GEN_PASS_DEF_FUSEROWS
#include "lib/Transforms/Lower/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

namespace {

/// A row operation and the neighbours that go with it.
class Group {
public:
  explicit Group(Operation *rows)
      : rows(rows), members({rows}), type(cast<RankedTensorType>(rows->getOperand(0).getType())) {}

  void addConsumers();
  void addProducers();
  /// Replaces the members by one operation, if there are several.
  void fuse();

private:
  bool isNeighbour(Operation *op) const;
  bool contains(Operation *op) const { return llvm::is_contained(members, op); }
  Operation *findPlace(ArrayRef<Operation *> all) const;
  void add(Operation *op);
  SmallVector<Value> inputs() const;
  SmallVector<OpResult> outputs() const;
  void fillBody(OpBuilder b, Block &body, ValueRange taken, ArrayRef<OpResult> stored) const;

  Operation *rows;
  SmallVector<Operation *> members; // in the order of their block
  RankedTensorType type;
};

} // namespace

/// Whether everything that an operation's body takes from outside is a constant.
static bool capturesConstants(Operation *op) {
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  return llvm::all_of(captured, [](Value value) {
    Operation *maker = value.getDefiningOp();
    return maker && maker->hasTrait<OpTrait::ConstantLike>();
  });
}

/// Whether the operation can be a part of the group. A tensor of one number is part of
/// the code in a kernel of its own, and would be in memory here; a row's statistics are
/// there when the row is done.
bool Group::isNeighbour(Operation *op) const {
  if (!op || op->getBlock() != rows->getBlock() || contains(op) ||
      pipe::whyNotElementwise(op, type.getShape(), pipe::computedIn(type.getElementType())))
    return false;
  auto generic = cast<linalg::GenericOp>(op);
  return generic.hasPureTensorSemantics() && capturesConstants(op) &&
         llvm::none_of(generic.getDpsInputs(), [&](Value input) {
           return bool(splatOf(input)) || llvm::is_contained(rows->getResults().drop_front(), input);
         });
}

/// Before which operation all members may be done as one: behind what they read and
/// before what reads them. Null if there is no such place.
Operation *Group::findPlace(ArrayRef<Operation *> all) const {
  Operation *lastRead = nullptr, *place = all.back();
  auto isInside = [&](Operation *op) { return llvm::is_contained(all, op); };
  for (Operation *op : all) {
    for (Value input : cast<DestinationStyleOpInterface>(op).getDpsInputs())
      if (Operation *maker = input.getDefiningOp(); maker && !isInside(maker))
        if (!lastRead || lastRead->isBeforeInBlock(maker))
          lastRead = maker;
    for (Operation *user : op->getUsers()) {
      Operation *here = rows->getBlock()->findAncestorOpInBlock(*user);
      if (!isInside(here) && here->isBeforeInBlock(place))
        place = here;
    }
  }
  return !lastRead || lastRead->isBeforeInBlock(place) ? place : nullptr;
}

void Group::add(Operation *op) {
  SmallVector<Operation *> all(members);
  all.push_back(op);
  llvm::sort(all, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  if (findPlace(all))
    members = all;
}

/// Whether the operation reads `value` by its own place only.
static bool readsInPlace(Operation *op, Value value) {
  return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    return operand.get() != value || pipe::indexingMap(operand).isIdentity();
  });
}

void Group::addConsumers() {
  Value result = rows->getResult(0);
  for (Operation *user : llvm::to_vector(result.getUsers()))
    if (isNeighbour(user) && readsInPlace(user, result))
      add(user);
}

/// Arithmetic is done again in every pass over a row where it is not in registers.
static bool isCheap(Operation *op) {
  return llvm::all_of(op->getRegion(0).front().without_terminator(), [](Operation &inner) {
    return isa<arith::ArithDialect>(inner.getDialect()) && !isa<arith::DivFOp, arith::RemFOp>(inner);
  });
}

void Group::addProducers() {
  for (unsigned number : pipe::walkedOperands(rows)) {
    Value value = rows->getOperand(number);
    Operation *maker = value.getDefiningOp();
    auto isWalked = [&](OpOperand &operand) {
      return operand.get() != value || llvm::is_contained(pipe::walkedOperands(rows), operand.getOperandNumber());
    };
    if (isNeighbour(maker) && isCheap(maker) && llvm::all_of(rows->getOpOperands(), isWalked))
      add(maker);
  }
}

SmallVector<Value> Group::inputs() const {
  llvm::SetVector<Value> all;
  for (Operation *op : members)
    for (Value input : cast<DestinationStyleOpInterface>(op).getDpsInputs())
      if (!input.getDefiningOp() || !contains(input.getDefiningOp()))
        all.insert(input);
  return all.takeVector();
}

/// Results that are used outside, and all that the row operation makes beside its rows.
SmallVector<OpResult> Group::outputs() const {
  SmallVector<OpResult> all;
  for (Operation *op : members)
    for (OpResult result : op->getResults()) {
      bool isUsed = llvm::any_of(result.getUsers(), [&](Operation *user) { return !contains(user); });
      if (isUsed || (op == rows && result.getResultNumber() > 0))
        all.push_back(result);
    }
  return all;
}

void Group::fillBody(OpBuilder b, Block &body, ValueRange taken, ArrayRef<OpResult> stored) const {
  IRMapping mapping;
  for (Value input : taken)
    mapping.map(input, body.addArgument(input.getType(), input.getLoc()));
  b.setInsertionPointToEnd(&body);
  for (Operation *op : members) {
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    for (Value constant : captured)
      if (!mapping.contains(constant))
        mapping.map(constant, b.clone(*constant.getDefiningOp())->getResult(0));
    SmallVector<Value> inits;
    for (Value init : cast<DestinationStyleOpInterface>(op).getDpsInits()) {
      auto made = cast<RankedTensorType>(init.getType());
      inits.push_back(tensor::EmptyOp::create(b, op->getLoc(), made.getShape(), made.getElementType()));
    }
    Operation *copy = b.clone(*op, mapping);
    cast<DestinationStyleOpInterface>(copy).getDpsInitsMutable().assign(inits);
  }
  SmallVector<Value> values;
  for (OpResult result : stored)
    values.push_back(mapping.lookup(result));
  pipe::YieldOp::create(b, rows->getLoc(), values);
}

void Group::fuse() {
  SmallVector<OpResult> stored = outputs();
  bool storesRows = llvm::any_of(stored, [&](OpResult result) {
    return result.getOwner() != rows || result.getResultNumber() == 0;
  });
  if (members.size() == 1 || !storesRows)
    return;
  OpBuilder b(findPlace(members));
  SmallVector<Value> taken = inputs(), inits;
  SmallVector<Type> types;
  for (OpResult result : stored) {
    auto made = cast<RankedTensorType>(result.getType());
    types.push_back(made);
    inits.push_back(tensor::EmptyOp::create(b, rows->getLoc(), made.getShape(), made.getElementType()));
  }
  auto fused = pipe::FusedRowsOp::create(b, rows->getLoc(), types, taken, inits);
  fillBody(b, fused.getBody().emplaceBlock(), taken, stored);
  for (auto [result, made] : llvm::zip_equal(stored, fused.getResults()))
    Value(result).replaceUsesWithIf(made, [&](OpOperand &use) { return !contains(use.getOwner()); });
  for (Operation *op : llvm::reverse(members))
    op->erase();
}

namespace {

struct FuseRows : bitpipe::impl::FuseRowsBase<FuseRows> {
  void runOnOperation() override {
    SmallVector<Operation *> all;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!llvm::hasSingleElement(function.getBody()))
        continue;
      for (Operation &op : function.getBody().front())
        if (!pipe::walkedOperands(&op).empty() && areTensors(&op))
          all.push_back(&op);
    }
    for (Operation *rows : all) {
      Group group(rows);
      group.addConsumers();
      group.addProducers();
      group.fuse();
    }
  }

private:
  static bool areTensors(Operation *op) {
    return llvm::all_of(op->getOperandTypes(), [](Type type) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      return tensor && tensor.hasStaticShape();
    });
  }
};

} // namespace
