//===- Safetensors.cpp - Named tensors in a file --------------------------===//

#include "lib/Files/Safetensors.h"

#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Files/Error.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

using namespace bitpipe;
using nlohmann::json;

/// Bytes per element of a dtype, or 0 if unknown.
static int64_t bytesOf(const std::string &dtype) {
  static const std::map<std::string, int64_t> sizes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"U16", 2}, {"I16", 2}, {"F16", 2},
      {"BF16", 2}, {"U32", 4}, {"I32", 4}, {"F32", 4}, {"U64", 8}, {"I64", 8},
      {"F64", 8}};
  auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
}

std::optional<StoredFloat> bitpipe::storedFloat(const std::string &dtype) {
  for (auto type : {StoredFloat::F32, StoredFloat::F16, StoredFloat::BF16,
                    StoredFloat::F64})
    if (dtype == nameOf(type))
      return type;
  return std::nullopt;
}

/// The numbers of a list; one that int64_t does not hold is -1, which no size and
/// no offset is. Throws what the library throws for anything else.
static std::vector<int64_t> wholeNumbers(const json &list) {
  std::vector<int64_t> numbers;
  for (const json &item : list.get_ref<const json::array_t &>()) {
    item.get_ref<const json::number_integer_t &>();
    bool fits = !item.is_number_unsigned() || item.get<uint64_t>() <= INT64_MAX;
    numbers.push_back(fits ? item.get<int64_t>() : -1);
  }
  return numbers;
}

SafetensorsFile::SafetensorsFile(const std::string &path,
                                 const std::string &what)
    : file(path, what) {
  auto refuse = [&](const std::string &why) {
    fail(path, ": error: not a safetensors file: ", why);
  };
  uint64_t length = 0;
  if (file.size() < int64_t(sizeof(length)))
    refuse("it has " + std::to_string(file.size()) + " bytes");
  std::memcpy(&length, file.data(), sizeof(length));
  uint64_t rest = file.size() - sizeof(length);
  if (length > rest)
    refuse("its header has " + std::to_string(length) + " bytes, the file " +
           std::to_string(file.size()));
  const char *text = file.data() + sizeof(length);
  json header = json::parse(text, text + length, nullptr, false);
  if (!header.is_object())
    refuse("its header is no JSON object");
  int64_t space = rest - length;
  for (auto &[name, entry] : header.items()) {
    if (name == "__metadata__")
      continue;
    try {
      auto dtype = entry.at("dtype").get<std::string>();
      auto shape = wholeNumbers(entry.at("shape"));
      auto span = wholeNumbers(entry.at("data_offsets"));
      int64_t bytes = bytesOf(dtype);
      for (int64_t size : shape)
        if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes))
          refuse("tensor '" + name + "' has shape " + listText(shape));
      if (span.size() != 2 || span[0] < 0 || span[0] > span[1] ||
          span[1] > space)
        refuse("tensor '" + name + "' lies outside the file");
      // What this program has no name for matters only where it is asked for.
      if (bytesOf(dtype) == 0)
        bytes = span[1] - span[0];
      if (span[1] - span[0] != bytes)
        refuse("tensor '" + name + "' has " +
               std::to_string(span[1] - span[0]) + " bytes, its shape " +
               listText(shape) + " of " + dtype + " " + std::to_string(bytes));
      tensors[name] = {dtype, shape, text + length + span[0], bytes};
    } catch (const json::exception &) {
      refuse("tensor '" + name + "' lacks dtype, shape or data_offsets");
    }
  }
}

const StoredTensor *SafetensorsFile::find(const std::string &name) const {
  auto found = tensors.find(name);
  return found == tensors.end() ? nullptr : &found->second;
}

std::string SafetensorsFile::names() const {
  std::string out;
  for (auto &[name, tensor] : tensors)
    out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// Writes f32 in another type, a piece at a time.
static void writeConverted(OutputFile &file, const NamedTensor &tensor) {
  constexpr int64_t piece = 1 << 20;
  std::vector<char> buffer;
  for (int64_t done = 0; done < tensor.elements(); done += piece) {
    int64_t count = std::min(piece, tensor.elements() - done);
    buffer.resize(count * sizeOf(tensor.stored));
    writeFloats(tensor.stored, tensor.data + done * sizeof(float),
                buffer.data(), count);
    file.write(buffer.data(), buffer.size());
  }
}

int64_t NamedTensor::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

std::string bitpipe::safetensorsHeader(
    const std::vector<TensorEntry> &entries,
    const std::map<std::string, std::string> &metadata) {
  json header;
  header["__metadata__"] = metadata;
  // "pt" is what transformers wants to read.
  header["__metadata__"].update({{"format", "pt"}, {mark::key, mark::value}});
  int64_t offset = 0;
  for (const TensorEntry &entry : entries) {
    header[entry.name] = {{"dtype", entry.dtype},
                          {"shape", entry.shape},
                          {"data_offsets", {offset, offset + entry.bytes}}};
    offset += entry.bytes;
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  uint64_t length = text.size();
  return std::string(reinterpret_cast<char *>(&length), sizeof(length)) + text;
}

void bitpipe::writeSafetensors(const std::string &path,
                               const std::vector<NamedTensor> &tensors) {
  std::vector<TensorEntry> entries;
  for (const NamedTensor &tensor : tensors)
    entries.push_back(tensor.entry());
  OutputFile file(path);
  file.write(safetensorsHeader(entries));
  for (const NamedTensor &tensor : tensors)
    if (tensor.stored == StoredFloat::F32)
      file.write(tensor.data, tensor.bytes());
    else
      writeConverted(file, tensor);
  file.commit();
}
