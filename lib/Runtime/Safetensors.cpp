//===- Safetensors.cpp - Named tensors in a file --------------------------===//

#include "lib/Runtime/Safetensors.h"

#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Runtime/Error.h"

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
      auto shape = entry.at("shape").get<std::vector<int64_t>>();
      auto span = entry.at("data_offsets").get<std::vector<int64_t>>();
      int64_t bytes = bytesOf(dtype);
      for (int64_t size : shape)
        if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes))
          refuse("tensor '" + name + "' has shape " + listText(shape));
      if (span.size() != 2 || span[0] < 0 || span[0] > span[1] ||
          span[1] > space)
        refuse("tensor '" + name + "' lies outside the file");
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

void bitpipe::writeSafetensors(const std::string &path,
                               const std::vector<NamedTensor> &tensors) {
  json header;
  // "pt" is what transformers wants to read.
  header["__metadata__"] = {{"format", "pt"}, {mark::key, mark::value}};
  int64_t offset = 0;
  for (const NamedTensor &tensor : tensors) {
    int64_t end = offset + tensor.type.bytes();
    header[tensor.name] = {{"dtype", nameOf(tensor.type.element)},
                           {"shape", tensor.type.shape},
                           {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  uint64_t length = text.size();
  OutputFile file(path);
  file.write(&length, sizeof(length));
  file.write(text.data(), text.size());
  for (const NamedTensor &tensor : tensors)
    file.write(tensor.data, tensor.type.bytes());
  file.commit();
}
