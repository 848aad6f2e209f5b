//===- PipeOps.cpp - Verifiers of model and program operations -------------===//

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace bitpipe::pipe;

#define GET_OP_CLASSES
#include "lib/Dialect/Pipe/IR/PipeOps.cpp.inc"

LogicalResult ParameterOp::verify() {
  bool inFile = getFile().has_value(), isInline = getValue().has_value();
  if (inFile == isInline)
    return mlir::emitError(getLoc()) << "parameter '" << getSymName() << "' "
                               << (inFile ? "has both a file and a value"
                                          : "has neither a file nor a value")
                               << ", expected one of them";
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || !type.hasStaticShape())
    return mlir::emitError(getLoc()) << "parameter '" << getSymName() << "' has type "
                               << getType() << ", expected a static tensor";
  if (getTrainable() && getFrozen())
    return mlir::emitError(getLoc())
           << "parameter '" << getSymName()
           << "' is both trainable and frozen, expected one of them";
  if (getStored() &&
      !(type.getElementType().isF32() && isa<FloatType>(*getStored())))
    return mlir::emitError(getLoc())
           << "parameter '" << getSymName() << "' of " << type << " is stored as "
           << *getStored() << ", expected elements of f32 stored as floats";
  if (isInline && getValue()->getShapedType() != type)
    return mlir::emitError(getLoc())
           << "parameter '" << getSymName() << "' has a value of type "
           << getValue()->getType() << ", expected " << type;
  return success();
}

RankedTensorType ParameterOp::getStoredType() {
  auto type = cast<RankedTensorType>(getType());
  return getStored() ? type.clone(*getStored()) : type;
}

LogicalResult
GetParameterOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto parameter =
      symbols.lookupNearestSymbolFrom<ParameterOp>(*this, getParameterAttr());
  if (!parameter)
    return mlir::emitError(getLoc()) << "no parameter named '" << getParameter() << "'";
  if (parameter.getType() != getResult().getType())
    return mlir::emitError(getLoc())
           << "parameter '" << getParameter() << "' read as "
           << getResult().getType() << ", expected " << parameter.getType();
  return success();
}

LogicalResult DropoutKeyOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || type.getRank() != 0)
    return mlir::emitError(getLoc())
           << getOperationName() << " is " << getType() << ", expected tensor<i64>";
  if (int64_t(getDropout()) >= 0)
    return success();
  return mlir::emitError(getLoc()) << getOperationName() << " is of dropout "
                             << int64_t(getDropout()) << ", expected 0 or more";
}

/// The sum over k is one of f32; what it is made of and what becomes of it may
/// be shorter.
static LogicalResult verifyTypes(MatmulOp op) {
  std::optional<ArrayAttr> types = op.getTypes();
  if (!types)
    return success();
  auto is = [&](size_t i, auto... kinds) {
    Type type = cast<TypeAttr>((*types)[i]).getValue();
    return ((isa<decltype(kinds)>(type)) || ...);
  };
  bool fits = types->size() == 3;
  if (fits) {
    bool wide = is(0, Float32Type()) && is(1, Float32Type()) && is(2, Float32Type());
    bool brain = is(0, BFloat16Type()) && is(1, BFloat16Type()) &&
                 is(2, Float32Type(), BFloat16Type());
    fits = wide || brain;
  }
  if (fits)
    return success();
  return mlir::emitError(op.getLoc())
         << "matmul has types " << *types
         << ", expected f32 for a, b and c, or bf16 for a and b and one of both for c";
}

/// What one pass over the operands of a product sums up of one of them.
static LogicalResult verifyBiasGradient(MatmulOp op) {
  auto error = [&] { return mlir::emitError(op.getLoc()) << "matmul has "; };
  if (!op.getBiasGradient())
    return op.getOfA() ? error() << "of_a, but no bias_gradient" : success();
  ArrayRef<int64_t> sizes = op.getSizes();
  if (sizes.size() != 3)
    return error() << "a bias_gradient and " << sizes.size()
                   << " sizes, expected m, n and k alone";
  if (op.getBias())
    return error() << "a bias_gradient and a bias, expected one of them";
  int64_t size = op.getOfA() ? sizes[0] : sizes[1];
  int64_t stride = op.getOfA() ? op.getAStrides()[0] : op.getBStrides()[1];
  if (size > 1 && stride != 1)
    return error() << "the bias_gradient of " << (op.getOfA() ? "a, whose rows" : "b, whose columns")
                   << " have a stride of " << stride << ", expected 1";
  return success();
}

LogicalResult RunOp::verify() {
  bool isUpdate = getKind() == RunKind::U;
  if (isUpdate && !getVersions())
    return mlir::emitError(getLoc()) << "run U says no versions, expected how many its stage has";
  if (!isUpdate && getVersions())
    return mlir::emitError(getLoc()) << "run " << stringifyRunKind(getKind())
                                     << " says versions, expected them of run U alone";
  return success();
}

LogicalResult AllGatherOp::verify() {
  size_t begins = getBegins() ? getBegins()->size() : 0, ends = getEnds() ? getEnds()->size() : 0;
  if (begins == ends)
    return success();
  return mlir::emitError(getLoc()) << "all_gather has " << begins << " begins of elements and " << ends
                                   << " ends, expected as many";
}

LogicalResult GPUKernelOp::verify() {
  size_t launches = getEntries().size();
  if (launches == 0)
    return mlir::emitError(getLoc()) << "gpu_kernel has no entries, expected a launch";
  for (auto [what, numbers] : {std::pair("grids", getGrids()), std::pair("blocks", getBlocks()),
                               std::pair("shared", getShared())})
    if (numbers.size() != launches)
      return mlir::emitError(getLoc()) << "gpu_kernel has " << numbers.size() << " " << what
                                       << ", expected one for each of " << launches << " entries";
  // The most that the launch of any GPU takes.
  constexpr int64_t mostBlocks = (int64_t(1) << 31) - 1, mostThreads = 1024;
  for (auto [grid, block, shared] : llvm::zip_equal(getGrids(), getBlocks(), getShared()))
    if (grid < 1 || grid > mostBlocks || block < 1 || block > mostThreads || shared < 0)
      return mlir::emitError(getLoc())
             << "gpu_kernel is launched with " << grid << " blocks of " << block
             << " threads and " << shared << " bytes of shared memory, expected 1 to "
             << mostBlocks << " blocks of 1 to " << mostThreads << " threads, and no less than 0 bytes";
  for (int64_t extent : getExtents())
    if (extent < 0)
      return mlir::emitError(getLoc()) << "gpu_kernel has an extent of " << extent << " bytes";
  if (int64_t(getScratch()) < 0 || int64_t(getBytes()) < 0)
    return mlir::emitError(getLoc()) << "gpu_kernel has " << int64_t(getScratch())
                                     << " bytes of scratch and moves " << int64_t(getBytes())
                                     << ", expected no less than 0";
  return success();
}

LogicalResult MatmulOp::verify() {
  size_t rank = getSizes().size(); // batch..., m, n, k
  if (rank < 3)
    return mlir::emitError(getLoc()) << "matmul has " << rank
                               << " sizes, expected at least m, n and k";
  for (auto strides : {getAStrides(), getBStrides(), getCStrides()})
    if (strides.size() != rank - 1)
      return mlir::emitError(getLoc()) << "matmul operand has " << strides.size()
                                 << " strides, expected " << rank - 1;
  if (failed(verifyBiasGradient(*this)))
    return failure();
  return verifyTypes(*this);
}
