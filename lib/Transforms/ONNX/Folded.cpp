//===- Folded.cpp - Tensors that an exporter made of parameters ------------===//

#include "lib/Transforms/ONNX/Folded.h"
#include "lib/Transforms/ONNX/Uses.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace bitpipe;

/// PyTorch's name of the operation, without the number behind it, and what this project adds to a
/// copy ("val_1/down.weight").
static StringRef operationOf(StringRef name) {
  name = name.split('/').first;
  auto [before, number] = name.rsplit('_');
  bool isNumbered = !number.empty() && llvm::all_of(number, llvm::isDigit);
  return isNumbered ? before : name;
}

/// Operations that give each number of their operand at most once, and none that they
/// compute. "val" is what lies within one: of linear layers the transposed weights.
static bool movesNumbers(StringRef operation) {
  return llvm::StringSwitch<bool>(operation)
      .Cases({"val", "t", "numpy_t", "numpy_T", "mT", "transpose", "permute", "movedim", "swapaxes"}, true)
      .Cases({"view", "_unsafe_view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze"}, true)
      .Cases({"contiguous", "clone", "alias", "detach", "detach_", "_to_copy", "to", "type_as", "float"}, true)
      .Cases({"flip", "roll", "slice", "narrow", "select", "getitem", "unbind", "split", "chunk"}, true)
      .Cases({"embedding", "index", "index_select", "gather"}, true) // unless rows are the same
      .Default(false);
}

/// The numbers of a tensor; none if there are none that could be read.
static std::vector<float> numbersOf(ModelFile &file, int initializer) {
  auto numbers = file.floats(initializer, std::numeric_limits<int64_t>::max());
  return succeeded(numbers) ? std::move(*numbers) : std::vector<float>();
}

static bool isConstant(ArrayRef<float> numbers) {
  return llvm::all_equal(numbers);
}

/// Whether two rows, along the last dimension, hold the same numbers, and more than one.
static bool repeatsRows(ArrayRef<float> numbers, int64_t width) {
  llvm::DenseSet<uint64_t> seen;
  if (width < 2)
    return false;
  for (; !numbers.empty(); numbers = numbers.drop_front(width)) {
    ArrayRef<float> row = numbers.take_front(width);
    StringRef bytes(reinterpret_cast<const char *>(row.data()), row.size() * sizeof(float));
    // No sentinel of the set: those end in ones.
    if (!isConstant(row) && !seen.insert(llvm::xxh3_64bits(bytes) >> 1).second)
      return true;
  }
  return false;
}

std::string bitpipe::whyNotMoved(ModelFile &file, const Signature &signature, int initializer) {
  const onnx::Tensor &tensor = file.graph().initializer(initializer);
  std::vector<std::string> parameters;
  for (const std::string &source : signature.foldedFrom(tensor.name()))
    if (signature.isParameterName(source))
      parameters.push_back(source);
  if (signature.kindOf(tensor.name()) == "PARAMETER" || parameters.empty())
    return {};
  if (parameters.size() > 1)
    return "is computed from " + someOf(parameters);
  StringRef operation = operationOf(tensor.name());
  if (!movesNumbers(operation))
    return "is computed from '" + parameters.front() + "' ('" + operation.str() + "')";
  // Of a layer's own weights, large and many, nothing is repeated.
  bool isOfLayer = operation == "val" && tensor.dims_size() == 2;
  int dims = tensor.dims_size();
  if (!isOfLayer && dims > 1 && repeatsRows(numbersOf(file, initializer), tensor.dims(dims - 1)))
    return "holds rows of '" + parameters.front() + "' more than once";
  return {};
}

bool bitpipe::shareNumbers(ModelFile &file, int one, int other) {
  std::vector<float> few = numbersOf(file, one), many = numbersOf(file, other);
  if (few.size() > many.size())
    std::swap(few, many);
  if (few.empty() || isConstant(few) || isConstant(many))
    return false;
  constexpr size_t most = 4096;
  llvm::DenseSet<uint32_t> sample;
  size_t step = std::max<size_t>(1, few.size() / most);
  for (size_t i = 0; i < few.size(); i += step)
    if (few[i] != 0)
      sample.insert(llvm::bit_cast<uint32_t>(few[i]));
  llvm::DenseSet<uint32_t> found;
  for (float number : many)
    if (auto bits = llvm::bit_cast<uint32_t>(number); sample.contains(bits))
      found.insert(bits);
  return 2 * found.size() > sample.size();
}
