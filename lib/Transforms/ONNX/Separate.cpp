//===- Separate.cpp - Equal tensors that exporting has merged --------------===//

#include "lib/Transforms/ONNX/Separate.h"
#include "lib/Transforms/ONNX/Uses.h"

using namespace mlir;
using namespace bitpipe;

namespace {

class Separation {
public:
  Separation(ModelFile &file) : file(file), signature(file) {
    for (auto [i, tensor] : llvm::enumerate(file.graph().initializer()))
      index[tensor.name()] = i;
  }

  Separated run(raw_ostream &report);

private:
  void hoistConstants();
  void splitIdentities();
  void splitByScope();
  void reportLost(llvm::raw_ostream &report);
  /// The lost parameter that a node reads in the place of `parameter`.
  std::string lostParameter(const onnx::Node &node, StringRef parameter);
  bool isTie(int initializer, StringRef kept, StringRef lost, bool ownerFirst);
  /// Makes the node's input an initializer of its own.
  void split(onnx::Node &node, int input, int from, StringRef parameter);
  void addCopy(int from, StringRef name);

  ModelFile &file;
  Signature signature;
  llvm::StringMap<int> index;
  llvm::StringSet<> lost; // parameters of the module that no initializer is
  llvm::StringSet<> recovered; // of these
  Separated result;
  std::vector<std::string> made;
};

/// Weights in Constant nodes; TorchScript's own constants, named by their place
/// in the module ("/blocks.0/Constant_3_output_0"), are no parameters.
void Separation::hoistConstants() {
  auto *nodes = file.mutableGraph().mutable_node();
  for (int i = 0; i < nodes->size();) {
    const onnx::Node &node = nodes->Get(i);
    bool hoist = node.op_type() == "Constant" && node.attribute_size() == 1 &&
                 node.attribute(0).name() == "value" &&
                 isFloatTensor(node.attribute(0).t()) &&
                 elementsOf(node.attribute(0).t()) > 1 &&
                 !StringRef(node.output(0)).starts_with("/");
    if (!hoist) {
      ++i;
      continue;
    }
    onnx::Tensor tensor = node.attribute(0).t();
    tensor.set_name(node.output(0));
    index[tensor.name()] = file.addInitializer(std::move(tensor), -1);
    nodes->DeleteSubrange(i, 1);
  }
}

void Separation::addCopy(int from, StringRef name) {
  onnx::Tensor copy = file.graph().initializer(from);
  copy.set_name(name.str());
  index[name] = file.addInitializer(std::move(copy), file.offsetOf(from));
  made.push_back(name.str());
}

void Separation::splitIdentities() {
  auto *nodes = file.mutableGraph().mutable_node();
  for (int i = 0; i < nodes->size();) {
    const onnx::Node &node = nodes->Get(i);
    auto found = node.op_type() == "Identity" ? index.find(node.input(0))
                                              : index.end();
    if (found == index.end() ||
        !isFloatTensor(file.graph().initializer(found->second))) {
      ++i;
      continue;
    }
    addCopy(found->second, std::string(node.output(0)));
    nodes->DeleteSubrange(i, 1);
  }
}

/// Whether the parameter belongs to the scope, or to one inside of it.
bool isWithin(StringRef parameter, StringRef scope) {
  return scope.empty() || (parameter.starts_with(scope) &&
                           parameter.drop_front(scope.size()).starts_with("."));
}

std::string Separation::lostParameter(const onnx::Node &node,
                                      StringRef parameter) {
  std::vector<std::string> scopes = scopesOf(node);
  for (const std::string &scope : llvm::reverse(scopes)) {
    if (isWithin(parameter, scope))
      return {};
    std::string prefix = scope + ".";
    for (StringRef suffix = parameter; !suffix.empty();
         suffix = suffix.split('.').second)
      if (std::string name = prefix + suffix.str(); lost.contains(name))
        return name;
    std::vector<std::string> below;
    for (StringRef name : lost.keys())
      if (name.starts_with(prefix) &&
          !name.drop_front(prefix.size()).contains('.'))
        below.push_back(name.str());
    if (below.size() == 1)
      return below.front();
  }
  return {};
}

/// Of tied parameters the exporter keeps the last name; of equal initializers
/// the first, and of equal folded constants the one that is computed first.
bool Separation::isTie(int initializer, StringRef kept, StringRef lost,
                       bool ownerFirst) {
  if (signature.ownList())
    return true; // this project's exporter merges nothing
  bool lastKept = signature.parameters().lookup(lost) <
                  signature.parameters().lookup(kept);
  bool folded = file.graph().initializer(initializer).name() != kept;
  if (!lastKept || !folded || !ownerFirst)
    return lastKept;
  return !isOneNumber(file, initializer);
}

void Separation::split(onnx::Node &node, int input, int from,
                       StringRef parameter) {
  std::string original = file.graph().initializer(from).name();
  bool folded = signature.kindOf(original) != "PARAMETER";
  std::string name = folded ? original + "/" + parameter.str() : parameter.str();
  if (!index.contains(name)) {
    addCopy(from, name);
    onnx::ValueInfo *info = file.mutableGraph().add_value_info();
    info->set_name(name);
    Signature::mark(*info, parameter, folded);
  }
  node.set_input(input, name);
}

void Separation::splitByScope() {
  for (const auto &entry : signature.parameters())
    lost.insert(entry.getKey());
  for (const onnx::Tensor &tensor : file.graph().initializer())
    lost.erase(signature.parameterOf(tensor.name()));
  if (lost.empty())
    return;
  llvm::StringMap<bool> ownerFirst;
  for (onnx::Node &node : *file.mutableGraph().mutable_node())
    for (int i = 0; i < node.input_size(); ++i) {
      auto found = index.find(node.input(i));
      if (found == index.end())
        continue;
      std::string name = node.input(i);
      std::string kept = signature.parameterOf(name);
      if (kept.empty())
        continue;
      auto scopes = scopesOf(node);
      if (scopes.empty())
        continue; // a node that the exporter made itself
      bool owns = isWithin(kept, scopes.back());
      bool first = ownerFirst.try_emplace(name, owns).first->second;
      if (owns)
        continue;
      std::string other = lostParameter(node, kept);
      if (other.empty())
        result.doubtful.insert(name);
      else if (!isTie(found->second, kept, other, first))
        split(node, i, found->second, other);
      else if (!llvm::is_contained(result.aliases[name], other))
        result.aliases[name].push_back(other);
      recovered.insert(other);
    }
}

/// What the optimiser drops are zero biases, and products that are equal because
/// their weights are.
void Separation::reportLost(raw_ostream &report) {
  std::vector<std::string> missing;
  for (StringRef name : lost.keys())
    if (!recovered.contains(name))
      missing.push_back(name.str());
  if (missing.empty())
    return;
  llvm::sort(missing);
  bool optimised = llvm::any_of(file.graph().initializer(), [&](auto &tensor) {
    return !signature.foldedFrom(tensor.name()).empty();
  });
  report << (optimised ? "warning: " : "") << "the file lacks " << missing.size()
         << " parameters of the module: " << someOf(missing, 8)
         << ": nothing uses them, or they are tied to another";
  if (optimised)
    report << ", or the exporter dropped them while they were zero, and they are "
              "not trained; export again with python -m bitpipe.export, or with "
              "optimize=False";
  report << "\n";
}

Separated Separation::run(raw_ostream &report) {
  if (signature.ownList()) {
    splitByScope(); // for the aliases
    return std::move(result);
  }
  if (!signature.hasMarks())
    hoistConstants();
  if (!signature.parameters().empty())
    splitByScope();
  else if (!signature.hasMarks() &&
           file.model().producer_name() == "pytorch")
    splitIdentities();
  if (!made.empty())
    report << "separated again: " << made.size()
           << " parameters that the exporter merged with equal ones: "
           << someOf(made) << "\n";
  reportLost(report);
  return std::move(result);
}

} // namespace

Separated bitpipe::separateMerged(ModelFile &file, raw_ostream &report) {
  return Separation(file).run(report);
}
