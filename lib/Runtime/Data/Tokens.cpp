//===- Tokens.cpp - A stream of token ids ---------------------------------===//
//
// Sequence i begins at token i * S and has S + 1 tokens: the first S are the
// model's input, the last S its labels, so that every token but the first is
// predicted once.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Data/DataFile.h"
#include "lib/Runtime/Data/Dataset.h"
#include "lib/Runtime/Data/TokenLayout.h"
#include "lib/Runtime/Error.h"

#include <cstring>

using namespace bitpipe;

namespace {

class TokenDataset : public Dataset {
public:
  TokenDataset(const std::string &path, const Program &program,
               int64_t tokenBytes)
      : Dataset(path, program), file(path) {
    findInputs();
    layout = findTokenLayout(file, tokenBytes, bound);
  }

  int64_t samples() const override {
    return layout.count > 0 ? (layout.count - 1) / sequence : 0;
  }

  void checkUnchanged() const override { file.checkUnchanged(); }

protected:
  void fetch(int64_t first, int64_t count, size_t input,
             char *target) const override {
    int64_t begin = firstToken(first, input), tokens = count * sequence;
    int64_t width = layout.bytesPerToken;
    stored.resize(tokens * width);
    file.read(layout.offset + begin * width, stored.size(), stored.data());
    bool wide = program.inputs[input].type.element == ElementType::I64;
    for (int64_t i = 0; i < tokens; ++i) {
      int64_t value = token(i);
      if (wide)
        std::memcpy(target + i * 8, &value, 8);
      else if (int32_t narrow = value; narrow == value)
        std::memcpy(target + i * 4, &narrow, 4);
      else
        refuse(value, first, input, i);
    }
  }

  std::string describe(int64_t sample, size_t input,
                       int64_t element) const override {
    return "token " + std::to_string(firstToken(sample, input) + element);
  }

private:
  int64_t firstToken(int64_t sample, size_t input) const {
    return sample * sequence + (int64_t(input) == program.labels);
  }

  void findInputs() {
    if (program.labels < 0)
      fail(path, ": error: the model takes no labels, which is all a "
                        "token file gives besides ids; expected .safetensors");
    int64_t ids = -1;
    for (size_t i = 0; i < program.inputs.size(); ++i) {
      const ModelInput &input = program.inputs[i];
      bool integers = input.type.element == ElementType::I64 ||
                      input.type.element == ElementType::I32;
      bool fits = integers && input.type.shape.size() == 2;
      if (!fits || (int64_t(i) != program.labels && ids >= 0))
        fail(path, ": error: a token file gives ids and labels, but the "
                          "model also needs '",
             input.name, "'; expected .safetensors with all inputs");
      if (int64_t(i) != program.labels)
        ids = i;
    }
    if (ids < 0)
      fail(path, ": error: the model takes no token ids");
    sequence = program.inputs[ids].type.shape[1];
    bound = program.inputs[ids].bound;
    if (program.inputs[program.labels].type.shape[1] != sequence)
      fail(path, ": error: labels have length ",
           program.inputs[program.labels].type.shape[1], ", ids ", sequence);
  }

  /// Token i of those that were read.
  int64_t token(int64_t i) const {
    uint64_t value = 0;
    std::memcpy(&value, stored.data() + i * layout.bytesPerToken,
                layout.bytesPerToken);
    if (layout.bytesPerToken == 4)
      return int32_t(value); // ids beyond 2^31 are out of range either way
    return int64_t(value);
  }

  DataFile file;
  TokenLayout layout{};
  int64_t sequence = 0, bound = -1;
  mutable std::vector<char> stored; // what is read before it is converted
};

} // namespace

std::unique_ptr<Dataset> bitpipe::openTokens(const std::string &path,
                                             const Program &program,
                                             int64_t tokenBytes) {
  return std::make_unique<TokenDataset>(path, program, tokenBytes);
}
