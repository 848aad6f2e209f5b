//===- CudnnGraph.h - What a graph of cuDNN computes ---------------------------===//
//
// One operation after the other, in f32, every result rounded to its type. Nothing is
// fused, so that each operation means what the library's documentation says of it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_DOUBLES_CUDNNGRAPH_H
#define BITPIPE_TEST_DOUBLES_CUDNNGRAPH_H

#include "lib/Runtime/CUDA/CudnnTypes.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace doubles {

using Sizes = std::vector<int64_t>;

struct GraphTensor {
  bitpipe::cudnn::DataType type;
  int64_t alignment;
  Sizes sizes, strides;
  bool isVirtual = false, isByValue = false;

  int64_t elements() const;
};

/// Numbers of tensors; 0: none.
struct GraphStep {
  bitpipe::cudnn::DescriptorType kind; // of an operation
  int how = 0;                         // mode or operator
  int64_t axis = 0;
  int64_t x = 0, b = 0, condition = 0, y = 0;
};

struct Graph {
  std::map<int64_t, GraphTensor> tensors;
  std::vector<GraphStep> steps;
};

/// What is wrong with the sizes of a step; null: nothing.
const char *faultOf(const GraphStep &step, const std::map<int64_t, GraphTensor> &tensors);

/// One execution.
struct GraphRun {
  explicit GraphRun(const Graph &graph) : graph(graph) {}

  const Graph graph;
  std::map<int64_t, const void *> pointers; // of what is in memory, on the device
  std::map<int64_t, float> numbers;         // of what is given by value
  const void *workspace = nullptr;
  int64_t workspaceBytes = 0;
  // Mistakes of a library, see README.md.
  float factor = 1;           // of results
  float logarithm = 1;        // of logarithms
  bool writesBetween = false; // elements of results

  /// Says what is wrong with an access to memory.
  std::optional<std::string> run();

private:
  using Values = std::vector<float>; // of a tensor, without strides
  std::optional<std::string> spoilWorkspace();
  std::optional<std::string> load(int64_t tensor);
  std::optional<std::string> store(int64_t tensor);
  template <typename Element> // of (index of a vector's first element, bytes of the vector)
  std::optional<std::string> eachVector(const GraphTensor &tensor, const void *pointer, bool writes,
                                        Element element) const;
  Values compute(const GraphStep &step) const;
  Values matmul(const GraphStep &step) const;
  Values reduce(const GraphStep &step) const;
  Values pointwise(const GraphStep &step) const;
  Values reshaped(const GraphStep &step) const;
  const GraphTensor &of(int64_t tensor) const { return graph.tensors.at(tensor); }

  std::map<int64_t, Values> values;
};

} // namespace doubles

#endif // BITPIPE_TEST_DOUBLES_CUDNNGRAPH_H
