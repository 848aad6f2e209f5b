//===- Writer.cpp - Writes checkpoints while the training goes on ----------===//

#include "lib/Runtime/Checkpoint/Writer.h"

#include "lib/Files/OutputFile.h"
#include "lib/Runtime/Hash.h"
#include "lib/Runtime/Launch/Agree.h"

#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

using namespace bitpipe;

CheckpointWriter::CheckpointWriter(CheckpointFolder &folder, World &world,
                                   Snapshot snapshot, int64_t keep)
    : folder(folder), world(world), snapshot(std::move(snapshot)), keep(keep) {}

CheckpointWriter::~CheckpointWriter() { wait(); }

std::string CheckpointWriter::wait() {
  world.mainThread().beginWaitForWriter();
  if (thread.joinable())
    thread.join();
  world.mainThread().endWaitForWriter();
  return error;
}

void CheckpointWriter::start(Manifest next) {
  wait();
  snapshot.take();
  manifest = std::move(next);
  try {
    thread = std::jthread([this] {
      // The devices come first.
      setpriority(PRIO_PROCESS, gettid(), 10);
      write();
    });
  } catch (const std::system_error &) { // no more threads
    write();
  }
}

void CheckpointWriter::write() {
  int64_t step = manifest.position.step;
  error.clear();
  try {
    agree(world, [&] {
      if (world.speaks())
        folder.begin(step);
    });
    std::vector<StateFile> mine;
    agree(world, [&] { mine = snapshot.write(folder.draft(step)); });
    if (snapshot.isShared()) {
      agree(world, [&] { snapshot.writeForOthers(folder.draft(step)); });
      agree(world, [&] { snapshot.hashShared(folder.draft(step), mine); });
    }
    std::vector<std::string> parts = world.gather(text(mine));
    agree(world, [&] {
      if (world.speaks())
        complete(parts);
    });
  } catch (const std::exception &failure) {
    error = failure.what();
  }
  if (error.empty() || !world.speaks())
    return;
  folder.discard(step);
  warn("no checkpoint after step ", step, ": ", error);
}

static SavedFile writeText(const std::string &folder, const std::string &name,
                           const std::string &text) {
  OutputFile file(folder + "/" + name);
  file.write(text);
  file.commit();
  return {name, int64_t(text.size()), hashBytes(text.data(), text.size())};
}

/// The index by which the files of a kind are one, in the form of transformers.
static SavedFile writeIndex(const std::string &folder, StateKind kind,
                            const std::vector<StateFile> &files) {
  nlohmann::json index;
  int64_t bytes = 0;
  for (const StateFile &file : files)
    if (file.kind == kind) {
      bytes += file.bytes;
      for (const std::string &name : file.tensors)
        index["weight_map"][name] = file.file.name;
    }
  index["metadata"]["total_size"] = bytes;
  constexpr auto replace = nlohmann::json::error_handler_t::replace;
  return writeText(folder, indexOf(kind), index.dump(1, ' ', false, replace) + "\n");
}

void CheckpointWriter::complete(const std::vector<std::string> &parts) {
  int64_t step = manifest.position.step;
  std::string draft = folder.draft(step);
  std::vector<StateFile> files;
  for (const std::string &part : parts)
    for (StateFile &file : parseFiles(part))
      files.push_back(std::move(file));
  for (StateKind kind : stateKinds)
    if (std::ranges::any_of(files, [&](auto &file) { return file.kind == kind; }))
      manifest.files.push_back(writeIndex(draft, kind, files));
  for (const StateFile &file : files)
    manifest.files.push_back(file.file);
  writeText(draft, manifestName, text(manifest));
  folder.publish(step);
  folder.keepNewest(keep);
}
