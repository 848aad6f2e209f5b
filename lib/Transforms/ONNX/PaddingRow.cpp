//===- PaddingRow.cpp - A row that PyTorch keeps without gradient ----------===//

#include "lib/Transforms/ONNX/PaddingRow.h"

using namespace mlir;
using namespace bitpipe;

std::optional<int64_t> bitpipe::findPaddingRow(ModelFile &file, int initializer) {
  auto type = file.type(file.graph().initializer(initializer));
  if (failed(type) || type->getRank() != 2 || type->getDimSize(1) == 0)
    return std::nullopt;
  constexpr int64_t usual = 4;
  int64_t rows = type->getDimSize(0), width = type->getDimSize(1);
  SmallVector<int64_t> candidates;
  for (int64_t row = 0; row < std::min(rows, usual); ++row)
    candidates.push_back(row);
  if (rows > usual)
    candidates.push_back(rows - 1);
  std::optional<int64_t> found;
  for (int64_t row : candidates) {
    auto numbers = file.floats(initializer, width, row * width);
    if (failed(numbers))
      return std::nullopt;
    if (llvm::any_of(*numbers, [](float number) { return number != 0; }))
      continue;
    if (found)
      return std::nullopt; // a table that is zero altogether
    found = row;
  }
  return candidates.size() > 1 ? found : std::nullopt;
}
