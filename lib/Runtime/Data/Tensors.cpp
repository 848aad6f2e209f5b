//===- Tensors.cpp - One tensor per model input ---------------------------===//

#include "lib/Runtime/Data/DataFile.h"
#include "lib/Runtime/Data/Dataset.h"
#include "lib/Runtime/Error.h"
#include "lib/Files/Floats.h"
#include "lib/Files/Safetensors.h"

#include <cstring>
#include <set>

using namespace bitpipe;

namespace {

class TensorDataset : public Dataset {
public:
  TensorDataset(const std::string &path, const Program &program)
      : Dataset(path, program), header(path, "data"), file(path) {
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

  void checkUnchanged() const override { file.checkUnchanged(); }

protected:
  void fetch(int64_t first, int64_t count, size_t input,
             char *target) const override {
    const StoredTensor &tensor = *tensors[input];
    ElementType wanted = program.inputs[input].type.element;
    int64_t sample = tensor.bytes / samples(), bytes = count * sample;
    int64_t offset = header.offsetOf(tensor) + first * sample;
    if (tensor.dtype == nameOf(wanted))
      return file.read(offset, bytes, target);
    stored.resize(bytes);
    file.read(offset, bytes, stored.data());
    if (wanted == ElementType::F32)
      readFloats(*storedFloat(tensor.dtype), stored.data(), target, count * elements(input));
    else if (tensor.dtype == "U8")
      convertTo<uint8_t>(first, input, target);
    else if (tensor.dtype == "I8")
      convertTo<int8_t>(first, input, target);
    else if (tensor.dtype == "U16")
      convertTo<uint16_t>(first, input, target);
    else if (tensor.dtype == "I16")
      convertTo<int16_t>(first, input, target);
    else if (tensor.dtype == "U32")
      convertTo<uint32_t>(first, input, target);
    else if (tensor.dtype == "I32")
      convertTo<int32_t>(first, input, target);
    else
      convertTo<int64_t>(first, input, target);
  }

  std::string describe(int64_t sample, size_t input,
                       int64_t element) const override {
    std::string place = "sample " + std::to_string(sample) + " of '" +
                        program.inputs[input].name + "'";
    if (elements(input) > 1)
      place += ", element " + std::to_string(element);
    return place;
  }

private:
  const StoredTensor *find(const ModelInput &input) {
    const StoredTensor *tensor = header.find(input.name);
    if (!tensor)
      fail(path, ": error: holds no tensor '", input.name,
           "', which the model needs; it holds ", header.names());
    auto wanted = input.type.shape;
    auto shape = tensor->shape;
    bool fits = shape.size() == wanted.size();
    for (size_t i = 1; fits && i < wanted.size(); ++i)
      fits = shape[i] == wanted[i];
    if (!fits)
      fail(path, ": error: tensor '", input.name, "' has shape ",
           listText(shape), ", expected samples of shape ",
           listText(std::vector(wanted.begin() + 1, wanted.end())));
    if (!convertible(tensor->dtype, input.type.element))
      fail(path, ": error: tensor '", input.name, "' has dtype ",
           tensor->dtype, ", expected ", nameOf(input.type.element));
    return tensor;
  }

  static bool convertible(const std::string &dtype, ElementType wanted) {
    bool integers = wanted == ElementType::I64 || wanted == ElementType::I32;
    static const std::set<std::string> stored = {"U8",  "I8",  "U16", "I16",
                                                 "U32", "I32", "I64"};
    return dtype == nameOf(wanted) ||
           (wanted == ElementType::F32 && storedFloat(dtype)) ||
           (integers && stored.contains(dtype));
  }

  /// Converts what was read; `first` is the sample it begins with.
  template <typename From>
  void convertTo(int64_t first, size_t input, char *target) const {
    if (program.inputs[input].type.element == ElementType::I64)
      convert<From, int64_t>(first, input, target);
    else
      convert<From, int32_t>(first, input, target);
  }

  /// A value that the model's type does not hold is refused.
  template <typename From, typename To>
  void convert(int64_t first, size_t input, char *target) const {
    for (size_t i = 0; i < stored.size() / sizeof(From); ++i) {
      From value;
      std::memcpy(&value, stored.data() + i * sizeof(From), sizeof(From));
      To converted = To(value);
      if (int64_t(converted) != int64_t(value))
        refuse(value, first, input, i);
      std::memcpy(target + i * sizeof(To), &converted, sizeof(To));
    }
  }

  SafetensorsFile header; // its data are read from `file`
  DataFile file;
  std::vector<const StoredTensor *> tensors;
  mutable std::vector<char> stored; // what is read before it is converted
};

} // namespace

std::unique_ptr<Dataset> bitpipe::openTensors(const std::string &path,
                                              const Program &program) {
  return std::make_unique<TensorDataset>(path, program);
}
