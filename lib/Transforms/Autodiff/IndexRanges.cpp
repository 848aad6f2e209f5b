//===- IndexRanges.cpp - What indices a model can compute ------------------===//
//
// Interval arithmetic over level 0. A tensor has one interval for all of its
// elements; the scalar operations bring their own rules (InferIntRange).
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Autodiff/IndexRanges.h"

#include "lib/Dialect/Pipe/IR/Names.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Autodiff/ViewRules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"

using namespace mlir;
using namespace bitpipe;

using Interval = ConstantIntRanges;

namespace {

class Ranges {
public:
  Ranges(func::FuncOp forward, ArrayRef<std::optional<IndexBounds>> inputs)
      : forward(forward), symbols(forward->getParentOfType<ModuleOp>()) {
    for (auto [argument, bounds] : llvm::zip(forward.getArguments(), inputs))
      if (bounds)
        known.try_emplace(argument, between(argument, bounds->low, bounds->high - 1));
  }

  /// Of a tensor or scalar of integers.
  Interval of(Value value) {
    if (auto found = known.find(value); found != known.end())
      return found->second;
    Interval range = compute(value);
    return known.try_emplace(value, range).first->second;
  }

private:
  static unsigned width(Value value) {
    return Interval::getStorageBitwidth(getElementTypeOrSelf(value.getType()));
  }
  static Interval any(Value value) { return Interval::maxRange(width(value)); }
  static Interval between(Value value, int64_t low, int64_t high) {
    unsigned bits = width(value);
    if (!llvm::isIntN(bits, low) || !llvm::isIntN(bits, high))
      return any(value);
    return Interval::fromSigned(APInt(bits, low, /*isSigned=*/true),
                             APInt(bits, high, /*isSigned=*/true));
  }

  Interval compute(Value value) {
    DenseElementsAttr elements;
    if (matchPattern(value, m_Constant(&elements)))
      return ofElements(value, elements);
    APInt scalar;
    if (matchPattern(value, m_ConstantInt(&scalar)))
      return Interval::constant(scalar);
    Operation *op = value.getDefiningOp();
    if (!op)
      return any(value);
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
      if (auto elements = elementsOf(slice))
        return ofElements(value, elements);
    if (Value source = rearrangedSource(op))
      return of(source);
    if (auto read = dyn_cast<pipe::GetParameterOp>(op))
      return ofParameter(value, read);
    if (auto fill = dyn_cast<linalg::FillOp>(op))
      return of(fill.getInputs()[0]);
    if (auto gather = dyn_cast<pipe::GatherOp>(op))
      return of(gather.getInputs()[0]);
    if (auto concat = dyn_cast<tensor::ConcatOp>(op))
      return ofAll(concat.getInputs());
    if (auto generic = dyn_cast<linalg::GenericOp>(op))
      return ofGeneric(generic, cast<OpResult>(value).getResultNumber());
    return any(value);
  }

  Interval ofElements(Value value, DenseElementsAttr elements) {
    if (!elements.getElementType().isInteger() || elements.empty())
      return any(value);
    auto values = elements.getValues<APInt>();
    Interval range = Interval::constant(*values.begin());
    for (const APInt &element : values)
      range = range.rangeUnion(Interval::constant(element));
    return range;
  }

  Interval ofParameter(Value value, pipe::GetParameterOp read) {
    auto elements = valueOf(read);
    return elements ? ofElements(value, elements) : any(value);
  }

  DenseElementsAttr valueOf(pipe::GetParameterOp read) {
    auto parameter = symbols.lookup<pipe::ParameterOp>(read.getParameter());
    return parameter ? dyn_cast_or_null<DenseElementsAttr>(parameter.getValueAttr())
                     : DenseElementsAttr();
  }

  /// The elements of a slice of a constant; null if it is none of one.
  DenseElementsAttr elementsOf(tensor::ExtractSliceOp slice) {
    DenseElementsAttr whole;
    Value source = slice.getSource();
    if (auto read = source.getDefiningOp<pipe::GetParameterOp>())
      whole = valueOf(read);
    else
      matchPattern(source, m_Constant(&whole));
    if (!whole || slice->getNumOperands() != 1 || !whole.getElementType().isInteger())
      return {};
    auto all = whole.getValues<APInt>();
    SmallVector<int64_t> steps = computeStrides(slice.getSourceType().getShape());
    SmallVector<APInt> part;
    SmallVector<int64_t> counts(slice.getStaticSizes());
    for (int64_t i = 0, n = computeProduct(counts); i < n; ++i) {
      int64_t at = 0;
      for (auto [place, offset, stride, step] :
           llvm::zip(delinearize(i, computeStrides(counts)), slice.getStaticOffsets(),
                     slice.getStaticStrides(), steps))
        at += (offset + place * stride) * step;
      part.push_back(all[at]);
    }
    return DenseElementsAttr::get(
        RankedTensorType::get(counts, whole.getElementType()), part);
  }

  Interval ofAll(ValueRange values) {
    Interval range = of(values.front());
    for (Value value : values.drop_front())
      range = range.rangeUnion(of(value));
    return range;
  }

  Interval ofGeneric(linalg::GenericOp generic, unsigned result) {
    Value sum = generic.getResult(result);
    if (generic.getNumReductionLoops())
      return ofReduction(generic, sum);
    return inBody(generic.getBody()->getTerminator()->getOperand(result),
                  generic);
  }

  /// A sum of so many terms, or the largest or smallest of them.
  Interval ofReduction(linalg::GenericOp generic, Value result) {
    Block *body = generic.getBody();
    Operation *combine = body->getTerminator()->getOperand(0).getDefiningOp();
    if (generic->getNumResults() != 1 || width(result) < 32 || !combine ||
        !isa<arith::AddIOp, arith::MaxSIOp, arith::MinSIOp>(combine))
      return any(result);
    Value sofar = body->getArguments().back();
    bool isFirst = combine->getOperand(0) == sofar;
    if (!isFirst && combine->getOperand(1) != sofar)
      return any(result);
    Interval start = of(generic.getDpsInits()[0]);
    Interval term = inBody(combine->getOperand(isFirst ? 1 : 0), generic);
    if (!isa<arith::AddIOp>(combine))
      return start.rangeUnion(term);
    int64_t count = 1;
    for (auto [size, kind] : llvm::zip(generic.getStaticLoopRanges(),
                                       generic.getIteratorTypesArray()))
      if (kind == utils::IteratorType::reduction)
        count *= size;
    // Twice the bits hold every sum.
    unsigned bits = width(result);
    APInt terms(2 * bits, count);
    APInt low = term.smin().sext(2 * bits) * terms + start.smin().sext(2 * bits);
    APInt high = term.smax().sext(2 * bits) * terms + start.smax().sext(2 * bits);
    if (!low.isSignedIntN(bits) || !high.isSignedIntN(bits))
      return any(result);
    return Interval::fromSigned(low.trunc(bits), high.trunc(bits));
  }

  /// A scalar in the body of a generic.
  Interval inBody(Value scalar, linalg::GenericOp generic) {
    if (auto argument = dyn_cast<BlockArgument>(scalar);
        argument && argument.getOwner() == generic.getBody())
      return of(generic->getOperand(argument.getArgNumber()));
    Operation *op = scalar.getDefiningOp();
    if (auto index = dyn_cast_or_null<linalg::IndexOp>(op))
      return between(scalar, 0, generic.getStaticLoopRanges()[index.getDim()] - 1);
    auto rule = dyn_cast_or_null<InferIntRangeInterface>(op);
    if (!rule || op->getNumResults() != 1)
      return of(scalar); // a constant from outside
    SmallVector<Interval> operands;
    for (Value operand : op->getOperands()) {
      if (!operand.getType().isIntOrIndex())
        return any(scalar);
      operands.push_back(inBody(operand, generic));
    }
    Interval range = any(scalar);
    rule.inferResultRanges(operands,
                           [&](Value, const Interval &found) { range = found; });
    return range;
  }

  func::FuncOp forward;
  SymbolTable symbols;
  DenseMap<Value, Interval> known;
};

/// Whether the value is constant but for its arrangement.
bool isConstant(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (op->hasTrait<OpTrait::ConstantLike>() || isa<pipe::GetParameterOp>(op))
      return true;
    value = rearrangedSource(op);
    if (!value)
      return false;
  }
  return false;
}

LogicalResult checkGather(pipe::GatherOp gather, Ranges &ranges) {
  Value ids = gather.getInputs()[1];
  Interval range = ranges.of(ids);
  int64_t rows = cast<ShapedType>(gather.getInputs()[0].getType()).getDimSize(0);
  APInt low = range.smin().sext(128), high = range.smax().sext(128);
  if (low.sge(-rows) && high.slt(rows))
    return success();
  bool isNever = high.slt(-rows) || low.sge(rows);
  unsigned bits = range.smin().getBitWidth();
  bool isOpen = range.smin() == APInt::getSignedMinValue(bits) ||
                range.smax() == APInt::getSignedMaxValue(bits);
  if (isOpen && !isNever)
    return success();
  bool isWrong = isNever || isConstant(ids);
  auto message = isWrong ? emitError(gather.getLoc()) : emitWarning(gather.getLoc());
  StringRef name = innermostName(gather.getLoc());
  message << "indices" << (name.empty() ? "" : " of '" + name.str() + "'")
          << " are " << range.smin().getSExtValue() << " to "
          << range.smax().getSExtValue() << ", expected " << -rows << " to "
          << rows - 1 << ": the table has " << rows << " rows";
  if (!isWrong)
    message << "; a step whose data go beyond them will fail";
  return isWrong ? failure() : success();
}

} // namespace

LogicalResult bitpipe::checkIndexRanges(
    func::FuncOp forward, ArrayRef<std::optional<IndexBounds>> inputs) {
  Ranges ranges(forward, inputs);
  LogicalResult result = success();
  forward.walk([&](pipe::GatherOp gather) {
    if (failed(checkGather(gather, ranges)))
      result = failure();
  });
  return result;
}
