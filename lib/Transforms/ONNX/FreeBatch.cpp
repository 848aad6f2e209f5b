//===- FreeBatch.cpp - The dimension that a batch has in a model -----------===//

#include "lib/Transforms/ONNX/FreeBatch.h"

#include "llvm/ADT/StringSet.h"

std::string bitpipe::freeBatch(const ModelFile &file, const llvm::StringMap<int64_t> &sizes) {
  llvm::StringSet<> weights;
  for (const onnx::Tensor &tensor : file.graph().initializer())
    weights.insert(tensor.name());
  std::string name;
  for (const onnx::ValueInfo &input : file.graph().input()) {
    const auto &shape = input.type().tensor_type().shape();
    if (weights.contains(input.name()) || shape.dim_size() == 0)
      continue;
    const std::string &first = shape.dim(0).dim_param();
    if (first.empty() || sizes.contains(first) || (!name.empty() && name != first))
      return "";
    name = first;
  }
  return name;
}
