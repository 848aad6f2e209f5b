//===- CheckpointFiles.cpp - Saved parameters, in one file or several -----===//

#include "lib/Runtime/Train/CheckpointFiles.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Hash.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

using namespace bitpipe;
using nlohmann::json;
namespace fs = std::filesystem;

CheckpointFiles::CheckpointFiles(const std::string &path) : given(path) {
  fs::path whole = path;
  if (std::string newest; std::getline(std::ifstream(whole / "latest"), newest))
    whole /= newest;
  if (fs::is_directory(whole)) {
    whole /= "model.safetensors";
    if (!fs::exists(whole))
      whole += ".index.json";
    if (!fs::exists(whole))
      fail(path, ": error: holds neither model.safetensors nor "
                 "model.safetensors.index.json, expected one of them");
  }
  if (whole.extension() == ".json")
    addIndex(whole.string());
  else
    addFile(whole.string());
}

void CheckpointFiles::addFile(const std::string &path) {
  files.push_back(std::make_unique<SafetensorsFile>(path, "parameters"));
  for (auto &[name, tensor] : files.back()->all())
    if (!tensors.emplace(name, &tensor).second)
      fail(path, ": error: holds tensor '", name,
           "', which another file of the checkpoint holds, too");
}

void CheckpointFiles::addIndex(const std::string &path) {
  MappedFile text(path, "index of the parameters");
  json index = json::parse(text.data(), text.data() + text.size(), nullptr, false);
  if (!index.is_object() || !index["weight_map"].is_object())
    fail(path, ": error: no index of a sharded checkpoint: holds no weight_map");
  std::set<std::string> shards;
  for (auto &[name, shard] : index["weight_map"].items()) {
    if (!shard.is_string())
      fail(path, ": error: weight_map holds no file name for '", name, "'");
    shards.insert(shard.get<std::string>());
  }
  for (const std::string &shard : shards)
    addFile((fs::path(path).parent_path() / shard).string());
  for (auto &[name, shard] : index["weight_map"].items())
    if (!find(name))
      fail(path, ": error: says that '", name, "' is in ",
           shard.get<std::string>(), ", which does not hold it");
}

const StoredTensor *CheckpointFiles::find(const std::string &name) const {
  auto found = tensors.find(name);
  return found == tensors.end() ? nullptr : found->second;
}

std::string NameRule::apply(const std::string &name) const {
  if (kind == With)
    return prefix + name;
  if (kind == Without && name.starts_with(prefix))
    return name.substr(prefix.size());
  return name;
}

std::string CheckpointFiles::print() const {
  constexpr size_t end = 4096;
  Hash hash;
  for (auto &[name, tensor] : tensors) {
    std::string head = joined(name, " ", tensor->dtype, " ", listText(tensor->shape));
    hash.add(head.data(), head.size() + 1); // with the zero that ends it
    auto *bytes = static_cast<const char *>(tensor->data);
    size_t part = std::min<size_t>(tensor->bytes, end);
    hash.add(bytes, part);
    hash.add(bytes + tensor->bytes - part, part);
  }
  return hash.digest();
}

static bool holds(const CheckpointFiles &files, const Parameter &parameter,
                  const NameRule &rule) {
  auto has = [&](const std::string &name) { return files.find(rule.apply(name)); };
  return has(parameter.name) ||
         std::any_of(parameter.aliases.begin(), parameter.aliases.end(), has);
}

/// Rules under which the checkpoint may hold a parameter that it lacks: its
/// name, or one of its aliases, ends with a name there, or the other way round.
static std::vector<NameRule> candidates(const CheckpointFiles &files,
                                        const Parameter &parameter) {
  std::vector<NameRule> rules;
  std::vector<std::string> names = parameter.aliases;
  names.push_back(parameter.name);
  for (const std::string &name : names)
    for (auto &[stored, tensor] : files.all()) {
      if (stored.ends_with("." + name))
        rules.push_back({NameRule::With,
                         stored.substr(0, stored.size() - name.size())});
      if (name.ends_with("." + stored))
        rules.push_back({NameRule::Without,
                         name.substr(0, name.size() - stored.size())});
    }
  return rules;
}

NameRule bitpipe::findNameRule(const CheckpointFiles &files,
                               const std::vector<Parameter> &parameters) {
  std::vector<const Parameter *> missing;
  for (const Parameter &parameter : parameters)
    if (!holds(files, parameter, {}))
      missing.push_back(&parameter);
  if (missing.empty())
    return {};
  std::optional<NameRule> found;
  for (const NameRule &rule : candidates(files, *missing.front())) {
    bool holdsAll = std::all_of(parameters.begin(), parameters.end(), [&](auto &p) {
      return holds(files, p, rule);
    });
    if (holdsAll && found && (found->kind != rule.kind || found->prefix != rule.prefix))
      fail(files.path(), ": error: parameters fit both under the prefix '",
           found->prefix, "' and '", rule.prefix,
           "', expected one way to read the names");
    if (holdsAll)
      found = rule;
  }
  if (found)
    return *found;
  constexpr size_t most = 4;
  std::string names;
  for (size_t i = 0; i < std::min(missing.size(), most); ++i)
    names += (i ? ", '" : "'") + missing[i]->name + "'";
  if (missing.size() > most)
    names += " and " + std::to_string(missing.size() - most) + " more";
  fail(files.path(), ": error: lacks ", missing.size(), " of ",
       parameters.size(), " parameters, also under any common prefix: ", names);
}
