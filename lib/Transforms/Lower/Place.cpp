//===- Place.cpp - Arithmetic on places ------------------------------------===//

#include "lib/Transforms/Lower/Place.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::lower;

int64_t lower::elementBytes(Type element) {
  if (!element.isIntOrFloat())
    return 0;
  return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

int64_t lower::tensorBytes(RankedTensorType type) {
  return type.getNumElements() * elementBytes(type.getElementType());
}

SmallVector<int64_t> lower::rowMajorStrides(ArrayRef<int64_t> sizes) {
  return computeSuffixProduct(sizes);
}

bool Place::sameMemory(const Place &other) const {
  if (buffer != other.buffer || offset != other.offset ||
      sizes != other.sizes || element != other.element)
    return false;
  // No step is taken along a dimension of size 1.
  for (auto [size, mine, theirs] : llvm::zip(sizes, strides, other.strides))
    if (size != 1 && mine != theirs)
      return false;
  return true;
}

bool Place::isRowMajor() const {
  int64_t expected = 1;
  for (int64_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] != 1 && strides[i] != expected)
      return false;
    expected *= sizes[i];
  }
  return true;
}

MemRefType Place::memref() const {
  if (isRowMajor())
    return MemRefType::get(sizes, element);
  return MemRefType::get(
      sizes, element,
      StridedLayoutAttr::get(element.getContext(), /*offset=*/0, strides));
}

Place lower::densePlace(unsigned buffer, int64_t offset,
                          RankedTensorType type) {
  return {buffer, offset, llvm::to_vector(type.getShape()),
          rowMajorStrides(type.getShape()), type.getElementType()};
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

bool lower::isView(Operation *op) {
  if (auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op))
    return slice.getStaticOffsets().size() == slice.getStaticSizes().size() &&
           !ShapedType::isDynamicShape(slice.getStaticOffsets()) &&
           llvm::all_of(slice.getStaticStrides(),
                        [](int64_t step) { return step > 0; });
  return isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
                         linalg::TransposeOp>(op);
}

Value lower::viewSource(Operation *view) { return view->getOperand(0); }

/// Splits every dimension of `place` into a group of dimensions of `shape`.
static Place expanded(const Place &place, ArrayRef<ReassociationIndices> groups,
                      ArrayRef<int64_t> shape) {
  Place result = place;
  result.sizes.assign(shape.begin(), shape.end());
  result.strides.assign(shape.size(), 1);
  for (auto [dim, group] : llvm::enumerate(groups)) {
    int64_t stride = place.strides[dim];
    for (int64_t inner : llvm::reverse(group)) {
      result.strides[inner] = stride;
      stride *= shape[inner];
    }
  }
  return result;
}

/// Joins the dimensions of every group, if their strides fit together.
static std::optional<Place> collapsed(const Place &place,
                                      ArrayRef<ReassociationIndices> groups) {
  Place result = place;
  result.sizes.assign(groups.size(), 1);
  result.strides.assign(groups.size(), 1);
  for (auto [dim, group] : llvm::enumerate(groups)) {
    bool first = true;
    for (int64_t inner : llvm::reverse(group)) {
      if (place.sizes[inner] == 1)
        continue;
      if (first)
        result.strides[dim] = place.strides[inner];
      else if (place.strides[inner] != result.strides[dim] * result.sizes[dim])
        return std::nullopt;
      first = false;
      result.sizes[dim] *= place.sizes[inner];
    }
  }
  return result;
}

static Place permuted(const Place &place, ArrayRef<int64_t> permutation) {
  Place result = place;
  for (auto [to, from] : llvm::enumerate(permutation)) {
    result.sizes[to] = place.sizes[from];
    result.strides[to] = place.strides[from];
  }
  return result;
}

static Place extracted(const Place &place, tensor::ExtractSliceOp op) {
  Place result = place;
  result.sizes.clear();
  result.strides.clear();
  auto dropped = op.getDroppedDims();
  for (auto [dim, offset] : llvm::enumerate(op.getStaticOffsets())) {
    result.offset += offset * place.strides[dim] * elementBytes(place.element);
    if (dropped.test(dim))
      continue;
    result.sizes.push_back(op.getStaticSizes()[dim]);
    result.strides.push_back(place.strides[dim] * op.getStaticStrides()[dim]);
  }
  return result;
}

std::optional<Place> lower::viewOf(Operation *view, const Place &source) {
  return TypeSwitch<Operation *, std::optional<Place>>(view)
      .Case([&](tensor::ExpandShapeOp op) {
        return expanded(source, op.getReassociationIndices(),
                        op.getResultType().getShape());
      })
      .Case([&](tensor::CollapseShapeOp op) {
        return collapsed(source, op.getReassociationIndices());
      })
      .Case([&](linalg::TransposeOp op) {
        return permuted(source, op.getPermutation());
      })
      .Case([&](tensor::ExtractSliceOp op) { return extracted(source, op); })
      .Default(std::nullopt);
}

std::optional<Place> lower::sourceOfView(Operation *view,
                                           const Place &result) {
  return TypeSwitch<Operation *, std::optional<Place>>(view)
      .Case([&](tensor::ExpandShapeOp op) {
        return collapsed(result, op.getReassociationIndices());
      })
      .Case([&](tensor::CollapseShapeOp op) {
        return expanded(result, op.getReassociationIndices(),
                        op.getSrcType().getShape());
      })
      .Case([&](linalg::TransposeOp op) {
        return permuted(result,
                        invertPermutationVector(op.getPermutation()));
      })
      .Default(std::nullopt);
}

Place lower::sliced(const Place &place, ArrayRef<int64_t> offsets,
                      ArrayRef<int64_t> sizes) {
  Place result = place;
  result.sizes.assign(sizes.begin(), sizes.end());
  for (auto [offset, stride] : llvm::zip(offsets, place.strides))
    result.offset += offset * stride * elementBytes(place.element);
  return result;
}

void lower::simplify(MutableArrayRef<Place> places) {
  auto erase = [&](size_t dim) {
    for (Place &place : places) {
      place.sizes.erase(place.sizes.begin() + dim);
      place.strides.erase(place.strides.begin() + dim);
    }
  };
  for (size_t dim = places[0].sizes.size(); dim-- > 0;)
    if (places[0].sizes[dim] == 1)
      erase(dim);
  for (size_t dim = places[0].sizes.size(); dim-- > 1;) {
    bool fits = llvm::all_of(places, [&](const Place &place) {
      return place.strides[dim - 1] == place.strides[dim] * place.sizes[dim];
    });
    if (!fits)
      continue;
    for (Place &place : places) {
      place.sizes[dim] *= place.sizes[dim - 1];
    }
    erase(dim - 1);
  }
}
