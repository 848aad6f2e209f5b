//===- Resume.cpp - Where a training goes on -------------------------------===//
//
// Rank 0 looks for the newest checkpoint and compares it with the run; every rank
// reads of its files what its devices need.
//
//===----------------------------------------------------------------------===//

#include "lib/Files/OutputFile.h"
#include "lib/Runtime/Checkpoint/Checkpoints.h"
#include "lib/Runtime/Checkpoint/Compare.h"
#include "lib/Runtime/Hash.h"
#include "lib/Runtime/Launch/Agree.h"
#include "lib/Runtime/Train/CheckpointFiles.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

using namespace bitpipe;
namespace fs = std::filesystem;

static Setting settingOf(const TrainOptions &options, const Program &program,
                         int64_t threads) {
  Setting setting;
  setting.threads = threads;
  setting.optimizer = program.optimizer;
  setting.rates = options.optimizer;
  setting.clip = options.clip;
  setting.schedule = options.schedule;
  setting.steps = options.steps;
  setting.samplesPerStep = program.samples() * program.microbatches;
  setting.shuffle = options.shuffle;
  setting.seed = options.seed;
  std::error_code none;
  setting.plan = fs::absolute(options.plan, none).string();
  setting.planHash = hashFile(options.plan).value_or("");
  setting.weightsHash = program.weightsHash;
  setting.precision = program.precision;
  setting.devices = int64_t(program.devices.size());
  setting.microbatches = program.microbatches;
  setting.updatesPerStep = program.updatesPerStep();
  return setting;
}

Checkpoints::Checkpoints(const TrainOptions &options, const Program &program,
                         int64_t threads, World &world)
    : options(options), program(program), world(world),
      writers(world.forThread(ThreadChannels::Checkpoints)),
      parameters(savedParameters(program)), setting(settingOf(options, program, threads)),
      folder(options.checkpoint.folder) {
  std::string manifest;
  agree(world, [&] {
    if (!world.speaks())
      return;
    setting.data = takePrint(options.data);
    folder.claim();
    if (auto newest = find())
      manifest = text(*newest);
  });
  checkShared();
  manifest = world.broadcast(manifest);
  if (!manifest.empty())
    found = parseManifest(manifest, options.checkpoint.folder);
}

/// Finds out now, not at the first checkpoint, whether all ranks can write there.
void Checkpoints::checkShared() {
  agree(world, [&] {
    if (world.speaks())
      folder.begin(0);
  });
  agree(world, [&] {
    try {
      OutputFile probe(folder.draft(0) + "/" + manifestName);
    } catch (const WriteError &error) {
      fail(options.checkpoint.folder, ": error: ", error.why,
           ", expected a folder that all processes share and write to");
    }
  });
  if (world.speaks())
    folder.discard(0);
}

/// The manifest of a checkpoint that is as it was written.
Manifest Checkpoints::read(int64_t step) const {
  std::string path = folder.complete(step), name = path + "/" + manifestName;
  MappedFile file(name, "manifest");
  Manifest manifest = parseManifest(std::string(file.data(), file.size()), name);
  if (manifest.position.step != step)
    fail(name, ": error: is after step ", manifest.position.step, ", expected ",
         step, " by the name of the folder");
  for (const SavedFile &one : manifest.files) {
    std::string file = path + "/" + one.name;
    std::error_code none;
    int64_t bytes = int64_t(fs::file_size(file, none));
    if (none)
      fail(file, ": error: cannot read: ", none.message());
    if (bytes != one.bytes)
      fail(file, ": error: has ", bytes, " bytes, expected ", one.bytes);
  }
  return manifest;
}

/// What to do where a checkpoint cannot be used.
std::string Checkpoints::advice(int64_t step) const {
  for (int64_t older : folder.steps())
    if (older < step)
      return joined("; the newest before it is ", folder.complete(older),
                    ", which is taken if ", folder.complete(step),
                    " is removed");
  return joined("; there is none before it, the run begins anew if ",
                folder.complete(step), " is removed");
}

std::optional<Manifest> Checkpoints::find() {
  std::vector<int64_t> steps = folder.steps();
  if (steps.empty())
    return std::nullopt;
  std::string path = folder.complete(steps.front());
  if (!options.checkpoint.resume)
    fail(options.checkpoint.folder, ": error: holds checkpoints, the newest is ",
         path, ", expected --resume, or a folder without any");
  std::optional<Manifest> newest;
  try {
    newest = read(steps.front());
  } catch (const UserError &error) {
    fail(error.what(), advice(steps.front()));
  }
  checkBelongs(*newest, setting, parameters, options.checkpoint.newData, path);
  // Last, since what does not belong has more to say of itself.
  if (!newest->intact)
    fail(path, "/", manifestName, ": error: was changed since it was written, its "
         "hash is another than its last line says", advice(steps.front()));
  if (!newest->setting.data.sameContents(setting.data))
    newest->position.samples = 0; // of the new data
  // The run before was ended before it could do this, or a later one was removed.
  if (folder.marked() != steps.front())
    folder.mark(steps.front());
  folder.keepNewest(options.checkpoint.keep);
  return newest;
}

void Checkpoints::tellStart() const {
  const char *where = options.checkpoint.folder.c_str();
  if (!options.checkpoint.resume)
    return;
  if (!found) {
    std::printf("%s: holds no checkpoint yet, the training starts from the "
                "beginning\n", where);
    return;
  }
  int64_t step = found->position.step;
  if (step == options.steps)
    std::printf("%s: all %lld steps are done\n", folder.complete(step).c_str(),
                static_cast<long long>(step));
  else
    std::printf("%s: the training goes on after step %lld of %lld\n",
                folder.complete(step).c_str(), static_cast<long long>(step),
                static_cast<long long>(options.steps));
  for (const std::string &line : changes(found->setting, setting))
    std::printf("%s: %s\n", where, line.c_str());
  if (!options.load.empty())
    std::printf("%s: %s (--load) is not read, which is for the beginning\n", where,
                options.load.c_str());
}

/// Reads one in so many of the files and compares them with the manifest: together
/// the ranks compare all.
static void checkHashes(const Manifest &manifest, const std::string &path,
                        const World &world) {
  for (size_t i = world.rank(); i < manifest.files.size(); i += world.size()) {
    const SavedFile &file = manifest.files[i];
    std::string name = path + "/" + file.name;
    std::string hash = hashFile(name).value_or("that of no file");
    if (hash != file.hash)
      fail(name, ": error: was changed since it was written: its hash is ", hash,
           ", expected ", file.hash);
  }
}

/// Fills those of the tensors that are of a kind.
static void restoreKind(StateKind kind, const std::vector<StateTensor> &tensors,
                        const std::string &path, StateMemory &memory) {
  auto isWanted = [&](const StateTensor &tensor) {
    return tensor.kind == kind && memory.has(tensor);
  };
  if (std::ranges::none_of(tensors, isWanted))
    return;
  CheckpointFiles files(path + "/" + indexOf(kind));
  for (const StateTensor &tensor : tensors) {
    if (!isWanted(tensor))
      continue;
    const StoredTensor *stored = files.find(tensor.name);
    if (!stored || stored->dtype != "F32" || stored->shape != tensor.shape)
      fail(files.path(), ": error: holds no tensor '", tensor.name, "' of F32 ",
           listText(tensor.shape), ", which the manifest promises");
    memory.write(tensor, stored->data);
  }
}

void Checkpoints::restore(StateMemory memory) {
  int64_t step = found->position.step;
  std::string path = folder.complete(step);
  try {
    agree(world, [&] { checkHashes(*found, path, world); });
  } catch (const AgreedError &error) {
    throw AgreedError(error.what() + advice(step));
  }
  agree(world, [&] {
    CheckpointFiles model(path);
    for (auto &[name, tensor] : model.all())
      constants.insert(name); // what is no parameter
    for (const SavedParameter &parameter : parameters)
      constants.erase(parameter.name);
    std::vector<StateTensor> tensors = stateTensors(program, constants);
    for (StateKind kind : stateKinds)
      restoreKind(kind, tensors, path, memory);
  });
}
