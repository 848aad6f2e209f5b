//===- OptionChecks.cpp - Options that do not go together ------------------===//

#include "tools/bitpipe-opt/OptionChecks.h"

#include "tools/bitpipe-opt/BadUsage.h"
#include "lib/Transforms/Schedule/Core/Schedule.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "tools/bitpipe-opt/ChooseSchedule.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;

namespace bitpipe {

/// Refuses the first of some options that is given, for a reason.
static void refuse(const Options &options, ArrayRef<StringRef> names,
                   const Twine &reason) {
  for (StringRef name : names)
    if (options.given.count(name.str()))
      badUsage("--" + name + " is given" + reason);
}

/// What --stage-replicas=auto is chosen for.
static void checkPicksReplicas(const Options &options) {
  auto family = schedule::familyNamed(options.pipeline);
  if (!family || !(*family)->sharesStages)
    badUsage("--stage-replicas is auto, expected --pipeline=pipedream-flush, pipedream, pipedream-vertical or pipedream-2bw with it");
  if (options.pipeline == "pipedream-2bw" && !options.updateEvery)
    badUsage("--stage-replicas is auto beside --pipeline=pipedream-2bw, expected --update-every with it: how many micro-batches a sum is of, and are under way");
  if (options.input.empty())
    badUsage("--stage-replicas is auto without a model, expected one, whose layers are shared out");
  if (options.costFile.empty())
    badUsage("--stage-replicas is auto, expected --cost-file with it: what links do decides");
  if (options.replicas > 1)
    badUsage("--data-parallel is " + Twine(options.replicas) + " beside --stage-replicas=auto, expected 1: replicas of stages are chosen");
  refuse(options, {"chunks"}, " beside --stage-replicas=auto, expected one of them");
}

/// What activations on hosts do not go with.
static void checkOffload(const Options &options) {
  if (!options.given.count("offload"))
    return;
  refuse(options, {"balance"}, " beside --offload, expected one of them: an activation is evicted to a device or to the host");
  if (choosesSchedule(options) || options.picksFamily)
    badUsage("--offload is given " + Twine(options.picksFamily ? "without --pipeline" : "beside --pipeline=auto") +
             ", expected a schedule: what an activation is depends on it");
  if (!options.picksOffload)
    return;
  if (options.input.empty())
    badUsage("--offload is auto without a model, expected one, whose programs are laid out, or a number of activations");
  if (!options.memory)
    badUsage("--offload is auto, expected --memory with it: how much a device has");
  if (!options.compare.empty())
    badUsage("--offload is auto, expected a number of activations with --compare");
  refuse(options, {"recompute"}, " beside --offload=auto, expected a number of activations: each would have to know what the other leaves");
}

void checkGiven(const Options &options) {
  checkOffload(options);
  if (!options.scheduleFile.empty())
    refuse(options, {"pipeline", "schedule-effort"},
           " beside --schedule, expected one of them: the file is the whole order");
  if (!options.routesFile.empty())
    refuse(options, {"pipeline"}, " beside --routes, expected one of them");
  if (!options.compare.empty())
    refuse(options, {"pipeline"}, " beside --compare, expected one of them");
  if (!options.compare.empty() && !options.input.empty())
    refuse(options, {"memory"}, " beside --compare, expected 'memory' in a file of costs: what is compared is not laid out");
  std::optional<schedule::Shard> shard = schedule::shardNamed(options.shard);
  if (!shard)
    badUsage("--shard is '" + options.shard + "', expected none, optimizer, gradients or parameters");
  if (options.emit == Emit::Schedule && *shard <= schedule::Shard::Optimizer)
    refuse(options, {"shard"},
           ", which is " + options.shard + ", with --emit=schedule, expected gradients, parameters or no such option: an order has no updates");
  if (options.target == "cuda")
    refuse(options, {"devices-per-node"}, " with --target=cuda, expected no such option: NCCL chooses how sums go over nodes");
  if (options.emit >= Emit::Schedule && options.emit <= Emit::Report)
    refuse(options, {"devices-per-node"},
           " with a view of the schedule, expected no such option: the time of a sum is what the costs say");
  if (options.emit == Emit::Costs)
    refuse(options, {"cost", "cost-file"},
           " with --emit=costs, expected no such option: those of the model are printed");
  if (choosesSchedule(options))
    refuse(options, {"down", "activations", "update-every", "stage-replicas"},
           " beside --pipeline=auto, expected none: what it counts depends on the schedule");
  if (options.batch && !choosesSchedule(options))
    badUsage("--batch is given, expected --pipeline=auto with it: elsewhere a step has --microbatches of the model's size");
  if (options.batch)
    refuse(options, {"microbatches"}, " beside --batch or --efficiency, expected one of them: how many follows from their size");
  if (options.picksReplicas)
    checkPicksReplicas(options);
  if (options.recompute == "auto")
    refuse(options, {"balance", "offload"}, " beside --recompute=auto, expected one of them: each would have to know what the other leaves");
  if (choosesSchedule(options) && !llvm::is_contained({"", "none", "all"}, options.recompute))
    badUsage("--recompute is '" + options.recompute + "' beside --pipeline=auto, expected none or all, "
             "or no such option, where it is chosen, too");
  if (options.emit != Emit::Files)
    refuse(options, {"cubin", "cuda-path"}, " with --emit, expected no such option: only a plan has its kernels beside it");
  if (options.cubin == "off")
    refuse(options, {"cuda-path"}, " beside --cubin=off, expected one of them");
  if (options.input.empty())
    refuse(options, {"dim", "loss", "optimizer", "train", "freeze", "attention", "precision", "target", "arch", "memory"},
           " without a model, expected one");
}

} // namespace bitpipe
