//===- CudnnDescriptor.h - A descriptor of cuDNN's backend interface -------------===//

#ifndef BITPIPE_TEST_DOUBLES_CUDNNDESCRIPTOR_H
#define BITPIPE_TEST_DOUBLES_CUDNNDESCRIPTOR_H

#include "test/Doubles/CudnnGraph.h"

#include <cstring>
#include <memory>

namespace doubles {

/// Of an attribute.
struct Value {
  bitpipe::cudnn::AttributeType type;
  int64_t count;
  std::vector<char> bytes;
};

struct Descriptor {
  explicit Descriptor(bitpipe::cudnn::DescriptorType type) : type(type) {}

  const bitpipe::cudnn::DescriptorType type;
  bool finalized = false;
  std::map<bitpipe::cudnn::Attribute, Value> values;
  int engine = 0;                     // of engines, their configurations and plans
  std::shared_ptr<const Graph> graph; // of those, which outlives what described it

  bool has(bitpipe::cudnn::Attribute attribute) const { return values.contains(attribute); }
  template <typename T> T one(bitpipe::cudnn::Attribute attribute, T otherwise = {}) const {
    if (!has(attribute))
      return otherwise;
    T value{};
    std::memcpy(&value, values.at(attribute).bytes.data(), sizeof(T));
    return value;
  }
  template <typename T> std::vector<T> all(bitpipe::cudnn::Attribute attribute) const {
    const Value &value = values.at(attribute);
    std::vector<T> list(size_t(value.count));
    std::memcpy(list.data(), value.bytes.data(), value.bytes.size());
    return list;
  }
  const Descriptor &other(bitpipe::cudnn::Attribute attribute) const {
    return *one<const Descriptor *>(attribute);
  }
};

/// Of one element of an attribute.
size_t bytesOf(bitpipe::cudnn::AttributeType type);
/// What it lacks to be finalised, or has of another type or size; empty if nothing.
std::string faultOf(const Descriptor &descriptor);
/// What one of an operation graph says.
Graph graphOf(const Descriptor &descriptor);

} // namespace doubles

#endif // BITPIPE_TEST_DOUBLES_CUDNNDESCRIPTOR_H
