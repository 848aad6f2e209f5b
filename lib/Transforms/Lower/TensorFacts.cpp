//===- TensorFacts.cpp - What is known of tensor operations ----------------===//

#include "lib/Transforms/Lower/TensorFacts.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Lower/Contraction.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

TypedAttr lower::splatOf(Value tensor) {
  while (isView(tensor.getDefiningOp()))
    tensor = viewSource(tensor.getDefiningOp());
  Attribute value;
  if (auto fill = tensor.getDefiningOp<linalg::FillOp>())
    return matchPattern(fill.getInputs()[0], m_Constant(&value))
               ? cast<TypedAttr>(value)
               : TypedAttr();
  if (!matchPattern(tensor, m_Constant(&value)))
    return nullptr;
  auto splat = dyn_cast<SplatElementsAttr>(value);
  return splat ? splat.getSplatValue<TypedAttr>() : TypedAttr();
}

DenseElementsAttr lower::denseConstantOf(Value tensor) {
  DenseElementsAttr value;
  bool found = matchPattern(tensor, m_Constant(&value)) && !value.isSplat();
  return found ? value : DenseElementsAttr();
}

static bool isContractionInit(OpOperand &use) {
  auto user = dyn_cast<linalg::GenericOp>(use.getOwner());
  return user && user.isDpsInit(&use) && matchContraction(user);
}

bool lower::isDeferred(Operation *op) {
  if (isa<tensor::EmptyOp>(op) || op->hasTrait<OpTrait::ConstantLike>())
    return true;
  if (isa<linalg::FillOp>(op))
    return bool(splatOf(op->getResult(0)));
  return broadcastSource(op) &&
         llvm::all_of(op->getResult(0).getUses(), isContractionInit);
}

bool lower::readsInit(Operation *op, unsigned i) {
  if (isa<pipe::GatherGradOp, pipe::LayerNormGradParamsOp>(op))
    return true;
  if (isa<pipe::AttentionGradOp>(op))
    return i == 3; // of the bias; the others are overwritten
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic)
    return false;
  return !generic.getMatchingBlockArgument(generic.getDpsInitOperand(i))
              .use_empty();
}


Place lower::insertedPlace(tensor::InsertSliceOp op, const Place &whole) {
  Place place = whole;
  place.sizes.clear();
  place.strides.clear();
  auto dropped = op.getDroppedDims();
  for (auto [dim, offset] : llvm::enumerate(op.getStaticOffsets())) {
    place.offset += offset * whole.strides[dim] * elementBytes(whole.element);
    if (dropped.test(dim))
      continue;
    place.sizes.push_back(op.getStaticSizes()[dim]);
    place.strides.push_back(whole.strides[dim] * op.getStaticStrides()[dim]);
  }
  return place;
}
