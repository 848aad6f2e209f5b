//===- Computed.cpp - Constants that were computed, not learned ------------===//
//
// Masks, tables of sines, frequencies and positions have numbers that training
// never leaves, and no initialiser draws.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Computed.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace bitpipe;

namespace {

/// Numbers that are looked at; a table of 65,536 rows of 64 fits.
constexpr int64_t kMost = int64_t(1) << 22;
using Numbers = std::vector<float>;

/// What these names stand for in PyTorch modules: buffers that are floats.
StringRef reasonOfName(StringRef name) {
  return llvm::StringSwitch<StringRef>(name.rsplit('.').second.empty()
                                           ? name
                                           : name.rsplit('.').second)
      .Cases({"inv_freq", "original_inv_freq"}, "frequencies")
      .Cases({"cos_cached", "sin_cached", "cos", "sin"}, "sines")
      .Cases({"masked_bias", "attn_mask", "causal_mask"}, "mask")
      .Cases({"running_mean", "running_var"}, "statistic")
      .Case("embed_scale", "factor")
      .Case("alibi", "positions")
      .Default("");
}

/// Minus infinity, in one way or another.
bool isMask(const Numbers &numbers) {
  return llvm::any_of(numbers, [](float n) { return n <= -1e4f; });
}

bool isOne(const Numbers &numbers) {
  return llvm::all_of(numbers, [&](float n) { return n == numbers.front(); });
}

/// Rows with a single one, as an identity has them, may be a weight.
bool isSelection(const Numbers &numbers, int64_t columns) {
  for (size_t row = 0; row + columns <= numbers.size(); row += columns) {
    auto first = numbers.begin() + row;
    if (std::count(first, first + columns, 1.f) > 1 ||
        std::count(first, first + columns, 0.f) < columns - 1)
      return false;
  }
  return true;
}

bool areWhole(const Numbers &numbers) {
  return llvm::all_of(numbers, [](float n) { return n == std::rint(n); });
}

bool areEven(const Numbers &numbers) {
  if (numbers.size() < 3)
    return false;
  float step = numbers[1] - numbers[0];
  float most = std::max(std::fabs(numbers.front()), std::fabs(numbers.back()));
  for (size_t i = 1; i < numbers.size(); ++i)
    if (std::fabs(numbers[i] - numbers[i - 1] - step) > 1e-5f * most)
      return false;
  return step != 0;
}

bool areGeometric(const Numbers &numbers) {
  if (numbers.size() < 4 || numbers[0] <= 0)
    return false;
  float ratio = numbers[1] / numbers[0];
  for (size_t i = 1; i < numbers.size(); ++i)
    if (numbers[i] <= 0 ||
        std::fabs(numbers[i] / numbers[i - 1] - ratio) > 1e-4f * ratio)
      return false;
  return ratio < 0.99f;
}

/// Every column counts through the sine or cosine of multiples of an angle of
/// at most one: c(2) = 2 c(1)^2 - 1 and so on, so the second row tells the rest.
bool areSines(const Numbers &numbers, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> sizes;
  for (int64_t size : shape)
    if (size > 1)
      sizes.push_back(size);
  if (sizes.size() != 2 || sizes[0] < 3)
    return false;
  int64_t rows = std::min<int64_t>(sizes[0], numbers.size() / sizes[1]);
  for (int64_t column = 0; column < sizes[1]; ++column) {
    auto at = [&](int64_t row) { return double(numbers[row * sizes[1] + column]); };
    bool cosine = at(0) == 1;
    if ((!cosine && at(0) != 0) || std::fabs(at(1)) > 1)
      return false;
    double angle = cosine ? std::acos(at(1)) : std::asin(at(1));
    for (int64_t row = 2; row < std::min<int64_t>(rows, 8); ++row)
      if (std::fabs(at(row) - (cosine ? std::cos(row * angle)
                                      : std::sin(row * angle))) > 2e-3)
        return false;
  }
  return true;
}

std::string reasonOfNumbers(const Numbers &numbers, ArrayRef<int64_t> shape,
                            const Use &use) {
  bool one = isOne(numbers);
  if (!one && areSines(numbers, shape))
    return "sines";
  if (areGeometric(numbers))
    return "frequencies";
  // A weight of a product may hold any numbers, in tests whole ones.
  bool weight = use.product || use.norm || use.table;
  if (weight)
    return "";
  if (isMask(numbers))
    return "mask";
  if (one)
    return "";
  if (areWhole(numbers) && !isSelection(numbers, shape.back()))
    return "whole numbers";
  return areEven(numbers) ? "positions" : "";
}

} // namespace

FailureOr<std::string> bitpipe::computedReason(ModelFile &file, int initializer,
                                               const Use &use) {
  const onnx::Tensor &tensor = file.graph().initializer(initializer);
  if (StringRef reason = reasonOfName(tensor.name()); !reason.empty())
    return reason.str();
  if (use.statistic)
    return std::string("statistic");
  if (!use.differentiable())
    return std::string("only looked at");
  if (use.angle && !(use.product || use.norm || use.table || use.elementwise))
    return std::string("angles");
  auto numbers = file.floats(initializer, kMost);
  if (failed(numbers))
    return failure();
  if (numbers->empty())
    return std::string("empty");
  SmallVector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
  if (shape.empty())
    shape.push_back(1);
  return reasonOfNumbers(*numbers, shape, use);
}
