//===- CudnnDescriptor.h - What cuDNN is told, and given back -----------------===//

#ifndef BITPIPE_RUNTIME_CUDA_CUDNNDESCRIPTOR_H
#define BITPIPE_RUNTIME_CUDA_CUDNNDESCRIPTOR_H

#include "lib/Runtime/CUDA/Libraries.h"

#include <utility>
#include <vector>

namespace bitpipe {

/// A descriptor of cuDNN's backend interface. What the library refuses is a UserError.
class CudnnDescriptor {
public:
  explicit CudnnDescriptor(cudnn::DescriptorType type) {
    cudnn::check(cudnn::library().createDescriptor(type, &raw), "make a descriptor");
  }
  CudnnDescriptor(CudnnDescriptor &&other) noexcept : raw(std::exchange(other.raw, nullptr)) {}
  CudnnDescriptor &operator=(CudnnDescriptor &&other) noexcept {
    std::swap(raw, other.raw);
    return *this;
  }
  ~CudnnDescriptor() {
    if (raw)
      cudnn::library().destroyDescriptor(raw);
  }

  operator cudnn::RawDescriptor() const { return raw; }

  template <typename T>
  CudnnDescriptor &set(cudnn::Attribute attribute, cudnn::AttributeType type, const T &value) {
    cudnn::check(cudnn::library().set(raw, attribute, type, 1, &value), "describe");
    return *this;
  }
  template <typename T>
  CudnnDescriptor &set(cudnn::Attribute attribute, cudnn::AttributeType type,
                       const std::vector<T> &values) {
    cudnn::check(
        cudnn::library().set(raw, attribute, type, int64_t(values.size()), values.data()),
        "describe");
    return *this;
  }
  CudnnDescriptor &set(cudnn::Attribute attribute, const CudnnDescriptor &other) {
    return set(attribute, cudnn::DescriptorAttribute, other.raw);
  }
  /// When all has been set. `what` begins what is said if the library refuses it.
  CudnnDescriptor &finalize(const char *what) {
    cudnn::check(cudnn::library().finalize(raw), what);
    return *this;
  }

private:
  cudnn::RawDescriptor raw = nullptr;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_CUDNNDESCRIPTOR_H
