//===- Snapshot.cpp - What a process puts into a checkpoint ----------------===//

#include "lib/Runtime/Checkpoint/Snapshot.h"

#include "lib/Files/Error.h"
#include "lib/Files/FilePart.h"
#include "lib/Files/OutputFile.h"
#include "lib/Files/Safetensors.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Hash.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

using namespace bitpipe;
using nlohmann::json;

std::string bitpipe::text(const std::vector<StateFile> &files) {
  json list = json::array();
  for (const StateFile &one : files)
    list.push_back({one.file.name, one.file.bytes, one.file.hash, int(one.kind),
                    one.bytes, one.tensors});
  return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<StateFile> bitpipe::parseFiles(const std::string &text) {
  std::vector<StateFile> files;
  for (const json &one : json::parse(text))
    files.push_back({{one[0], one[1], one[2]}, StateKind(one[3].get<int>()), one[4],
                     one[5]});
  return files;
}

Snapshot::Snapshot(const std::vector<StateTensor> &tensors, StateMemory memory,
                   const World &world, int64_t devices)
    : memory(memory) {
  for (const StateTensor &tensor : tensors)
    add(tensor, world, devices);
  try {
    copy = std::make_unique<Arena>(size);
  } catch (const std::system_error &error) {
    fail("error: no memory for a copy of the state of ", size >> 20,
         " MiB, which checkpoints need: ", error.code().message());
  }
}

size_t Snapshot::fileOf(StateKind kind, int rank, const World &world) {
  auto [found, isNew] = numbers.try_emplace({kind, rank}, files.size());
  if (isNew) {
    char suffix[48];
    std::snprintf(suffix, sizeof(suffix), "-%05d-of-%05d.safetensors", rank + 1, world.size());
    files.push_back({kind, stemOf(kind) + std::string(suffix), {}});
    files.back().isMine = rank == world.rank();
  }
  return found->second;
}

/// Where every tensor is follows from the plan on all ranks.
void Snapshot::add(const StateTensor &tensor, const World &world, int64_t devices) {
  std::vector<StatePlace> places = tensor.saved();
  int home = places.empty() ? 0 : world.rankOf(places.front().device, devices);
  size_t number = fileOf(tensor.kind, home, world);
  File &file = files[number];
  auto addPart = [&](int64_t begin, int64_t bytes, auto source) {
    parts.push_back({number, file.bytes + begin, size, bytes, std::move(source)});
    size += bytes;
  };
  if (places.empty() && world.speaks())
    addPart(0, tensor.bytes, tensor);
  for (const StatePlace &place : places) {
    if (memory.has(place))
      addPart(place.begin, place.bytes, place);
    if (world.rankOf(place.device, devices) != home)
      file.isShared = shared = true;
  }
  file.entries.push_back({tensor.name, "F32", tensor.shape, tensor.bytes});
  file.bytes += tensor.bytes;
}

void Snapshot::take() {
  for (const Part &part : parts) {
    char *target = copy->data() + part.inCopy;
    if (auto *place = std::get_if<StatePlace>(&part.source))
      memory.read(*place, target);
    else
      memory.readUnread(std::get<StateTensor>(part.source), target);
  }
}

std::vector<StateFile> Snapshot::write(const std::string &folder) const {
  std::vector<StateFile> written;
  for (size_t i = 0; i < files.size(); ++i)
    if (files[i].isMine)
      written.push_back(write(folder, i));
  return written;
}

/// One that others write into has its size, and no hash yet.
StateFile Snapshot::write(const std::string &folder, size_t number) const {
  const File &plan = files[number];
  std::string header = safetensorsHeader(plan.entries);
  int64_t bytes = int64_t(header.size()) + plan.bytes;
  StateFile result{{plan.name, bytes, ""}, plan.kind, plan.bytes, {}};
  for (const TensorEntry &entry : plan.entries)
    result.tensors.push_back(entry.name);
  OutputFile file(folder + "/" + plan.name);
  Hash hash;
  auto add = [&](const char *data, int64_t count) {
    file.write(data, count);
    hash.add(data, count);
  };
  add(header.data(), int64_t(header.size()));
  if (plan.isShared) {
    file.resize(bytes);
    file.commit();
    writeParts(folder, number);
    return result;
  }
  for (const Part &part : parts) // in the order of the tensors
    if (part.file == number)
      add(copy->data() + part.inCopy, part.bytes);
  file.commit();
  result.file.hash = hash.digest();
  return result;
}

void Snapshot::writeParts(const std::string &folder, size_t number) const {
  std::string path = folder + "/" + files[number].name;
  auto header = int64_t(safetensorsHeader(files[number].entries).size());
  FilePart file(path, path);
  for (const Part &part : parts)
    if (part.file == number)
      file.write(header + part.inFile, copy->data() + part.inCopy, part.bytes);
  file.sync();
}

void Snapshot::writeForOthers(const std::string &folder) const {
  for (size_t i = 0; i < files.size(); ++i)
    if (!files[i].isMine &&
        std::ranges::any_of(parts, [&](const Part &part) { return part.file == i; }))
      writeParts(folder, i);
}

void Snapshot::hashShared(const std::string &folder, std::vector<StateFile> &written) const {
  for (StateFile &one : written)
    if (one.file.hash.empty()) {
      auto hash = hashFile(folder + "/" + one.file.name);
      if (!hash)
        throw WriteError(folder + "/" + one.file.name, "cannot read what was written");
      one.file.hash = *hash;
    }
}
