//===- CudnnGraph.cpp - Operations that cuDNN fuses into one ------------------===//

#include "lib/Runtime/CUDA/CudnnGraph.h"

#include <cstring>

using namespace bitpipe;
using namespace bitpipe::cudnn;
using Tensor = CudnnGraph::Tensor;

/// Of all operands of attentions (CudnnAttention.cpp).
constexpr int64_t alignment = 16;

static CudnnGraph::Sizes contiguous(const CudnnGraph::Sizes &sizes) {
  CudnnGraph::Sizes strides(sizes.size(), 1);
  for (size_t i = sizes.size() - 1; i-- > 0;)
    strides[i] = strides[i + 1] * sizes[i + 1];
  return strides;
}

Tensor CudnnGraph::add(const Form &form, Kind kind) {
  Tensor number = Tensor(tensors.size()) + 1;
  forms.push_back(form);
  if (form.strides.empty())
    forms.back().strides = contiguous(form.sizes);
  CudnnDescriptor tensor(TensorDescriptor);
  tensor.set(TensorNumber, Int64Type, number)
      .set(TensorType, DataTypeType, form.type)
      .set(TensorAlignment, Int64Type, alignment)
      .set(TensorSizes, Int64Type, form.sizes)
      .set(TensorStrides, Int64Type, forms.back().strides);
  if (kind == Kind::Between)
    tensor.set(TensorIsVirtual, BooleanType, true);
  if (kind == Kind::Number)
    tensor.set(TensorIsByValue, BooleanType, true);
  tensor.finalize("a tensor");
  tensors.push_back(std::move(tensor));
  if (kind == Kind::InMemory)
    given.push_back(number);
  return number;
}

Tensor CudnnGraph::addNumber(DataType type, const void *value) {
  Number number{add({type, {1, 1, 1, 1}}, Kind::Number), {}};
  std::memcpy(number.value, value, sizeof(number.value));
  values.push_back(number);
  return number.tensor;
}

Tensor CudnnGraph::flipped(Tensor tensor) {
  Form form = formOf(tensor);
  form.type = Brain16;
  std::swap(form.sizes[2], form.sizes[3]), std::swap(form.strides[2], form.strides[3]);
  Tensor result = between(form);
  CudnnDescriptor step(OperationReshape);
  step.set(OperationReshapeX, of(tensor)).set(OperationReshapeY, of(result));
  steps.push_back(std::move(step.finalize("a view")));
  return result;
}

Tensor CudnnGraph::matmul(Tensor a, Tensor b, Tensor c) {
  CudnnDescriptor kind(Matmul);
  kind.set(MatmulType, DataTypeType, Float32).finalize("a product");
  CudnnDescriptor step(OperationMatmul);
  step.set(OperationMatmulA, of(a))
      .set(OperationMatmulB, of(b))
      .set(OperationMatmulC, of(c))
      .set(OperationMatmulDescriptor, kind);
  steps.push_back(std::move(step.finalize("a product")));
  kinds.push_back(std::move(kind));
  return c;
}

Tensor CudnnGraph::reduce(Reduce how, Tensor x, Tensor y) {
  CudnnDescriptor kind(Reduction);
  kind.set(ReductionOperator, ReductionOperatorType, how)
      .set(ReductionType, DataTypeType, Float32)
      .finalize("a reduction");
  CudnnDescriptor step(OperationReduction);
  step.set(OperationReductionX, of(x))
      .set(OperationReductionY, of(y))
      .set(OperationReductionDescriptor, kind);
  steps.push_back(std::move(step.finalize("a reduction")));
  kinds.push_back(std::move(kind));
  return y;
}

Tensor CudnnGraph::pointwise(Mode mode, DataType precision, std::optional<int64_t> axis, Tensor x,
                             std::optional<Tensor> b, std::optional<Tensor> condition, Tensor y) {
  CudnnDescriptor kind(Pointwise);
  kind.set(PointwiseMode, PointwiseModeType, mode)
      .set(PointwisePrecision, DataTypeType, precision);
  if (axis)
    kind.set(PointwiseAxis, Int64Type, *axis);
  kind.finalize("a pointwise operation");
  CudnnDescriptor step(OperationPointwise);
  step.set(OperationPointwiseDescriptor, kind)
      .set(OperationPointwiseX, of(x))
      .set(OperationPointwiseY, of(y));
  if (b)
    step.set(OperationPointwiseB, of(*b));
  if (condition)
    step.set(OperationPointwiseT, of(*condition));
  steps.push_back(std::move(step.finalize("a pointwise operation")));
  kinds.push_back(std::move(kind));
  return y;
}

Tensor CudnnGraph::pointwise(Mode mode, Tensor x, std::optional<Tensor> b) {
  return pointwise(mode, x, b, between({Float32, formOf(x).sizes}));
}

Tensor CudnnGraph::pointwise(Mode mode, Tensor x, std::optional<Tensor> b, Tensor y) {
  return pointwise(mode, Float32, {}, x, b, {}, y);
}

Tensor CudnnGraph::index(Tensor x, int64_t dimension) {
  return pointwise(Index, Float32, dimension, x, {}, {}, between({Int32, formOf(x).sizes}));
}

Tensor CudnnGraph::shifted(Tensor a, Tensor b) {
  DataType type = formOf(b).type;
  return pointwise(Add, type, {}, a, b, {}, between({type, formOf(a).sizes}));
}

Tensor CudnnGraph::compare(Mode mode, Tensor a, Tensor b) {
  return pointwise(mode, Boolean, {}, a, b, {}, between({Boolean, formOf(a).sizes}));
}

Tensor CudnnGraph::select(Tensor condition, Tensor x, Tensor y) {
  return pointwise(Select, Float32, {}, x, y, condition, between({Float32, formOf(x).sizes}));
}

std::vector<RawDescriptor> CudnnGraph::operations() const {
  return {steps.begin(), steps.end()};
}
