//===- GenericGradient.cpp - The gradient of a linalg.generic --------------===//

#include "lib/Transforms/Autodiff/GenericGradient.h"
#include "lib/Transforms/Autodiff/ScalarRules.h"

#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace bitpipe;

arith::AddFOp bitpipe::findAccumulation(linalg::GenericOp op, unsigned k) {
  Block *body = op.getBody();
  Value destination = body->getArgument(op.getNumDpsInputs() + k);
  auto add = body->getTerminator()->getOperand(k).getDefiningOp<arith::AddFOp>();
  if (!add || !destination.hasOneUse() || !add.getResult().hasOneUse() ||
      (add.getLhs() != destination && add.getRhs() != destination))
    return nullptr;
  return add;
}

/// What is added to the destination, of result k.
static Value findAddend(linalg::GenericOp op, unsigned k) {
  arith::AddFOp add = findAccumulation(op, k);
  Value destination = op.getBody()->getArgument(op.getNumDpsInputs() + k);
  return add.getLhs() == destination ? add.getRhs() : add.getLhs();
}

/// Removes inputs that the body does not read, as far as they are not what
/// says how far a loop runs.
static void eraseUnusedInputs(linalg::GenericOp op) {
  Block *body = op.getBody();
  for (Operation &inner : llvm::make_early_inc_range(llvm::reverse(*body)))
    if (isOpTriviallyDead(&inner))
      inner.erase();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  auto isCovered = [&](unsigned without) {
    for (unsigned dim = 0; dim < op.getNumLoops(); ++dim)
      if (llvm::none_of(llvm::enumerate(maps), [&](auto map) {
            return map.index() != without && map.value().isFunctionOfDim(dim);
          }))
        return false;
    return true;
  };
  for (int i = op.getNumDpsInputs() - 1; i >= 0; --i) {
    if (!body->getArgument(i).use_empty() || !isCovered(i))
      continue;
    body->eraseArgument(i);
    op.getInputsMutable().erase(i);
    maps.erase(maps.begin() + i);
  }
  op.setIndexingMapsAttr(Builder(op.getContext()).getAffineMapArrayAttr(maps));
}

namespace {

/// The gradients of one linalg.generic.
class GenericGradient {
public:
  GenericGradient(linalg::GenericOp op, ArrayRef<Value> gradients)
      : op(op), gradients(gradients), body(op.getBody()),
        reduces(op.getNumReductionLoops() > 0) {}

  void build(OpBuilder &builder, GradientSums &sums);

private:
  SmallVector<OpOperand *> findWanted(GradientSums &sums);
  bool coversLoops(OpOperand *operand);
  DenseMap<Value, Value> emitBody(OpBuilder &builder, ValueRange args,
                                  ArrayRef<OpOperand *> wanted);
  linalg::GenericOp emit(OpBuilder &builder, ArrayRef<OpOperand *> wanted,
                         ArrayRef<OpOperand *> watched, ValueRange inits,
                         bool adds, SmallVectorImpl<unsigned> *sameAs = nullptr);
  void buildFull(OpBuilder &builder, ArrayRef<OpOperand *> group,
                 SmallVectorImpl<OpOperand *> &partial, GradientSums &sums);
  Value accumulate(OpBuilder &builder, OpOperand *operand, Value into);
  Value reduceFrom(OpBuilder &builder, Value gradient, AffineMap from,
                   OpOperand *operand, Value into);

  linalg::GenericOp op;
  SmallVector<Value> gradients; // of the results; null if there is none
  Block *body;
  bool reduces;
};

} // namespace

SmallVector<utils::IteratorType> bitpipe::iteratorsInto(AffineMap destination) {
  SmallVector<utils::IteratorType> iterators;
  for (unsigned dim = 0; dim < destination.getNumDims(); ++dim)
    iterators.push_back(destination.isFunctionOfDim(dim)
                            ? utils::IteratorType::parallel
                            : utils::IteratorType::reduction);
  return iterators;
}

static AffineMap mapOf(OpOperand *operand) {
  return cast<linalg::GenericOp>(operand->getOwner())
      .getMatchingIndexingMap(operand);
}

/// The operands to differentiate by. What a reduction adds to is not among
/// them: its gradient is that of the result.
SmallVector<OpOperand *> GenericGradient::findWanted(GradientSums &sums) {
  SmallVector<OpOperand *> wanted;
  for (OpOperand &operand : op->getOpOperands())
    if (sums.needs(operand.get()) && !(reduces && op.isDpsInit(&operand)) &&
        !op.getMatchingBlockArgument(&operand).use_empty())
      wanted.push_back(&operand);
  return wanted;
}

bool GenericGradient::coversLoops(OpOperand *operand) {
  AffineMap map = mapOf(operand);
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim)
    if (!map.isFunctionOfDim(dim))
      return false;
  return true;
}

/// Computes the body's values again and the adjoints of its arguments.
/// `args` are the operation's operands, then the results' gradients.
DenseMap<Value, Value>
GenericGradient::emitBody(OpBuilder &builder, ValueRange args,
                          ArrayRef<OpOperand *> wanted) {
  IRMapping primal;
  for (BlockArgument argument : body->getArguments())
    primal.map(argument, args[argument.getArgNumber()]);
  DenseMap<Value, Value> adjoints;
  ValueRange seeds = args.drop_front(body->getNumArguments());
  for (unsigned k = 0; k < gradients.size(); ++k) {
    if (!gradients[k])
      continue;
    Value result = reduces ? findAddend(op, k)
                           : body->getTerminator()->getOperand(k);
    Value &sum = adjoints[result];
    sum = sum ? arith::AddFOp::create(builder, op.getLoc(), sum, seeds.front())
              : seeds.front();
    seeds = seeds.drop_front();
  }
  for (Operation &inner : body->without_terminator())
    builder.clone(inner, primal);
  SmallVector<Value> arguments;
  for (OpOperand *operand : wanted)
    arguments.push_back(op.getMatchingBlockArgument(operand));
  differentiateBody(builder, *body, arguments, primal, adjoints);
  return adjoints;
}

/// The operation's loops with one destination per wanted operand, all of one
/// map. `sameAs` says for each watched operand which wanted one has the same
/// adjoint, or is past the end.
linalg::GenericOp
GenericGradient::emit(OpBuilder &builder, ArrayRef<OpOperand *> wanted,
                      ArrayRef<OpOperand *> watched, ValueRange inits, bool adds,
                      SmallVectorImpl<unsigned> *sameAs) {
  SmallVector<Value> inputs(op->getOperands());
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  for (unsigned k = 0; k < gradients.size(); ++k) {
    if (!gradients[k])
      continue;
    inputs.push_back(gradients[k]);
    maps.push_back(op.getIndexingMapMatchingResult(op->getResult(k)));
  }
  AffineMap destination = mapOf(wanted.front()).dropZeroResults();
  maps.append(wanted.size(), destination);
  SmallVector<OpOperand *> all(wanted);
  llvm::append_range(all, watched);
  auto bodyBuilder = [&](OpBuilder &b, Location loc, ValueRange args) {
    auto adjoints = emitBody(b, args.drop_back(wanted.size()), all);
    SmallVector<Value> yields, found;
    for (auto [operand, sum] : llvm::zip(wanted, args.take_back(wanted.size()))) {
      Value adjoint = adjoints.lookup(op.getMatchingBlockArgument(operand));
      found.push_back(adjoint);
      if (!adjoint)
        adjoint = arith::ConstantOp::create(b, loc, b.getZeroAttr(sum.getType()));
      yields.push_back(adds ? arith::AddFOp::create(b, loc, sum, adjoint) : adjoint);
    }
    for (OpOperand *operand : watched) {
      Value adjoint = adjoints.lookup(op.getMatchingBlockArgument(operand));
      sameAs->push_back(adjoint ? llvm::find(found, adjoint) - found.begin()
                                : found.size());
    }
    linalg::YieldOp::create(b, loc, yields);
  };
  auto result = linalg::GenericOp::create(builder, op.getLoc(), inits.getTypes(),
                                          inputs, inits, maps,
                                          iteratorsInto(destination), bodyBuilder);
  eraseUnusedInputs(result);
  return result;
}

/// The type of an operand without the dimensions that no loop walks over.
static RankedTensorType walkedType(OpOperand *operand) {
  auto type = cast<RankedTensorType>(operand->get().getType());
  SmallVector<int64_t> shape;
  for (auto [expr, size] : llvm::zip(mapOf(operand).getResults(), type.getShape()))
    if (isa<AffineDimExpr>(expr))
      shape.push_back(size);
  return RankedTensorType::get(shape, type.getElementType());
}

/// Calls `build` with `into` as loops walk over it, and gives its result the
/// shape of the operand again.
static Value withWalkedShape(OpBuilder &builder, OpOperand *operand, Value into,
                             function_ref<Value(Value)> build) {
  auto type = cast<RankedTensorType>(operand->get().getType());
  RankedTensorType walked = walkedType(operand);
  if (walked == type)
    return build(into);
  Location loc = operand->getOwner()->getLoc();
  auto reassociation = *getReassociationIndicesForReshape(type, walked);
  if (into)
    into = tensor::CollapseShapeOp::create(builder, loc, walked, into, reassociation);
  Value result = build(into);
  return tensor::ExpandShapeOp::create(builder, loc, type, result, reassociation);
}

Value GenericGradient::accumulate(OpBuilder &builder, OpOperand *operand,
                                  Value into) {
  return withWalkedShape(builder, operand, into, [&](Value walked) {
    return emit(builder, {operand}, {}, walked, /*adds=*/true).getResult(0);
  });
}

/// Sums the gradient of another operand, whose map is `from`, over the loops
/// that this operand does not take part in.
Value GenericGradient::reduceFrom(OpBuilder &builder, Value gradient,
                                  AffineMap from, OpOperand *operand, Value into) {
  AffineMap to = mapOf(operand).dropZeroResults();
  auto bodyBuilder = [](OpBuilder &b, Location loc, ValueRange args) {
    Value sum = arith::AddFOp::create(b, loc, args[1], args[0]);
    linalg::YieldOp::create(b, loc, sum);
  };
  return withWalkedShape(builder, operand, into, [&](Value walked) {
    return linalg::GenericOp::create(builder, op.getLoc(), walked.getType(),
                                     gradient, walked, ArrayRef<AffineMap>{from, to},
                                     iteratorsInto(to), bodyBuilder)
        .getResult(0);
  });
}

/// Result k, or the input that it is nothing but a copy of.
static Value forwarded(linalg::GenericOp op, unsigned k) {
  auto yielded = dyn_cast<BlockArgument>(op.getBody()->getTerminator()->getOperand(k));
  if (!yielded || yielded.getOwner() != op.getBody())
    return op.getResult(k);
  OpOperand &source = op->getOpOperand(yielded.getArgNumber());
  bool isCopy = source.get().getType() == op.getResult(k).getType() &&
                op.getMatchingIndexingMap(&source) ==
                    op.getIndexingMapMatchingResult(op->getResult(k));
  return isCopy ? source.get() : op.getResult(k);
}

/// Operands of one map that every loop walks over: one operation for all. An
/// operand that is broadcast and has the same adjoint as one of them, such as
/// a bias, sums that one's gradient; it is taken out of `partial`.
void GenericGradient::buildFull(OpBuilder &builder, ArrayRef<OpOperand *> group,
                                SmallVectorImpl<OpOperand *> &partial,
                                GradientSums &sums) {
  SmallVector<Value> inits;
  for (OpOperand *operand : group)
    inits.push_back(emptyTensor(builder, op.getLoc(), walkedType(operand)));
  SmallVector<unsigned> sameAs;
  auto result = emit(builder, group, partial, inits, /*adds=*/false, &sameAs);
  for (auto [k, operand] : llvm::enumerate(group))
    sums.add(operand->get(),
             withWalkedShape(builder, operand, nullptr,
                             [&](Value) { return forwarded(result, k); }));
  SmallVector<OpOperand *> rest;
  AffineMap from = mapOf(group.front()).dropZeroResults();
  for (auto [operand, same] : llvm::zip(partial, sameAs)) {
    if (same >= group.size()) {
      rest.push_back(operand);
      continue;
    }
    Value gradient = forwarded(result, same);
    auto add = [=, self = *this](OpBuilder &b, Value into) mutable {
      return self.reduceFrom(b, gradient, from, operand, into);
    };
    sums.accumulate(operand->get(), add);
  }
  partial = std::move(rest);
}

void GenericGradient::build(OpBuilder &builder, GradientSums &sums) {
  for (unsigned k = 0; reduces && k < gradients.size(); ++k)
    if (Value init = op.getDpsInits()[k]; gradients[k] && sums.needs(init))
      sums.add(init, gradients[k]);
  // What starts from a sum is added to it in place, as what is reduced is.
  llvm::MapVector<AffineMap, SmallVector<OpOperand *>> full;
  SmallVector<OpOperand *> partial;
  for (OpOperand *operand : findWanted(sums)) {
    if (coversLoops(operand) && !sums.started(operand->get()))
      full[mapOf(operand)].push_back(operand);
    else
      partial.push_back(operand);
  }
  for (auto &[map, group] : full)
    buildFull(builder, group, partial, sums);
  for (OpOperand *operand : partial) {
    auto add = [=, self = *this](OpBuilder &b, Value into) mutable {
      return self.accumulate(b, operand, into);
    };
    sums.accumulate(operand->get(), add);
  }
}

void bitpipe::buildGenericGradients(linalg::GenericOp op, OpBuilder &builder,
                                    ArrayRef<Value> gradients,
                                    GradientSums &sums) {
  GenericGradient(op, gradients).build(builder, sums);
}
