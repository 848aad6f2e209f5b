//===- CudnnGraph.h - Operations that cuDNN fuses into one --------------------===//
//
// Tensors and the operations between them, in an order in which each reads what is there.
// The library recognises what they come to, and has engines for all of them together.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_CUDNNGRAPH_H
#define BITPIPE_RUNTIME_CUDA_CUDNNGRAPH_H

#include "lib/Runtime/CUDA/CudnnDescriptor.h"

#include <optional>

namespace bitpipe {

class CudnnGraph {
public:
  /// A tensor of the graph, by its number.
  using Tensor = int64_t;
  using Sizes = std::vector<int64_t>;

  /// What an operation writes; without strides it is contiguous.
  struct Form {
    cudnn::DataType type;
    Sizes sizes, strides = {};
  };

  /// In memory that is given whenever the graph is run.
  Tensor inMemory(const Form &form) { return add(form, Kind::InMemory); }
  /// That exists between two operations only.
  Tensor between(const Form &form) { return add(form, Kind::Between); }
  Tensor number(float value) { return addNumber(cudnn::Float32, &value); }
  Tensor number(int32_t value) { return addNumber(cudnn::Int32, &value); }
  /// The last two dimensions in the other order, of bf16.
  Tensor flipped(Tensor tensor);

  Tensor matmul(Tensor a, Tensor b, const Form &form) { return matmul(a, b, between(form)); }
  Tensor matmul(Tensor a, Tensor b, Tensor c);
  Tensor reduce(cudnn::Reduce how, Tensor x, const Form &form) {
    return reduce(how, x, between(form));
  }
  Tensor reduce(cudnn::Reduce how, Tensor x, Tensor y);
  /// Of f32, of the sizes of x; sizes of 1 in b are repeated.
  Tensor pointwise(cudnn::Mode mode, Tensor x, std::optional<Tensor> b = {});
  Tensor pointwise(cudnn::Mode mode, Tensor x, std::optional<Tensor> b, Tensor y);
  /// Where each element of x is in a dimension.
  Tensor index(Tensor x, int64_t dimension);
  /// a + b, of the type of b.
  Tensor shifted(Tensor a, Tensor b);
  Tensor compare(cudnn::Mode mode, Tensor a, Tensor b);
  /// x where it holds, else y.
  Tensor select(Tensor condition, Tensor x, Tensor y);

  std::vector<cudnn::RawDescriptor> operations() const;
  /// Tensors that have to be given when it is run: those in memory, then the numbers with
  /// their values.
  struct Number {
    Tensor tensor;
    char value[sizeof(float)];
  };
  const std::vector<Tensor> &memory() const { return given; }
  const std::vector<Number> &numbers() const { return values; }

private:
  enum class Kind { InMemory, Between, Number };
  Tensor add(const Form &form, Kind kind);
  Tensor addNumber(cudnn::DataType type, const void *value);
  Tensor pointwise(cudnn::Mode mode, cudnn::DataType precision, std::optional<int64_t> axis,
                   Tensor x, std::optional<Tensor> b, std::optional<Tensor> condition, Tensor y);
  const CudnnDescriptor &of(Tensor tensor) const { return tensors[size_t(tensor) - 1]; }
  const Form &formOf(Tensor tensor) const { return forms[size_t(tensor) - 1]; }

  std::vector<CudnnDescriptor> tensors, kinds, steps; // kinds: of operations
  std::vector<Form> forms;
  std::vector<Tensor> given;
  std::vector<Number> values;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_CUDNNGRAPH_H
