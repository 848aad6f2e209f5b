//===- Signature.cpp - What an exporter says of a module's parameters ------===//

#include "lib/Transforms/ONNX/Signature.h"

#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace bitpipe;

namespace {
constexpr StringLiteral kOwnList = "bitpipe.parameters";
constexpr StringLiteral kFrozenList = "bitpipe.frozen";
constexpr StringLiteral kAliases = "bitpipe.aliases";
constexpr StringLiteral kKind =
    "pkg.torch.export.graph_signature.InputSpec.kind";
constexpr StringLiteral kFoldedFrom = "pkg.onnxscript.optimizer.folded_from";
constexpr StringLiteral kSignature =
    "pkg.torch.export.ExportedProgram.graph_signature";
constexpr StringLiteral kScopes = "pkg.torch.onnx.name_scopes";
} // namespace

/// The targets of one kind, in their order, from lines of the form
/// "p_wte_weight: PARAMETER target='wte.weight'".
static llvm::StringMap<int> parseSignature(StringRef text, StringRef kind) {
  llvm::StringMap<int> order;
  std::string before = (": " + kind + " target='").str();
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    text = rest;
    size_t start = line.find(before);
    if (start == StringRef::npos)
      continue;
    StringRef name = line.drop_front(start + before.size());
    order.insert({name.take_until([](char c) { return c == '\''; }),
                  int(order.size())});
  }
  return order;
}

/// What a key of the metadata holds; null if it is no JSON.
static llvm::json::Value parsed(StringRef text) {
  auto value = llvm::json::parse(text);
  if (value)
    return *value;
  llvm::consumeError(value.takeError());
  return nullptr;
}

/// A list of names.
static llvm::StringSet<> namesIn(StringRef text) {
  llvm::StringSet<> names;
  llvm::json::Value list = parsed(text);
  if (const llvm::json::Array *items = list.getAsArray())
    for (const llvm::json::Value &item : *items)
      if (auto name = item.getAsString())
        names.insert(*name);
  return names;
}

/// An object that maps further names of tied parameters to the file's.
static llvm::StringMap<std::vector<std::string>> aliasesIn(StringRef text) {
  llvm::StringMap<std::vector<std::string>> aliases;
  llvm::json::Value object = parsed(text);
  if (const llvm::json::Object *entries = object.getAsObject())
    for (const auto &[alias, name] : *entries)
      if (auto original = name.getAsString())
        aliases[*original].push_back(StringRef(alias).str());
  for (auto &entry : aliases)
    llvm::sort(entry.second);
  return aliases;
}

Signature::Signature(const ModelFile &file) {
  StringRef signature = metadata(file.graph().metadata_props(), kSignature);
  order = parseSignature(signature, "PARAMETER");
  for (StringRef kind : {"BUFFER", "CONSTANT_TENSOR"})
    for (const auto &entry : parseSignature(signature, kind))
      constants.insert(entry.first());
  for (const onnx::ValueInfo &info : file.graph().value_info())
    infos[info.name()] = &info;
  for (const onnx::Tensor &tensor : file.graph().initializer())
    marks |= !kindOf(tensor.name()).empty() || !foldedFrom(tensor.name()).empty();
  const auto &entries = file.model().metadata_props();
  if (StringRef list = metadata(entries, kOwnList); !list.empty())
    own = namesIn(list);
  frozenNames = namesIn(metadata(entries, kFrozenList));
  aliases = aliasesIn(metadata(entries, kAliases));
}

std::vector<std::string> Signature::aliasesOf(StringRef initializer) const {
  auto found = aliases.find(initializer);
  return found == aliases.end() ? std::vector<std::string>() : found->second;
}

StringRef Signature::kindOf(StringRef initializer) const {
  const onnx::ValueInfo *info = infos.lookup(initializer);
  return info ? metadata(info->metadata_props(), kKind) : "";
}

std::vector<std::string> Signature::foldedFrom(StringRef initializer) const {
  const onnx::ValueInfo *info = infos.lookup(initializer);
  if (!info)
    return {};
  return parseList(metadata(info->metadata_props(), kFoldedFrom));
}

bool Signature::isParameterName(StringRef name) const {
  if (!order.empty())
    return order.contains(name);
  StringRef kind = kindOf(name);
  if (!kind.empty())
    return kind == "PARAMETER";
  return name.ends_with(".weight") || name.ends_with(".bias");
}

std::string Signature::parameterOf(StringRef initializer) const {
  if (kindOf(initializer) == "PARAMETER" ||
      (own && own->contains(initializer)) || frozen().contains(initializer))
    return initializer.str();
  for (const std::string &name : foldedFrom(initializer))
    if (isParameterName(name))
      return name;
  return {};
}

void Signature::mark(onnx::ValueInfo &info, StringRef parameter, bool folded) {
  onnx::Entry *entry = info.add_metadata_props();
  entry->set_key((folded ? kFoldedFrom : kKind).str());
  entry->set_value(folded ? ("['" + parameter + "']").str() : "PARAMETER");
}

std::vector<std::string> bitpipe::scopesOf(const onnx::Node &node) {
  auto scopes = parseList(metadata(node.metadata_props(), kScopes));
  if (!scopes.empty())
    scopes.pop_back(); // the operation's own name
  return scopes;
}

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

std::string bitpipe::someOf(ArrayRef<std::string> names, size_t most) {
  std::string text;
  for (const std::string &name : names.take_front(most))
    text += (text.empty() ? "'" : ", '") + name + "'";
  if (names.size() > most)
    text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}
