//===- CudnnPlan.cpp - A graph of cuDNN, ready to run -------------------------===//

#include "lib/Runtime/CUDA/CudnnPlan.h"

#include "lib/Runtime/Error.h"

#include <algorithm>

using namespace bitpipe;
using namespace bitpipe::cudnn;

namespace {

CudnnDescriptor describe(const CudnnGraph &graph, const CudnnTarget &target) {
  CudnnDescriptor described(OperationGraph);
  described.set(GraphOperations, DescriptorAttribute, graph.operations());
  if (target.handle)
    described.set(GraphHandle, HandleType, target.handle);
  described.finalize("a graph");
  return described;
}

/// What the library would run, the best one first.
std::vector<CudnnDescriptor> configsOf(const CudnnDescriptor &graph, HeuristicKind kind,
                                       const CudnnTarget &target) {
  CudnnDescriptor heuristic(EngineHeuristic);
  heuristic.set(HeuristicGraph, graph).set(HeuristicMode, HeuristicModeType, kind);
  if (target.device)
    heuristic.set(HeuristicDevice, *target.device);
  heuristic.finalize("ask for engines");
  int64_t count = 0;
  check(library().get(heuristic, HeuristicResults, DescriptorAttribute, 0, &count, nullptr),
        "ask for engines");
  std::vector<CudnnDescriptor> configs;
  std::vector<RawDescriptor> raw;
  for (int64_t i = 0; i < count; ++i)
    raw.push_back(configs.emplace_back(EngineConfig));
  check(library().get(heuristic, HeuristicResults, DescriptorAttribute, count, &count, raw.data()),
        "ask for engines");
  configs.erase(configs.begin() + std::min<int64_t>(count, int64_t(configs.size())),
                configs.end());
  return configs;
}

bool isDeterministic(const CudnnDescriptor &config) {
  CudnnDescriptor engine(Engine);
  RawDescriptor raw = engine;
  int64_t count = 0;
  check(library().get(config, ConfigEngine, DescriptorAttribute, 1, &count, &raw), "an engine");
  Note notes[noteCount];
  check(library().get(raw, EngineNotes, NoteType, noteCount, &count, notes), "an engine");
  return std::find(notes, notes + count, Nondeterministic) == notes + count;
}

CudnnDescriptor planOf(const CudnnDescriptor &config, const CudnnTarget &target) {
  CudnnDescriptor plan(ExecutionPlan);
  plan.set(PlanConfig, config);
  if (target.handle)
    plan.set(PlanHandle, HandleType, target.handle);
  else
    plan.set(PlanDevice, *target.device);
  plan.finalize("a plan");
  return plan;
}

} // namespace

CudnnPlan::CudnnPlan(const CudnnGraph &graph, const CudnnTarget &target) {
  CudnnDescriptor described = describe(graph, target);
  std::string why = "error: cuDNN has no engine that gives the same bits each time";
  for (HeuristicKind kind : {HeuristicA, HeuristicFallback})
    try {
      for (const CudnnDescriptor &config : configsOf(described, kind, target))
        try {
          if (!isDeterministic(config))
            continue;
          plan = planOf(config, target);
          int64_t count = 0;
          check(library().get(*plan, PlanWorkspace, Int64Type, 1, &count, &workspace),
                "a plan's workspace");
          return;
        } catch (const UserError &error) {
          why = error.what(); // the next one may do
        }
    } catch (const UserError &error) {
      why = error.what();
    }
  throw UserError(why);
}
