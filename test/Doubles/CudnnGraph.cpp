//===- CudnnGraph.cpp - What a graph of cuDNN computes -------------------------===//

#include "test/Doubles/CudnnGraph.h"

#include "lib/Files/Floats.h"
#include "test/Doubles/Streams.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace doubles;
using namespace bitpipe::cudnn;

namespace {

int64_t bytesOf(DataType type) { return type == Brain16 ? 2 : type == Boolean ? 1 : 4; }

Sizes indexOf(const Sizes &sizes, int64_t element) {
  Sizes index(sizes.size());
  for (size_t d = sizes.size(); d-- > 0; element /= sizes[d])
    index[d] = element % sizes[d];
  return index;
}

/// Of a tensor whose sizes divide those of the index: repeated, or shared by neighbours
/// as heads of k and v are.
int64_t placeIn(const Sizes &sizes, const Sizes &all, const Sizes &index, size_t dims) {
  int64_t place = 0;
  for (size_t d = 0; d < dims; ++d)
    place = place * sizes[d] + index[d] / (all[d] / sizes[d]);
  return place;
}

bool divides(const Sizes &sizes, const Sizes &all, size_t dims) {
  for (size_t d = 0; d < dims; ++d)
    if (all[d] % sizes[d])
      return false;
  return true;
}

float rounded(DataType type, float value) {
  return type == Brain16 ? bitpipe::fromBrain(bitpipe::toBrain(value)) : value;
}

} // namespace

int64_t GraphTensor::elements() const {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count;
}

const char *doubles::faultOf(const GraphStep &step, const std::map<int64_t, GraphTensor> &tensors) {
  const Sizes &x = tensors.at(step.x).sizes, &y = tensors.at(step.y).sizes;
  size_t dims = y.size();
  if (x.size() != dims || (step.b && tensors.at(step.b).sizes.size() != dims))
    return "operands differ in dimensions";
  const Sizes &b = tensors.at(step.b ? step.b : step.x).sizes;
  switch (step.kind) {
  case OperationMatmul:
    if (x[dims - 2] != y[dims - 2] || b[dims - 1] != y[dims - 1] || x[dims - 1] != b[dims - 2] ||
        !divides(x, y, dims - 2) || !divides(b, y, dims - 2))
      return "sizes of a product do not go together";
    break;
  case OperationReduction:
    if (!divides(y, x, dims))
      return "sizes of a reduction do not go together";
    break;
  case OperationReshape:
    if (tensors.at(step.x).elements() != tensors.at(step.y).elements())
      return "a view has other elements";
    break;
  default:
    if (x != y || !divides(b, y, dims) || (step.condition && tensors.at(step.condition).sizes != y))
      return "sizes of a pointwise operation do not go together";
  }
  return nullptr;
}

/// Vectors along the dimension that is contiguous; what lies between belongs to others.
template <typename Element>
std::optional<std::string> GraphRun::eachVector(const GraphTensor &tensor, const void *pointer,
                                                bool writes, Element element) const {
  size_t along = size_t(std::ranges::find(tensor.strides, 1) - tensor.strides.begin());
  Sizes outer = tensor.sizes;
  int64_t length = along < outer.size() ? outer[along] : 1, bytes = bytesOf(tensor.type);
  if (along < outer.size())
    outer[along] = 1;
  int64_t count = tensor.elements() / length;
  for (int64_t i = 0; i < count; ++i) {
    Sizes index = indexOf(outer, i);
    int64_t offset = 0;
    for (size_t d = 0; d < index.size(); ++d)
      offset += index[d] * tensor.strides[d];
    char *there = nullptr;
    int64_t more = writes && writesBetween && i + 1 < count; // an element
    if (auto wrong = translate(static_cast<const char *>(pointer) + offset * bytes,
                               size_t((length + more) * bytes), writes, there))
      return wrong;
    for (int64_t j = 0; j < length; ++j) {
      if (along < index.size())
        index[along] = j;
      element(placeIn(tensor.sizes, tensor.sizes, index, index.size()), there + j * bytes);
    }
    if (more)
      std::memset(there + length * bytes, 0, size_t(bytes));
  }
  return std::nullopt;
}

std::optional<std::string> GraphRun::load(int64_t number) {
  const GraphTensor &tensor = of(number);
  if (values.contains(number))
    return std::nullopt;
  Values &content = values[number];
  content.resize(size_t(tensor.elements()));
  if (tensor.isByValue) {
    content[0] = numbers.at(number);
    return std::nullopt;
  }
  return eachVector(tensor, pointers.at(number), false, [&](int64_t place, const char *from) {
    if (tensor.type == Brain16) {
      uint16_t bits;
      std::memcpy(&bits, from, sizeof(bits));
      content[size_t(place)] = bitpipe::fromBrain(bits);
    } else {
      std::memcpy(&content[size_t(place)], from, sizeof(float));
    }
  });
}

std::optional<std::string> GraphRun::store(int64_t number) {
  const GraphTensor &tensor = of(number);
  const Values &content = values[number];
  return eachVector(tensor, pointers.at(number), true, [&](int64_t place, char *into) {
    if (tensor.type == Brain16) {
      uint16_t bits = bitpipe::toBrain(content[size_t(place)] * factor);
      std::memcpy(into, &bits, sizeof(bits));
    } else {
      std::memcpy(into, &content[size_t(place)], sizeof(float));
    }
  });
}

std::optional<std::string> GraphRun::run() {
  values.clear();
  for (const GraphStep &step : graph.steps) {
    if (auto wrong = spoilWorkspace())
      return wrong;
    for (int64_t operand : {step.x, step.b, step.condition})
      if (operand && (!of(operand).isVirtual))
        if (auto wrong = load(operand))
          return wrong;
    Values result = compute(step);
    for (float &value : result)
      value = rounded(of(step.y).type, value);
    values[step.y] = std::move(result);
    if (of(step.y).isVirtual)
      continue;
    if (auto wrong = store(step.y))
      return wrong;
    values.erase(step.y); // whoever reads it reads memory
  }
  return std::nullopt;
}

/// It is the library's own, whatever else lies there.
std::optional<std::string> GraphRun::spoilWorkspace() {
  char *there = nullptr;
  if (auto wrong = translate(workspace, size_t(workspaceBytes), true, there); wrong || !workspaceBytes)
    return wrong;
  std::memset(there, 0xa5, size_t(workspaceBytes));
  return std::nullopt;
}

GraphRun::Values GraphRun::compute(const GraphStep &step) const {
  switch (step.kind) {
  case OperationMatmul:
    return matmul(step);
  case OperationReduction:
    return reduce(step);
  case OperationReshape:
    return reshaped(step);
  default:
    return pointwise(step);
  }
}

GraphRun::Values GraphRun::matmul(const GraphStep &step) const {
  const Sizes &a = of(step.x).sizes, &b = of(step.b).sizes, &c = of(step.y).sizes;
  const Values &left = values.at(step.x), &right = values.at(step.b);
  size_t dims = c.size() - 2;
  int64_t m = c[dims], n = c[dims + 1], k = a[dims + 1];
  Sizes outer(c.begin(), c.begin() + int64_t(dims));
  Values result(size_t(of(step.y).elements()));
  for (int64_t i = 0; i < of(step.y).elements() / (m * n); ++i) {
    Sizes index = indexOf(outer, i);
    const float *aHere = left.data() + placeIn(a, c, index, dims) * m * k;
    const float *bHere = right.data() + placeIn(b, c, index, dims) * k * n;
    float *cHere = result.data() + i * m * n;
    for (int64_t row = 0; row < m; ++row)
      for (int64_t l = 0; l < k; ++l)
        for (int64_t column = 0; column < n; ++column)
          cHere[row * n + column] += aHere[row * k + l] * bHere[l * n + column];
  }
  return result;
}

GraphRun::Values GraphRun::reduce(const GraphStep &step) const {
  const GraphTensor &x = of(step.x), &y = of(step.y);
  const Values &from = values.at(step.x);
  bool adds = step.how == ReduceAdd;
  Values result(size_t(y.elements()), adds ? 0 : -INFINITY);
  for (int64_t i = 0; i < x.elements(); ++i) {
    float &into = result[size_t(placeIn(y.sizes, x.sizes, indexOf(x.sizes, i), x.sizes.size()))];
    into = adds ? into + from[size_t(i)] : std::max(into, from[size_t(i)]);
  }
  return result;
}

/// Elements of a view with two dimensions swapped are those of the same place in memory.
GraphRun::Values GraphRun::reshaped(const GraphStep &step) const {
  const GraphTensor &x = of(step.x), &y = of(step.y);
  std::map<int64_t, float> at;
  auto placeOf = [](const GraphTensor &tensor, int64_t element) {
    Sizes index = indexOf(tensor.sizes, element);
    int64_t place = 0;
    for (size_t d = 0; d < index.size(); ++d)
      place += index[d] * tensor.strides[d];
    return place;
  };
  for (int64_t i = 0; i < x.elements(); ++i)
    at[placeOf(x, i)] = values.at(step.x)[size_t(i)];
  Values result;
  for (int64_t i = 0; i < y.elements(); ++i)
    result.push_back(at.at(placeOf(y, i)));
  return result;
}

GraphRun::Values GraphRun::pointwise(const GraphStep &step) const {
  const Sizes &sizes = of(step.y).sizes;
  const Values *b = step.b ? &values.at(step.b) : nullptr;
  Values result(size_t(of(step.y).elements()));
  for (int64_t i = 0; i < int64_t(result.size()); ++i) {
    Sizes index = indexOf(sizes, i);
    float x = step.how == Index ? 0 : values.at(step.x)[size_t(i)];
    float y = b ? (*b)[size_t(placeIn(of(step.b).sizes, sizes, index, sizes.size()))] : 0;
    auto chosen = [&] { return values.at(step.condition)[size_t(i)] != 0 ? x : y; };
    switch (step.how) {
    case Add: result[size_t(i)] = x + y; break;
    case Multiply: result[size_t(i)] = x * y; break;
    case Divide: result[size_t(i)] = x / y; break;
    case Subtract: result[size_t(i)] = x - y; break;
    case Exp: result[size_t(i)] = std::exp(x); break;
    case Log: result[size_t(i)] = std::log(x) * logarithm; break;
    case Identity: result[size_t(i)] = x; break;
    case IsGreater: result[size_t(i)] = x > y; break;
    case IsAtLeast: result[size_t(i)] = x >= y; break;
    case Index: result[size_t(i)] = float(index[size_t(step.axis)]); break;
    case Select: result[size_t(i)] = chosen(); break;
    }
  }
  return result;
}
