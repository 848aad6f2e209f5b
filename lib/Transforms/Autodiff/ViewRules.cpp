//===- ViewRules.cpp - Gradient rules of views and concatenation -----------===//
//
// The gradient of a view is the inverse view of the gradient.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Autodiff/ViewRules.h"
#include "lib/Transforms/Autodiff/DifferentiableOpInterface.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bitpipe;

static Value transpose(OpBuilder &builder, linalg::TransposeOp op, Value value) {
  auto inverse = invertPermutationVector(op.getPermutation());
  Value empty = emptyTensor(builder, op.getLoc(), op.getInput().getType());
  return linalg::TransposeOp::create(builder, op.getLoc(), value, empty, inverse)
      .getResult()[0];
}

static Value reshape(OpBuilder &builder, tensor::ExpandShapeOp op, Value value) {
  return tensor::CollapseShapeOp::create(builder, op.getLoc(), op.getSrcType(),
                                         value, op.getReassociationIndices());
}

static Value reshape(OpBuilder &builder, tensor::CollapseShapeOp op, Value value) {
  return tensor::ExpandShapeOp::create(builder, op.getLoc(), op.getSrcType(),
                                       value, op.getReassociationIndices());
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

Value bitpipe::rearrangedSource(Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([](linalg::TransposeOp op) -> Value { return op.getInput(); })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          [](auto op) -> Value { return op.getSrc(); })
      .Case([](tensor::ExtractSliceOp op) -> Value {
        bool isStatic = op->getNumOperands() == 1;
        return isStatic ? op.getSource() : Value();
      })
      .Default([](Operation *) { return Value(); });
}

Value bitpipe::applyView(OpBuilder &builder, Operation *view, Value source) {
  IRMapping mapping;
  mapping.map(rearrangedSource(view), source);
  return builder.clone(*view, mapping)->getResult(0);
}

Value bitpipe::invertView(OpBuilder &builder, Operation *view, Value part,
                          Value whole) {
  return llvm::TypeSwitch<Operation *, Value>(view)
      .Case([&](linalg::TransposeOp op) { return transpose(builder, op, part); })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          [&](auto op) { return reshape(builder, op, part); })
      .Case([&](tensor::ExtractSliceOp op) -> Value {
        return tensor::InsertSliceOp::create(
            builder, op.getLoc(), part, whole, op.getMixedOffsets(),
            op.getMixedSizes(), op.getMixedStrides());
      });
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

namespace {

template <typename Op>
struct ViewRule
    : DifferentiableOpInterface::ExternalModel<ViewRule<Op>, Op> {
  std::string describeGap(Operation *op) const {
    return rearrangedSource(op) ? "" : "a slice at a dynamic place";
  }
  void buildGradients(Operation *op, OpBuilder &builder,
                      ArrayRef<Value> gradients, GradientSums &sums) const {
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
      return sums.addSlice(slice, gradients[0]);
    Value source = rearrangedSource(op);
    sums.add(source, invertView(builder, op, gradients[0], nullptr));
  }
};

struct ConcatRule
    : DifferentiableOpInterface::ExternalModel<ConcatRule, tensor::ConcatOp> {
  std::string describeGap(Operation *) const { return ""; }
  void buildGradients(Operation *op, OpBuilder &builder,
                      ArrayRef<Value> gradients, GradientSums &sums) const {
    auto concat = cast<tensor::ConcatOp>(op);
    int64_t dim = concat.getDim(), rank = concat.getResultType().getRank();
    SmallVector<OpFoldResult> offsets(rank, builder.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(rank, builder.getIndexAttr(1));
    int64_t offset = 0;
    for (Value input : concat.getInputs()) {
      auto type = cast<RankedTensorType>(input.getType());
      offsets[dim] = builder.getIndexAttr(offset);
      offset += type.getDimSize(dim);
      if (!sums.needs(input))
        continue;
      auto sizes = getAsIndexOpFoldResult(builder.getContext(), type.getShape());
      sums.add(input, tensor::ExtractSliceOp::create(builder, op->getLoc(), type,
                                                     gradients[0], offsets, sizes,
                                                     strides));
    }
  }
};

} // namespace

void bitpipe::attachViewRules(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, tensor::TensorDialect *) {
    tensor::ExpandShapeOp::attachInterface<ViewRule<tensor::ExpandShapeOp>>(*context);
    tensor::CollapseShapeOp::attachInterface<ViewRule<tensor::CollapseShapeOp>>(*context);
    tensor::ExtractSliceOp::attachInterface<ViewRule<tensor::ExtractSliceOp>>(*context);
    tensor::ConcatOp::attachInterface<ConcatRule>(*context);
  });
  registry.addExtension(+[](MLIRContext *context, linalg::LinalgDialect *) {
    linalg::TransposeOp::attachInterface<ViewRule<linalg::TransposeOp>>(*context);
  });
}
