//===- Tensors.cpp - One tensor per model input ---------------------------===//

#include "lib/Runtime/Data/Dataset.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Safetensors.h"

#include <cstring>

using namespace bitpipe;

namespace {

class TensorDataset : public Dataset {
public:
  TensorDataset(const std::string &path, const Program &program)
      : file(path, "data"), program(program) {
    for (const ModelInput &input : program.inputs)
      tensors.push_back(find(input));
    const StoredTensor &first = *tensors.front();
    for (size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i]->shape.front() != first.shape.front())
        fail(path, ": error: tensor '", program.inputs[i].name, "' has ",
             tensors[i]->shape.front(), " samples, expected ",
             first.shape.front(), " as '", program.inputs.front().name, "'");
  }

  int64_t samples() const override { return tensors.front()->shape.front(); }

  void read(int64_t sample, size_t input, char *target) const override {
    const StoredTensor &tensor = *tensors[input];
    const TensorType &wanted = program.inputs[input].type;
    int64_t count = wanted.elements() / program.samples();
    int64_t stored = tensor.bytes / samples();
    const char *source = tensor.data + sample * stored;
    if (tensor.dtype == nameOf(wanted.element))
      std::memcpy(target, source, stored);
    else if (wanted.element == ElementType::F32)
      readFloats(*storedFloat(tensor.dtype), source, target, count);
    else if (tensor.dtype == "U8")
      convertTo<uint8_t>(wanted.element, source, target, count);
    else if (tensor.dtype == "I8")
      convertTo<int8_t>(wanted.element, source, target, count);
    else if (tensor.dtype == "U16")
      convertTo<uint16_t>(wanted.element, source, target, count);
    else if (tensor.dtype == "I16")
      convertTo<int16_t>(wanted.element, source, target, count);
    else if (tensor.dtype == "U32")
      convertTo<uint32_t>(wanted.element, source, target, count);
    else if (wanted.element == ElementType::I64)
      convert<int32_t, int64_t>(source, target, count);
    else
      convert<int64_t, int32_t>(source, target, count);
  }

  std::string describe(int64_t sample, size_t input) const override {
    return "sample " + std::to_string(sample) + " of '" +
           program.inputs[input].name + "'";
  }

private:
  const StoredTensor *find(const ModelInput &input) {
    const StoredTensor *tensor = file.find(input.name);
    if (!tensor)
      fail(file.path(), ": error: holds no tensor '", input.name,
           "', which the model needs; it holds ", file.names());
    auto wanted = input.type.shape;
    auto shape = tensor->shape;
    bool fits = shape.size() == wanted.size();
    for (size_t i = 1; fits && i < wanted.size(); ++i)
      fits = shape[i] == wanted[i];
    if (!fits)
      fail(file.path(), ": error: tensor '", input.name, "' has shape ",
           listText(shape), ", expected samples of shape ",
           listText(std::vector(wanted.begin() + 1, wanted.end())));
    if (!convertible(tensor->dtype, input.type.element))
      fail(file.path(), ": error: tensor '", input.name, "' has dtype ",
           tensor->dtype, ", expected ", nameOf(input.type.element));
    return tensor;
  }

  static bool convertible(const std::string &dtype, ElementType wanted) {
    bool integers = wanted == ElementType::I64 || wanted == ElementType::I32;
    bool exact = dtype == "U8" || dtype == "I8" || dtype == "U16" ||
                 dtype == "I16" ||
                 (dtype == "U32" && wanted == ElementType::I64);
    return dtype == nameOf(wanted) ||
           (wanted == ElementType::F32 && storedFloat(dtype)) ||
           (integers && (exact || dtype == "I64" || dtype == "I32"));
  }

  template <typename From>
  static void convertTo(ElementType wanted, const char *source, char *target,
                        int64_t count) {
    if (wanted == ElementType::I64)
      convert<From, int64_t>(source, target, count);
    else
      convert<From, int32_t>(source, target, count);
  }

  template <typename From, typename To>
  static void convert(const char *source, char *target, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      From value;
      std::memcpy(&value, source + i * sizeof(From), sizeof(From));
      To converted = To(value);
      std::memcpy(target + i * sizeof(To), &converted, sizeof(To));
    }
  }

  SafetensorsFile file;
  const Program &program;
  std::vector<const StoredTensor *> tensors;
};

} // namespace

std::unique_ptr<Dataset> bitpipe::openTensors(const std::string &path,
                                              const Program &program) {
  return std::make_unique<TensorDataset>(path, program);
}
