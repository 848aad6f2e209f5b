//===- Parameters.cpp - Which initializers are trained ---------------------===//
//
// A parameter is what the file says it is. The exporter of this project lists
// the names; PyTorch's lists them and marks the initializers. Only in a file
// without any such mark use and numbers decide. Regular expressions override
// all of that.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/ONNX/Parameters.h"
#include "lib/Transforms/ONNX/Computed.h"
#include "lib/Transforms/ONNX/Folded.h"
#include "lib/Transforms/ONNX/PaddingRow.h"
#include "lib/Transforms/ONNX/Separate.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace bitpipe;

namespace {

class Identification {
public:
  Identification(ModelFile &file, const ImportOptions &options,
                 llvm::raw_ostream &report)
      : file(file), options(options), report(report),
        separated(separateMerged(file, report)), signature(file),
        uses(collectUses(file)) {}

  FailureOr<std::vector<Initializer>> run();

private:
  const onnx::Tensor &tensor(int index) {
    return file.graph().initializer(index);
  }
  int count() { return file.graph().initializer_size(); }
  /// Why it is no parameter; empty if it is one.
  FailureOr<std::string> whyNot(int index);
  LogicalResult decide(int index);
  void restoreTie(int index);
  int findOriginal(int index, StringRef source);
  std::vector<std::string> namesOf(int index);
  LogicalResult apply(StringRef option, StringRef expression, bool train);
  LogicalResult checkFolded();
  LogicalResult failFolded(int index, const Twine &why);
  void reportUntrained();
  void reportUnnamed();
  void warnOfMergedTensors();
  void warnOfPadding();
  void reportTrained();

  ModelFile &file;
  const ImportOptions &options;
  llvm::raw_ostream &report;
  Separated separated;
  Signature signature;
  llvm::StringMap<Use> uses;
  std::vector<Initializer> result;
  std::vector<std::string> reasons; // why an initializer is no parameter
  llvm::StringSet<> asked;          // matched by --train
};

/// A name that a module gives, not one that an exporter makes.
bool isModuleName(StringRef name) {
  return !name.starts_with("onnx::") && !name.starts_with("/");
}

FailureOr<std::string> Identification::whyNot(int index) {
  std::string none;
  const onnx::Tensor &one = tensor(index);
  StringRef name = one.name();
  if (!isFloatTensor(one))
    return std::string("no float");
  std::string constant = "constant";
  if (signature.ownList())
    return signature.ownList()->contains(name) || signature.frozen().contains(name)
               ? none
               : constant;
  if (StringRef kind = signature.kindOf(name); !kind.empty())
    return kind == "PARAMETER" ? none : kind == "BUFFER" ? "buffer" : constant;
  if (signature.hasMarks() || !signature.parameters().empty())
    return signature.parameterOf(name).empty() ? constant : none;
  const Use &use = uses[name];
  // Factors and gates are numbers; only those that a module names are learned.
  bool named = isModuleName(name) && (file.model().producer_name() == "pytorch" ||
                                      name.contains('.'));
  if (elementsOf(one) <= 1 && !named)
    return std::string("one number");
  return computedReason(file, index, use);
}

LogicalResult Identification::decide(int index) {
  FailureOr<std::string> reason = whyNot(index);
  if (failed(reason))
    return failure();
  StringRef name = tensor(index).name();
  bool read = uses[name].any, isParameter = reason->empty();
  bool isFrozen = isParameter && signature.frozen().contains(name);
  reasons[index] = isFrozen ? "frozen" : *reason;
  result[index].trained = isParameter && read && !isFrozen;
  // Use says nothing about what is not used.
  bool marked = signature.ownList() || signature.hasMarks();
  result[index].frozen = isFrozen || (isParameter && !read && marked);
  result[index].aliases = separated.aliases.lookup(name);
  for (const std::string &alias : signature.aliasesOf(name))
    if (!llvm::is_contained(result[index].aliases, alias))
      result[index].aliases.push_back(alias);
  return success();
}

/// The initializer that another one is the transposed copy of, or -1. The name
/// it was folded from tells. In a file without names a table of rows and the
/// matrix of a product that is its exact transpose are the two ends of a model
/// that are commonly tied; other equal contents are no reason.
int Identification::findOriginal(int index, StringRef source) {
  auto isTied = [&](int other) {
    if (result[other].transposeOf >= 0 || !reasons[other].empty())
      return false;
    if (tensor(other).name() == source)
      return isTranspose(file, index, other);
    const Use &use = uses[tensor(other).name()];
    return signature.parameters().empty() && use.table && !use.product &&
           uses[tensor(index).name()].product && isTranspose(file, index, other);
  };
  for (int other = 0; other < count(); ++other)
    if (isTied(other))
      return other;
  return -1;
}

/// A transposed copy of another initializer becomes that transpose again.
void Identification::restoreTie(int index) {
  StringRef name = tensor(index).name();
  std::string source = signature.parameterOf(name);
  bool copy = source.empty() ? !isModuleName(name) : source != name;
  if (signature.ownList() || !result[index].trained || !copy)
    return;
  std::string from = source.empty() ? "" : " (folded from '" + source + "')";
  int original = findOriginal(index, source);
  if (original >= 0 && isOneNumber(file, index) &&
      tensor(original).name() != source) {
    report << "warning: '" << name << "'" << from << " is the transpose of '"
           << tensor(original).name()
           << "', but holds one number only, so that nothing shows whether the "
              "module ties them: not tied\n";
    original = -1;
  }
  if (original >= 0) {
    result[index].transposeOf = original;
    report << "restored tie: '" << name << "'" << from
           << " is the transpose of '" << tensor(original).name() << "'\n";
    return;
  }
  if (!source.empty())
    report << "trained under the file's name: '" << name << "', folded from '"
           << source << "'\n";
}

/// All that a parameter is called: in the file, in the module, and by those
/// that are tied to it.
std::vector<std::string> Identification::namesOf(int index) {
  std::vector<std::string> names;
  for (int i = 0; i < count(); ++i) {
    if (i != index && result[i].transposeOf != index)
      continue;
    names.push_back(tensor(i).name());
    names.push_back(signature.parameterOf(tensor(i).name()));
    llvm::append_range(names, result[i].aliases);
  }
  llvm::erase(names, "");
  return names;
}

/// --train makes parameters of what matches, --freeze trains it no more.
LogicalResult Identification::apply(StringRef option, StringRef expression,
                                    bool train) {
  if (expression.empty())
    return success();
  llvm::Regex regex(expression);
  std::string problem;
  if (!regex.isValid(problem))
    return emitError(file.loc()) << option << "='" << expression
                                 << "' is not a regular expression: " << problem;
  bool matched = false;
  std::vector<std::string> known;
  for (int i = 0; i < count(); ++i) {
    bool candidate = train ? isFloatTensor(tensor(i)) &&
                                 uses[tensor(i).name()].any
                           : result[i].trained || result[i].frozen;
    if (!candidate || result[i].transposeOf >= 0)
      continue;
    auto names = namesOf(i);
    known.push_back(names.front());
    if (llvm::none_of(names, [&](auto &name) { return regex.match(name); }))
      continue;
    matched = true;
    if (train)
      asked.insert(tensor(i).name());
    result[i].trained = train;
    result[i].frozen = !train;
    reasons[i] = train ? "" : "frozen";
  }
  if (matched)
    return success();
  return emitError(file.loc())
         << option << "='" << expression << "' matches no "
         << (train ? "float tensor" : "parameter") << " of the model, expected some of "
         << known.size() << ": " << someOf(known);
}

LogicalResult Identification::failFolded(int index, const Twine &why) {
  StringRef name = tensor(index).name();
  return emitError(file.loc())
         << "'" << name << "' " << why
         << ", by the exporter and ahead of training: to train it is not to train the module. Export with python -m "
            "bitpipe.export, or with optimize=False; or say --train='^" << name << "$' for a parameter of its own, or "
            "--freeze='^" << name << "$'";
}

/// What the exporter has computed is trained like the parameter that it was computed from only if
/// it is no more than that parameter moved, or if the user says that it is a parameter.
LogicalResult Identification::checkFolded() {
  llvm::MapVector<StringRef, SmallVector<int>> bySource;
  std::vector<std::string> sources(count());
  for (int i = 0; i < count(); ++i) {
    StringRef name = tensor(i).name();
    sources[i] = signature.parameterOf(name);
    if (signature.ownList() || !result[i].trained || result[i].transposeOf >= 0 || asked.contains(name) || sources[i].empty())
      continue;
    if (std::string why = whyNotMoved(file, signature, i); !why.empty())
      return failFolded(i, why);
    if (std::string operation = whatMayCompute(signature, name); !operation.empty())
      report << "assumed: '" << name << "' holds rows of '" << sources[i] << "', chosen by '" << operation
             << "'; whether that has computed their numbers the file does not say\n";
    bySource[sources[i]].push_back(i);
  }
  for (auto &[source, moved] : bySource)
    for (size_t i = 1; i < moved.size(); ++i)
      for (int other : ArrayRef(moved).take_front(i))
        if (shareNumbers(file, moved[i], other))
          return failFolded(moved[i], "holds the same numbers of '" + source + "' as '" +
                                          StringRef(tensor(other).name()) + "'");
  return success();
}

/// TorchScript's exporter says nothing of what it has computed.
void Identification::reportUnnamed() {
  if (signature.ownList() || signature.hasMarks() || file.model().producer_name() != "pytorch")
    return;
  std::vector<std::string> unnamed;
  for (int i = 0; i < count(); ++i)
    if (result[i].trained && !isModuleName(tensor(i).name()) && !asked.contains(tensor(i).name()))
      unnamed.push_back(tensor(i).name());
  if (!unnamed.empty())
    report << "assumed: " << someOf(unnamed, 3) << (unnamed.size() > 1 ? " are parameters" : " is a parameter")
           << " in another layout; whether the exporter has computed anything else ahead of training (2 * W, W + W^T) the "
              "file does not say; python -m bitpipe.export computes nothing ahead\n";
}

/// Parameters by name; constants, which nobody has forgotten, in one line.
void Identification::reportUntrained() {
  std::vector<std::string> frozen, idle;
  llvm::MapVector<StringRef, std::vector<std::string>> constants;
  size_t total = 0;
  for (int i = 0; i < count(); ++i) {
    const onnx::Tensor &one = tensor(i);
    if (result[i].trained || result[i].transposeOf >= 0 || !isFloatTensor(one))
      continue;
    if (result[i].frozen) {
      (reasons[i] == "frozen" ? frozen : idle).push_back(one.name());
      continue;
    }
    if (!uses[one.name()].any || elementsOf(one) <= 1)
      continue;
    ++total;
    constants[reasons[i]].push_back(one.name());
  }
  if (!idle.empty())
    report << "not trained, nothing reads them: " << someOf(idle, 8) << "\n";
  if (!frozen.empty())
    report << "frozen: " << frozen.size() << " parameters: " << someOf(frozen, 8)
           << "\n";
  if (!total)
    return;
  report << "not trained: " << total << " constants (";
  llvm::interleave(
      constants, report,
      [&](auto &entry) {
        report << entry.first << ": " << someOf(entry.second, 3);
      },
      "; ");
  report << "), see --train\n";
}

void Identification::warnOfMergedTensors() {
  if (signature.ownList())
    return;
  for (int i = 0; i < count(); ++i) {
    StringRef name = tensor(i).name();
    const Use &use = uses[name];
    if (!result[i].trained || use.readers < 2)
      continue;
    // TorchScript says what it merges; and no two tables are equal by chance.
    bool shared = use.table || file.model().producer_name() == "pytorch";
    bool doubtful = signature.parameters().empty()
                        ? !shared || isOneNumber(file, i)
                        : separated.doubtful.contains(name);
    if (!doubtful)
      continue;
    report << "warning: '" << name << "' serves " << use.readers
           << " layers: if the module has a parameter for each, the exporter "
              "merged equal tensors and they are trained as one; export again "
              "with python -m bitpipe.export, or with optimize=False\n";
  }
}

/// The module may keep a row of a table without gradient, which its file cannot say.
void Identification::warnOfPadding() {
  if (signature.ownList())
    return;
  for (int i = 0; i < count(); ++i) {
    StringRef name = tensor(i).name();
    if (!result[i].trained || !uses[name].table)
      continue;
    if (auto row = findPaddingRow(file, i))
      report << "warning: row " << *row << " of '" << name
             << "' is zero, as padding_idx leaves it in PyTorch; here it is trained "
                "like all others; python -m bitpipe.export keeps it without "
                "gradient\n";
  }
}

void Identification::reportTrained() {
  int64_t trained = 0, elements = 0;
  for (int i = 0; i < count(); ++i)
    if (result[i].trained) {
      ++trained;
      elements += elementsOf(tensor(i));
    }
  report << "training " << trained << " parameters with " << elements
         << " elements\n";
}

FailureOr<std::vector<Initializer>> Identification::run() {
  result.resize(count());
  reasons.resize(count());
  for (int i = 0; i < count(); ++i)
    if (failed(decide(i)))
      return failure();
  for (int i = 0; i < count(); ++i)
    restoreTie(i);
  if (failed(apply("--train", options.train, /*train=*/true)) ||
      failed(apply("--freeze", options.freeze, /*train=*/false)))
    return failure();
  if (failed(checkFolded()))
    return failure();
  for (int i = 0; i < count(); ++i) {
    if (int root = result[i].transposeOf; root >= 0) {
      result[i].trained = result[i].frozen = false;
      // Its numbers lie as the original's do.
      std::string name = signature.parameterOf(tensor(i).name());
      if (!name.empty() && name != tensor(root).name() &&
          !llvm::is_contained(result[root].aliases, name))
        result[root].aliases.push_back(name);
    } else if (signature.parameterOf(tensor(i).name()) != tensor(i).name()) {
      result[i].aliases.clear(); // of a folded copy, which may lie otherwise
    }
  }
  reportUntrained();
  reportUnnamed();
  warnOfMergedTensors();
  warnOfPadding();
  reportTrained();
  return std::move(result);
}

} // namespace

FailureOr<std::vector<Initializer>>
bitpipe::identifyParameters(ModelFile &file, const ImportOptions &options,
                            llvm::raw_ostream &report) {
  return Identification(file, options, report).run();
}
