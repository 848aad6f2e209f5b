//===- Parameters.cpp - Which initializers are trained ---------------------===//
//
// A parameter is what the file says it is. The exporter of this project lists
// the names; PyTorch's marks the initializers. Only in a file without any such
// mark the use decides. Regular expressions override all of that.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Parameters.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace bitpipe;

namespace {

constexpr StringLiteral kOwnList = "bitpipe.parameters";
constexpr StringLiteral kFrozenList = "bitpipe.frozen";
constexpr StringLiteral kTorchKind =
    "pkg.torch.export.graph_signature.InputSpec.kind";
constexpr StringLiteral kFoldedFrom = "pkg.onnxscript.optimizer.folded_from";

bool isFloat(const onnx::Tensor &tensor) {
  int type = tensor.data_type();
  return type == 1 || type == 10 || type == 11 || type == 16;
}

int64_t sizeOf(const onnx::Tensor &tensor) {
  int64_t size = 1;
  for (int64_t dim : tensor.dims())
    size *= dim;
  return size;
}

/// Where an initializer is used: as the weight, bias, scale or table of a
/// layer, possibly after a transpose or cast, and how often as a vector that
/// scales or shifts.
struct Use {
  bool any = false, asParameter = false;
  int scalesOrShifts = 0;
};

class Identification {
public:
  Identification(ModelFile &file, const ImportOptions &options,
                 llvm::raw_ostream &report)
      : file(file), options(options), report(report) {}

  FailureOr<std::vector<Initializer>> run();

private:
  void collectMarks();
  void collectUses();
  bool isMarked(const onnx::Tensor &tensor);
  bool decide(int index);
  void restoreTie(int index);
  FailureOr<bool> matches(StringRef expression, StringRef name);
  void reportUntrained();
  void warnOfMergedTensors();

  ModelFile &file;
  const ImportOptions &options;
  llvm::raw_ostream &report;
  std::vector<Initializer> result;
  llvm::StringMap<const onnx::ValueInfo *> infos;
  llvm::StringMap<Use> uses;
  std::optional<llvm::StringSet<>> ownList, frozenList;
  bool fileHasMarks = false;
};

/// The first parameter that a constant was folded from, empty if none.
std::string foldedParameter(const onnx::ValueInfo *info) {
  if (!info)
    return {};
  for (StringRef name : parseList(metadata(info->metadata_props(), kFoldedFrom)))
    if (name.ends_with(".weight") || name.ends_with(".bias"))
      return name.str();
  return {};
}

/// The names in a list of the model's metadata; nothing if there is none.
std::optional<llvm::StringSet<>> namesIn(StringRef list) {
  if (list.empty())
    return std::nullopt;
  llvm::StringSet<> names;
  auto parsed = llvm::json::parse(list);
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return names;
  }
  if (const llvm::json::Array *items = parsed->getAsArray())
    for (const llvm::json::Value &item : *items)
      if (auto text = item.getAsString())
        names.insert(*text);
  return names;
}

void Identification::collectMarks() {
  for (const onnx::ValueInfo &info : file.graph().value_info())
    infos[info.name()] = &info;
  for (const onnx::Tensor &tensor : file.graph().initializer())
    fileHasMarks |= isMarked(tensor);
  ownList = namesIn(metadata(file.model().metadata_props(), kOwnList));
  frozenList = namesIn(metadata(file.model().metadata_props(), kFrozenList));
}

bool Identification::isMarked(const onnx::Tensor &tensor) {
  const onnx::ValueInfo *info = infos.lookup(tensor.name());
  return info && (!metadata(info->metadata_props(), kTorchKind).empty() ||
                  !metadata(info->metadata_props(), kFoldedFrom).empty());
}

/// The positions at which an operator has its parameters.
bool isParameterPosition(const onnx::Node &node, int position,
                         const onnx::Tensor &tensor) {
  StringRef kind = node.op_type();
  if (kind == "MatMul")
    return tensor.dims_size() == 2;
  if (kind == "Gather")
    return position == 0 && tensor.dims_size() == 2;
  if (kind == "Gemm" || kind == "LayerNormalization" ||
      kind == "RMSNormalization")
    return position >= 1;
  return (kind == "Add" || kind == "Mul") && tensor.dims_size() == 1;
}

void Identification::collectUses() {
  llvm::StringMap<const onnx::Tensor *> origin;
  for (const onnx::Tensor &tensor : file.graph().initializer())
    origin[tensor.name()] = &tensor;
  for (const onnx::Node &node : file.graph().node()) {
    StringRef kind = node.op_type();
    for (int i = 0; i < node.input_size(); ++i) {
      const onnx::Tensor *tensor = origin.lookup(node.input(i));
      if (!tensor)
        continue;
      Use &use = uses[tensor->name()];
      use.any = true;
      bool parameter = isParameterPosition(node, i, *tensor);
      use.asParameter |= parameter;
      use.scalesOrShifts += parameter && tensor->dims_size() == 1;
    }
    bool handsOn = kind == "Transpose" || kind == "Identity" || kind == "Cast";
    if (handsOn && node.input_size() > 0 && node.output_size() > 0)
      if (const onnx::Tensor *tensor = origin.lookup(node.input(0)))
        origin[node.output(0)] = tensor;
  }
  for (const onnx::ValueInfo &output : file.graph().output())
    if (const onnx::Tensor *tensor = origin.lookup(output.name()))
      uses[tensor->name()].any = true;
}

bool Identification::decide(int index) {
  const onnx::Tensor &tensor = file.graph().initializer(index);
  if (!isFloat(tensor))
    return false;
  if (ownList)
    return ownList->contains(tensor.name());
  const onnx::ValueInfo *info = infos.lookup(tensor.name());
  StringRef kind = info ? metadata(info->metadata_props(), kTorchKind) : "";
  if (!kind.empty())
    return kind == "PARAMETER";
  if (fileHasMarks)
    return !foldedParameter(info).empty();
  return sizeOf(tensor) > 1 && uses[tensor.name()].asParameter;
}

/// A transposed copy of another initializer becomes that transpose again.
void Identification::restoreTie(int index) {
  const onnx::Tensor &tensor = file.graph().initializer(index);
  std::string source = foldedParameter(infos.lookup(tensor.name()));
  if (ownList || source.empty())
    return;
  for (int other = 0; other < file.graph().initializer_size(); ++other) {
    if (result[other].transposeOf >= 0 || !isTranspose(file, index, other))
      continue;
    result[index].transposeOf = other;
    report << "restored tie: '" << tensor.name() << "' (folded from '" << source
           << "') is the transpose of '"
           << file.graph().initializer(other).name() << "'\n";
    return;
  }
  report << "trained under the file's name: '" << tensor.name()
         << "', folded from '" << source << "'\n";
}

FailureOr<bool> Identification::matches(StringRef expression, StringRef name) {
  if (expression.empty())
    return false;
  llvm::Regex regex(expression);
  std::string problem;
  if (!regex.isValid(problem))
    return emitError(file.loc()) << "'" << expression
                                 << "' is not a regular expression: " << problem;
  return regex.match(name);
}

void Identification::reportUntrained() {
  for (auto [tensor, decided] : llvm::zip(file.graph().initializer(), result)) {
    if (decided.trained || decided.transposeOf >= 0 || !isFloat(tensor) ||
        sizeOf(tensor) <= 1 || !uses[tensor.name()].any)
      continue;
    report << "not trained: '" << tensor.name() << "' [";
    llvm::interleaveComma(tensor.dims(), report);
    report << "]\n";
  }
}

void Identification::warnOfMergedTensors() {
  if (ownList)
    return;
  for (auto [tensor, decided] : llvm::zip(file.graph().initializer(), result)) {
    int count = uses[tensor.name()].scalesOrShifts;
    if (!decided.trained || count < 2)
      continue;
    report << "warning: '" << tensor.name() << "' serves " << count
           << " normalisations or bias additions: equal tensors were merged by "
              "the exporter and would be trained as one; export again with "
              "python -m bitpipe.export, or with optimize=False\n";
  }
}

FailureOr<std::vector<Initializer>> Identification::run() {
  collectMarks();
  collectUses();
  result.resize(file.graph().initializer_size());
  int64_t trained = 0, elements = 0;
  for (int i = 0, n = result.size(); i < n; ++i) {
    const onnx::Tensor &tensor = file.graph().initializer(i);
    auto train = matches(options.train, tensor.name());
    auto freeze = matches(options.freeze, tensor.name());
    if (failed(train) || failed(freeze))
      return failure();
    if (!uses[tensor.name()].any)
      continue;
    bool listed = frozenList && frozenList->contains(tensor.name());
    bool isParameter = (*train && isFloat(tensor)) || decide(i) || listed;
    result[i].frozen = isParameter && (*freeze || (listed && !*train));
    result[i].trained = isParameter && !result[i].frozen;
    if (isParameter)
      restoreTie(i);
    if (result[i].transposeOf >= 0)
      result[i].trained = false;
    if (!result[i].trained)
      continue;
    if (tensor.data_type() != 1)
      return emitError(file.loc())
             << "parameter '" << tensor.name() << "' has ONNX element type "
             << tensor.data_type() << ", expected float (1) to train it";
    ++trained;
    elements += sizeOf(tensor);
  }
  reportUntrained();
  warnOfMergedTensors();
  report << "training " << trained << " parameters with " << elements
         << " elements\n";
  return std::move(result);
}

} // namespace

std::vector<std::string> bitpipe::parseList(StringRef text) {
  std::vector<std::string> items;
  while (true) {
    size_t start = text.find_first_of("'\"");
    if (start == StringRef::npos)
      return items;
    size_t end = text.find(text[start], start + 1);
    if (end == StringRef::npos)
      return items;
    items.push_back(text.slice(start + 1, end).str());
    text = text.drop_front(end + 1);
  }
}

FailureOr<std::vector<Initializer>>
bitpipe::identifyParameters(ModelFile &file, const ImportOptions &options,
                            llvm::raw_ostream &report) {
  return Identification(file, options, report).run();
}
