//===- Snapshot.cpp - What a process puts into a checkpoint ----------------===//

#include "lib/Runtime/Checkpoint/Snapshot.h"

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
                   const World &world)
    : memory(memory) {
  char text[48];
  std::snprintf(text, sizeof(text), "-%05d-of-%05d.safetensors", world.rank() + 1,
                world.size());
  suffix = text;
  for (const StateTensor &tensor : tensors)
    if (memory.saves(tensor)) {
      pieces.push_back({tensor, size});
      size += tensor.bytes;
    }
  try {
    copy = std::make_unique<Arena>(size);
  } catch (const std::system_error &error) {
    fail("error: no memory for a copy of the state of ", size >> 20,
         " MiB, which checkpoints need: ", error.code().message());
  }
}

void Snapshot::take() {
  for (const Piece &piece : pieces)
    memory.read(piece.tensor, copy->data() + piece.offset);
}

StateFile Snapshot::write(const std::string &folder, StateKind kind) const {
  StateFile result{{stemOf(kind) + suffix, 0, ""}, kind, 0, {}};
  std::vector<TensorEntry> entries;
  for (const Piece &piece : pieces)
    if (piece.tensor.kind == kind) {
      entries.push_back({piece.tensor.name, "F32", piece.tensor.shape,
                         piece.tensor.bytes});
      result.tensors.push_back(piece.tensor.name);
      result.bytes += piece.tensor.bytes;
    }
  if (entries.empty())
    return result;
  OutputFile file(folder + "/" + result.file.name);
  Hash hash;
  auto write = [&](const char *data, int64_t bytes) {
    file.write(data, bytes);
    hash.add(data, bytes);
    result.file.bytes += bytes;
  };
  std::string header = safetensorsHeader(entries);
  write(header.data(), int64_t(header.size()));
  for (const Piece &piece : pieces)
    if (piece.tensor.kind == kind)
      write(copy->data() + piece.offset, piece.tensor.bytes);
  file.commit();
  result.file.hash = hash.digest();
  return result;
}

std::vector<StateFile> Snapshot::write(const std::string &folder) const {
  std::vector<StateFile> files;
  for (StateKind kind : stateKinds)
    if (StateFile file = write(folder, kind); !file.tensors.empty())
      files.push_back(std::move(file));
  return files;
}
