//===- LegalizeDropout.cpp - Dropout that trains ---------------------------===//
//
// Every node gets a number of its own here, before anything is cut or merged,
// so that its masks are the same whatever happens to the model afterwards.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Build.h"
#include "lib/Transforms/ONNX/Dropout.h"
#include "lib/Transforms/ONNX/Legalize.h"
#include "lib/Transforms/ONNX/Passes.h"

namespace bitpipe {
#define GEN_PASS_DEF_LEGALIZEDROPOUT
#include "lib/Transforms/ONNX/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

/// Nothing if it is not constant.
static std::optional<bool> trainingMode(const Node &node) {
  if (!node.input(2))
    return false;
  auto values = integersOf(node.input(2));
  if (!values || values->size() != 1)
    return std::nullopt;
  return values->front() != 0;
}

/// Nothing if it is not constant.
static std::optional<double> ratioOf(const Node &node) {
  if (!node.input(1))
    return 0.5;
  DenseElementsAttr values = constantOf(node.input(1));
  if (!values || values.getNumElements() != 1 ||
      !isa<FloatType>(values.getElementType()))
    return std::nullopt;
  return (*values.value_begin<APFloat>()).convertToDouble();
}

bool bitpipe::dropsNothing(const Node &node) {
  return trainingMode(node) == false || ratioOf(node) == 0;
}

static LogicalResult check(const Node &node) {
  auto results = node.getOp().getResults();
  if (results.size() > 1 && !results[1].use_empty())
    return node.error() << "its mask is used as a value, expected only its first "
                           "output to be used";
  if (!trainingMode(node))
    return node.error() << "its training mode is not constant";
  std::optional<double> ratio = ratioOf(node);
  if (!ratio)
    return node.error() << "its ratio is not constant";
  if (!(*ratio >= 0 && *ratio < 1))
    return node.error() << "its ratio is " << *ratio
                        << ", expected 0 or more and below 1";
  if (node.attribute("seed"))
    return node.error() << "has a seed of its own, expected none: masks follow "
                           "from that of the run";
  Type element = node.inputType(0).getElementType();
  if (!isa<FloatType>(element))
    return node.error() << "is not defined on " << element;
  return success();
}

/// `number` counts the model's dropouts.
static Lowered lowerDropout(OpBuilder &b, const Node &node, int64_t number) {
  if (failed(check(node)))
    return failure();
  auto keyType = RankedTensorType::get({}, b.getI64Type());
  Value key = pipe::DropoutKeyOp::create(b, node.loc(), keyType, b.getI64IntegerAttr(number));
  // A row has columns.
  RankedTensorType type = node.resultType();
  SmallVector<int64_t> shape(type.getShape());
  if (shape.empty())
    shape.push_back(1);
  Value x = reshape(b, node.loc(), node.input(0), shape);
  Value y = emptyTensor(b, node.loc(), cast<RankedTensorType>(x.getType()));
  auto dropout = pipe::DropoutOp::create(b, node.loc(), y.getType(), ValueRange{x, key},
                                         y, b.getF64FloatAttr(*ratioOf(node)));
  SmallVector<Value> values(node.getOp()->getNumResults());
  values[0] = reshape(b, node.loc(), dropout.getResult(0), type.getShape());
  return values;
}

namespace {

struct LegalizeDropout : bitpipe::impl::LegalizeDropoutBase<LegalizeDropout> {
  void runOnOperation() override {
    int64_t number = 0;
    auto lower = [&](OpBuilder &b, const Node &node) {
      return lowerDropout(b, node, number++);
    };
    if (failed(legalizeNodes(getOperation(), {{"Dropout", lower}})))
      signalPassFailure();
  }
};

} // namespace
