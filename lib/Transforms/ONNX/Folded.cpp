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
      .Cases({"contiguous", "clone", "alias", "detach_", "_to_copy", "to", "type_as", "float"}, true)
      .Cases({"flip", "roll", "slice", "narrow", "select", "getitem", "unbind", "split", "chunk"}, true)
      .Cases({"embedding", "index", "index_select", "gather"}, true) // unless rows are the same
      .Default(false);
}

/// Operations that have no operand, so that nothing of a parameter is in their results.
static bool makesConstants(StringRef operation) {
  return llvm::StringSwitch<bool>(operation)
      .Cases({"lifted_tensor", "_tensor_constant", "scalar_tensor", "scalar_tensor_default"}, true)
      .Cases({"arange", "zeros", "ones", "full", "empty"}, true)
      .Default(false);
}

/// Operations whose results are rows of a table.
static bool picksRows(StringRef operation) {
  return llvm::is_contained({"embedding", "index", "index_select", "gather"}, operation);
}

/// Operations that compute which rows these are as often as numbers of a parameter.
static bool computesIndices(StringRef operation) {
  return llvm::StringSwitch<bool>(operation)
      .Cases({"add", "sub", "rsub", "mul", "floor_divide", "remainder", "cumsum", "clamp", "neg", "abs"}, true)
      .Cases({"eq", "ne", "lt", "le", "gt", "ge", "where", "masked_fill", "minimum", "maximum"}, true)
      .Default(false);
}

namespace {
/// The operations on the way from a parameter to a tensor that do more than move numbers, by what is
/// known of them.
struct Way {
  StringRef computes; // numbers
  StringRef indexes;  // numbers, or which rows are picked
};
} // namespace

static Way wayTo(const Signature &signature, ArrayRef<std::string> sources, StringRef tensor) {
  SmallVector<StringRef> operations = {operationOf(tensor)};
  for (StringRef source : sources)
    if (!signature.isParameterName(source) && !signature.isConstantName(source))
      operations.push_back(operationOf(source));
  bool picks = llvm::any_of(operations, picksRows);
  Way way;
  for (StringRef operation : operations) {
    if (movesNumbers(operation) || makesConstants(operation))
      continue;
    bool mayIndex = picks && operation != operations.front() && computesIndices(operation);
    StringRef &first = mayIndex ? way.indexes : way.computes;
    if (first.empty())
      first = operation;
  }
  return way;
}

/// The numbers of a tensor; none if there are none that could be read.
static std::vector<float> numbersOf(ModelFile &file, int initializer) {
  auto numbers = file.floats(initializer, std::numeric_limits<int64_t>::max());
  return succeeded(numbers) ? std::move(*numbers) : std::vector<float>();
}

static bool isConstant(ArrayRef<float> numbers) {
  return llvm::all_equal(numbers);
}

/// No sentinel of a set: those end in ones.
static uint64_t hashOf(ArrayRef<float> numbers) {
  return llvm::xxh3_64bits(StringRef(reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(float))) >> 1;
}

/// Whether two rows, along the last dimension, hold the same numbers, and more than one.
static bool repeatsRows(ArrayRef<float> numbers, int64_t width) {
  llvm::DenseSet<uint64_t> seen;
  if (width < 2)
    return false;
  for (; !numbers.empty(); numbers = numbers.drop_front(width)) {
    ArrayRef<float> row = numbers.take_front(width);
    if (!isConstant(row) && !seen.insert(hashOf(row)).second)
      return true;
  }
  return false;
}

std::string bitpipe::whyNotMoved(ModelFile &file, const Signature &signature, int initializer) {
  const onnx::Tensor &tensor = file.graph().initializer(initializer);
  std::vector<std::string> parameters, sources = signature.foldedFrom(tensor.name());
  for (const std::string &source : sources)
    if (signature.isParameterName(source))
      parameters.push_back(source);
  if (signature.kindOf(tensor.name()) == "PARAMETER" || parameters.empty())
    return {};
  if (parameters.size() > 1)
    return "is computed from " + someOf(parameters);
  if (StringRef operation = wayTo(signature, sources, tensor.name()).computes; !operation.empty())
    return "is computed from '" + parameters.front() + "' ('" + operation.str() + "')";
  // Of a layer's own weights, large and many, nothing is repeated.
  bool isOfLayer = operationOf(tensor.name()) == "val" && tensor.dims_size() == 2;
  int dims = tensor.dims_size();
  if (!isOfLayer && dims > 1 && repeatsRows(numbersOf(file, initializer), tensor.dims(dims - 1)))
    return "holds rows of '" + parameters.front() + "' more than once";
  return {};
}

std::string bitpipe::whatMayCompute(const Signature &signature, StringRef initializer) {
  return wayTo(signature, signature.foldedFrom(initializer), initializer).indexes.str();
}

namespace {
/// Numbers that follow each other in some direction of a tensor. Single ones are alike by chance,
/// above all in types of 16 bits; runs of several are not.
class Runs {
public:
  Runs(ModelFile &file, int initializer) : numbers(numbersOf(file, initializer)) {
    const onnx::Tensor &tensor = file.graph().initializer(initializer);
    dims.assign(tensor.dims().begin(), tensor.dims().end());
  }

  size_t size() const { return numbers.size(); }
  size_t axes() const { return dims.size(); }
  /// How long runs along an axis are: as many as tell, or all that there are; 0 where these are too few.
  size_t length(size_t axis) const {
    bool isLongest = dims[axis] == *llvm::max_element(dims);
    size_t extent = size_t(dims[axis]), least = isLongest ? 2 : longestRun;
    return extent < least ? 0 : std::min(extent, longestRun);
  }

  /// Calls visit(hash) with every `step`-th run along an axis, that is not the same number again.
  template <typename Visit> void forEach(size_t axis, size_t length, size_t step, Visit visit) const {
    size_t stride = 1, extent = size_t(dims[axis]);
    if (extent < length)
      return;
    for (size_t later = axis + 1; later < dims.size(); ++later)
      stride *= size_t(dims[later]);
    SmallVector<float, longestRun> run(length);
    for (size_t i = 0; i < numbers.size(); i += step) {
      if (i / stride % extent + length > extent)
        continue;
      for (size_t k = 0; k < length; ++k)
        run[k] = numbers[i + k * stride];
      if (!isConstant(run))
        visit(hashOf(run));
    }
  }

  static constexpr size_t longestRun = 8;

private:
  std::vector<float> numbers;
  SmallVector<int64_t> dims;
};
} // namespace

bool bitpipe::shareNumbers(ModelFile &file, int one, int other) {
  Runs few(file, one), many(file, other);
  if (few.size() > many.size())
    std::swap(few, many);
  constexpr size_t most = 1 << 16;
  size_t step = std::max<size_t>(1, few.size() / most);
  bool share = false;
  for (size_t axis = 0; axis < few.axes(); ++axis) {
    size_t length = few.length(axis);
    if (length == 0)
      continue;
    llvm::DenseSet<uint64_t> sample;
    few.forEach(axis, length, step, [&](uint64_t run) { sample.insert(run); });
    for (size_t way = 0; way < many.axes(); ++way)
      many.forEach(way, length, 1, [&](uint64_t run) { share |= sample.contains(run); });
  }
  return share;
}
