//===- Tokens.cpp - A stream of token ids ---------------------------------===//
//
// Sequence i begins at token i * S and has S + 1 tokens: the first S are the
// model's input, the last S its labels, so that every token but the first is
// predicted once.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Data/Dataset.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/MappedFile.h"

#include <charconv>
#include <cstring>

using namespace bitpipe;

namespace {

/// Where the tokens of a file lie and how wide they are.
struct TokenLayout {
  int64_t offset, bytesPerToken, count;
};

/// Reads the header of a one-dimensional .npy of integers.
TokenLayout layoutOfNpy(const MappedFile &file) {
  auto refuse = [&](const std::string &why) {
    fail(file.path(), ": error: not a .npy of tokens: ", why);
  };
  constexpr int64_t preamble = 10;
  std::string_view all(file.data(), file.size());
  if (!all.starts_with("\x93NUMPY") || file.size() < preamble)
    refuse("it has another beginning");
  int64_t sizeBytes = file.data()[6] == 1 ? 2 : 4;
  uint32_t length = 0;
  if (file.size() < 8 + sizeBytes)
    refuse("it ends in the header");
  std::memcpy(&length, file.data() + 8, sizeBytes);
  int64_t offset = 8 + sizeBytes + int64_t(length);
  if (offset > file.size())
    refuse("it ends in the header");
  std::string_view header = all.substr(8 + sizeBytes, length);
  auto after = [&](std::string_view key) {
    size_t at = header.find(key);
    return at == header.npos ? "" : header.substr(at + key.size());
  };
  std::string_view type = after("'descr': '");
  type = type.substr(0, type.find('\''));
  static constexpr std::pair<std::string_view, int64_t> widths[] = {
      {"|u1", 1}, {"<u2", 2}, {"<u4", 4}, {"<i4", 4}, {"<u8", 8}, {"<i8", 8}};
  int64_t width = 0;
  for (auto &[name, bytes] : widths)
    if (type == name)
      width = bytes;
  if (!width)
    refuse("its dtype is '" + std::string(type) +
           "', expected an integer of 1, 2, 4 or 8 bytes (signed from 4)");
  std::string_view shape = after("'shape': (");
  shape = shape.substr(0, shape.find(')'));
  int64_t count = 0;
  auto [end, error] =
      std::from_chars(shape.data(), shape.data() + shape.size(), count);
  std::string_view rest(end, shape.data() + shape.size());
  if (error != std::errc() || (rest != "," && rest != ""))
    refuse("its shape is (" + std::string(shape) + "), expected one dimension");
  if (count < 0 || count > (file.size() - offset) / width)
    refuse("it ends before its " + std::to_string(count) + " tokens do");
  return {offset, width, count};
}

class TokenDataset : public Dataset {
public:
  TokenDataset(const std::string &path, const Program &program)
      : file(path, "data"), program(program) {
    findInputs();
    layout = findLayout();
  }

  int64_t samples() const override {
    return layout.count > 0 ? (layout.count - 1) / sequence : 0;
  }

  void read(int64_t sample, size_t input, char *target) const override {
    int64_t first = sample * sequence + (int64_t(input) == program.labels);
    bool wide = program.inputs[input].type.element == ElementType::I64;
    for (int64_t i = 0; i < sequence; ++i) {
      int64_t value = token(first + i);
      if (wide)
        std::memcpy(target + i * 8, &value, 8);
      else
        std::memcpy(target + i * 4, &value, 4); // little endian
    }
  }

  std::string describe(int64_t sample, size_t input) const override {
    int64_t first = sample * sequence + (int64_t(input) == program.labels);
    return "tokens " + std::to_string(first) + " to " +
           std::to_string(first + sequence - 1);
  }

private:
  void findInputs() {
    if (program.labels < 0)
      fail(file.path(), ": error: the model takes no labels, which is all a "
                        "token file gives besides ids; expected .safetensors");
    int64_t ids = -1;
    for (size_t i = 0; i < program.inputs.size(); ++i) {
      const ModelInput &input = program.inputs[i];
      bool integers = input.type.element == ElementType::I64 ||
                      input.type.element == ElementType::I32;
      bool fits = integers && input.type.shape.size() == 2;
      if (!fits || (int64_t(i) != program.labels && ids >= 0))
        fail(file.path(), ": error: a token file gives ids and labels, but the "
                          "model also needs '",
             input.name, "'; expected .safetensors with all inputs");
      if (int64_t(i) != program.labels)
        ids = i;
    }
    if (ids < 0)
      fail(file.path(), ": error: the model takes no token ids");
    sequence = program.inputs[ids].type.shape[1];
    bound = program.inputs[ids].bound;
    if (program.inputs[program.labels].type.shape[1] != sequence)
      fail(file.path(), ": error: labels have length ",
           program.inputs[program.labels].type.shape[1], ", ids ", sequence);
  }

  TokenLayout findLayout() const {
    if (file.path().ends_with(".npy"))
      return layoutOfNpy(file);
    // Two bytes where they hold every id of the model.
    int64_t width = 1;
    if (file.path().ends_with(".bin"))
      width = bound > 65536 ? 4 : 2;
    if (file.size() % width != 0)
      fail(file.path(), ": error: has ", file.size(), " bytes, expected a "
           "multiple of ", width, " as token ids of the model take");
    return {0, width, file.size() / width};
  }

  int64_t token(int64_t index) const {
    uint64_t value = 0;
    std::memcpy(&value,
                file.data() + layout.offset + index * layout.bytesPerToken,
                layout.bytesPerToken);
    if (layout.bytesPerToken == 4)
      return int32_t(value); // ids beyond 2^31 are out of range either way
    return int64_t(value);
  }

  MappedFile file;
  const Program &program;
  TokenLayout layout{};
  int64_t sequence = 0, bound = -1;
};

} // namespace

std::unique_ptr<Dataset> bitpipe::openTokens(const std::string &path,
                                             const Program &program) {
  return std::make_unique<TokenDataset>(path, program);
}
