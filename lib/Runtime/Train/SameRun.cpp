//===- SameRun.cpp - What all ranks of a run must have alike ------------------===//

#include "lib/Runtime/Train/SameRun.h"

#include "lib/Files/MappedFile.h"
#include "lib/Runtime/Data/DataPrint.h"
#include "lib/Runtime/Hash.h"
#include "lib/Runtime/Launch/Agree.h"
#include "lib/Runtime/Launch/Identity.h"
#include "lib/Version/Version.h"

#include <charconv>

using namespace bitpipe;

static std::string hashOf(const std::string &path) {
  MappedFile file(path, "plan");
  Hash hash;
  hash.add(file.data(), file.size());
  return hash.digest();
}

/// All digits that tell a number from others.
static std::string exact(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), number).ptr};
}

/// What all ranks must do alike. Only rank 0's names of files to write count, and what
/// is read may lie elsewhere on every host.
static Identity optionsOf(const TrainOptions &options) {
  const OptimizerSettings &optimizer = options.optimizer;
  const CheckpointOptions &checkpoint = options.checkpoint;
  auto isSet = [](bool set) { return std::string(set ? "given" : "not given"); };
  constexpr const char *choices[] = {"auto", "cudnn", "own"};
  return {{"--steps", std::to_string(options.steps)},
          {"--lr", exact(optimizer.lr)},
          {"--weight-decay", exact(optimizer.weightDecay)},
          {"--beta1", exact(optimizer.beta1)},
          {"--beta2", exact(optimizer.beta2)},
          {"--eps", exact(optimizer.eps)},
          {"--clip", exact(options.clip)},
          {"--weight-decay-for", nameOf(optimizer.decayed)},
          {"--lr-schedule", nameOf(options.schedule.kind)},
          {"--lr-min", exact(options.schedule.lowest)},
          {"--lr-decay-steps", std::to_string(options.schedule.decaySteps)},
          {"--warmup", std::to_string(options.schedule.warmup)},
          {"--shuffle", isSet(options.shuffle)},
          {"--seed", std::to_string(options.seed)},
          {"--max-bad-steps", std::to_string(options.maxBadSteps)},
          {"--token-bytes", std::to_string(options.tokenBytes)},
          {"--eval-data", isSet(!options.evaluation.data.empty())},
          {"--eval-every", std::to_string(options.evaluation.every)},
          {"--eval-steps", std::to_string(options.evaluation.steps)},
          {"--checkpoint", checkpoint.folder},
          {"--checkpoint-every", joined(checkpoint.every.steps, " steps or ",
                                        checkpoint.every.seconds, " s")},
          {"--keep", std::to_string(checkpoint.keep)},
          {"--resume", isSet(checkpoint.resume)},
          {"--new-data", isSet(checkpoint.newData)},
          {"--save", isSet(!options.save.empty())},
          {"--load", isSet(!options.load.empty())},
          {"--trace", isSet(!options.trace.empty())},
          {"--profile or --predict",
           isSet(!options.profile.empty() || options.predict)},
          {"--threads", options.threads ? std::to_string(*options.threads) : "not given"},
          {"--attention", choices[int(options.cuda.libraries.attention)]},
          {"--epilogues", options.cuda.libraries.epilogues == EpilogueChoice::Own ? "own" : "auto"},
          {"--device",
           options.device == DeviceKind::Computing ? "computing" : "emulated"}};
}

void bitpipe::checkSameRun(const TrainOptions &options, World &world) {
  std::string hash;
  agree(world, [&] { hash = hashOf(options.plan); });
  checkIdentity(world, {{"version of bitpipe", versionText()}, {"plan", hash}});
  checkIdentity(world, optionsOf(options));
}

void bitpipe::checkSameData(const char *what, const std::string &path, World &world) {
  DataPrint print;
  agree(world, [&] { print = takePrint(path); });
  checkIdentity(world, {{what, joined("one of ", print.bytes, " bytes, hash ",
                                             print.hash)}});
}
