//===- Cudnn.cpp - cuDNN without a GPU -----------------------------------------===//
//
// A graph has two engines: the first adds parts of a sum up as they come, and says so; the
// second gives the same bits each time.
//
//===----------------------------------------------------------------------===//

#include "test/Doubles/CudnnDescriptor.h"
#include "test/Doubles/Streams.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

using namespace doubles;
using namespace bitpipe::cudnn;

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

struct Context {
  bitpipe::cuda::Stream stream = nullptr;
};

enum EngineNumber { AsTheyCome = 1, InOrder };

std::string lastError;

Status refuse(const std::string &why, Status status = BadParam) {
  lastError = "doubles: cuDNN: " + why;
  std::fprintf(stderr, "%s\n", lastError.c_str());
  return status;
}

/// A mistake that the library is to make, see README.md.
bool makes(const char *mistake) {
  const char *wanted = std::getenv("BITPIPE_DOUBLES_CUDNN");
  return wanted && !std::strcmp(wanted, mistake);
}

/// Has more products than the two of a forward.
bool isGradient(const Graph &graph) {
  return std::ranges::count(graph.steps, OperationMatmul, &GraphStep::kind) > 2;
}

/// A matrix of scores where one is kept, as an engine does that adds in order.
int64_t workspaceOf(const Graph &graph) {
  int64_t largest = 0;
  for (auto &[number, tensor] : graph.tensors)
    if (tensor.isVirtual)
      largest = std::max(largest, tensor.elements());
  return isGradient(graph) ? largest * 2 + 128 : 256;
}

Status fillResults(const Descriptor &heuristic, int64_t wanted, int64_t *count, void *array) {
  std::vector<int> engines = {AsTheyCome, InOrder};
  bool gradient = isGradient(*heuristic.other(HeuristicGraph).graph);
  if (makes("no engine") || makes(gradient ? "no gradient" : "no forward") || heuristic.one<int>(HeuristicMode) != HeuristicA)
    engines.clear();
  if (makes("no order") && !engines.empty())
    engines.pop_back();
  *count = array ? std::min<int64_t>(wanted, int64_t(engines.size())) : int64_t(engines.size());
  for (int64_t i = 0; array && i < *count; ++i) {
    Descriptor *config = static_cast<Descriptor **>(array)[i];
    config->engine = engines[size_t(i)], config->finalized = true;
    config->graph = heuristic.other(HeuristicGraph).graph;
  }
  return Success;
}

Status fillNotes(const Descriptor &engine, int64_t wanted, int64_t *count, void *array) {
  *count = engine.engine == AsTheyCome ? 1 : 0;
  if (*count > wanted)
    return refuse("no room for notes");
  const Note note = Nondeterministic;
  std::memcpy(array, &note, size_t(*count) * sizeof(note));
  return Success;
}

/// Operands as they are given; what the graph needs and they lack is an error.
std::string fillOperands(GraphRun &run, const Descriptor &pack) {
  auto numbers = pack.all<int64_t>(PackNumbers);
  auto pointers = pack.all<const void *>(PackPointers);
  for (size_t i = 0; i < numbers.size(); ++i)
    run.pointers[numbers[i]] = pointers[i];
  for (auto &[number, tensor] : run.graph.tensors) {
    if (tensor.isVirtual)
      continue;
    if (!run.pointers.contains(number) || !run.pointers[number])
      return "an operand is not given";
    if (tensor.isByValue) {
      int32_t bits;
      std::memcpy(&bits, run.pointers[number], sizeof(bits));
      std::memcpy(&run.numbers[number], &bits, sizeof(bits));
      if (tensor.type == Int32)
        run.numbers[number] = float(bits);
    } else if (reinterpret_cast<uint64_t>(run.pointers[number]) % uint64_t(tensor.alignment)) {
      return "an operand is aligned less than its tensor says";
    }
  }
  return "";
}

} // namespace

EXPORT size_t cudnnGetVersion() {
  const char *version = std::getenv("BITPIPE_DOUBLES_CUDNN_VERSION");
  return version ? size_t(std::atoll(version)) : 91900;
}
EXPORT void cudnnGetLastErrorString(char *text, size_t bytes) {
  std::snprintf(text, bytes, "%s", lastError.c_str());
}
EXPORT Status cudnnCreate(Handle *handle) {
  *handle = reinterpret_cast<Handle>(new Context);
  return Success;
}
EXPORT Status cudnnDestroy(Handle handle) {
  delete reinterpret_cast<Context *>(handle);
  return Success;
}
EXPORT Status cudnnSetStream(Handle handle, bitpipe::cuda::Stream stream) {
  reinterpret_cast<Context *>(handle)->stream = stream;
  return Success;
}
EXPORT Status cudnnBackendCreateDescriptor(DescriptorType type, RawDescriptor *descriptor) {
  *descriptor = new Descriptor(type);
  return Success;
}
EXPORT Status cudnnBackendDestroyDescriptor(RawDescriptor descriptor) {
  delete static_cast<Descriptor *>(descriptor);
  return Success;
}
EXPORT Status cudnnBackendSetAttribute(RawDescriptor descriptor, Attribute attribute,
                                       AttributeType type, int64_t count, const void *values) {
  auto &d = *static_cast<Descriptor *>(descriptor);
  if (d.finalized)
    return refuse("a descriptor is changed that is finalised");
  if (type == DescriptorAttribute)
    for (int64_t i = 0; i < count; ++i)
      if (auto *other = static_cast<Descriptor *const *>(values)[i]; !other || !other->finalized)
        return refuse("a descriptor is used that is not finalised");
  auto *bytes = static_cast<const char *>(values);
  d.values[attribute] = {type, count, {bytes, bytes + size_t(count) * bytesOf(type)}};
  return Success;
}
EXPORT Status cudnnBackendFinalize(RawDescriptor descriptor) {
  auto &d = *static_cast<Descriptor *>(descriptor);
  if (std::string fault = faultOf(d); !fault.empty())
    return refuse(fault);
  if (d.type == OperationGraph)
    d.graph = std::make_shared<Graph>(graphOf(d));
  if (d.type == ExecutionPlan)
    d.engine = d.other(PlanConfig).engine, d.graph = d.other(PlanConfig).graph;
  d.finalized = true;
  return Success;
}
EXPORT Status cudnnBackendGetAttribute(RawDescriptor descriptor, Attribute attribute,
                                       AttributeType, int64_t wanted, int64_t *count,
                                       void *array) {
  auto &d = *static_cast<Descriptor *>(descriptor);
  if (!d.finalized)
    return refuse("a descriptor is asked that is not finalised");
  switch (attribute) {
  case HeuristicResults:
    return fillResults(d, wanted, count, array);
  case ConfigEngine: {
    Descriptor *engine = *static_cast<Descriptor **>(array);
    engine->engine = d.engine, engine->finalized = true;
    *count = 1;
    return Success;
  }
  case EngineNotes:
    return fillNotes(d, wanted, count, array);
  case PlanWorkspace: {
    int64_t bytes = workspaceOf(*d.graph);
    std::memcpy(array, &bytes, sizeof(bytes));
    *count = 1;
    return Success;
  }
  default:
    return refuse("attribute " + std::to_string(attribute) + " is asked for");
  }
}

EXPORT Status cudnnBackendExecute(Handle handle, RawDescriptor plan, RawDescriptor pack) {
  static std::atomic<unsigned> executions = 0;
  auto &operands = *static_cast<Descriptor *>(pack), &planned = *static_cast<Descriptor *>(plan);
  if (!operands.finalized || !planned.finalized)
    return refuse("what is executed is not finalised");
  bitpipe::cuda::Stream stream = reinterpret_cast<Context *>(handle)->stream;
  if (!stream)
    return refuse("no stream is set: it would run in the one that all others wait for");
  GraphRun run(*planned.graph);
  run.workspace = operands.one<const void *>(PackWorkspace);
  run.workspaceBytes = workspaceOf(run.graph);
  if (std::string fault = fillOperands(run, operands); !fault.empty())
    return refuse(fault);
  bool varies = planned.engine == AsTheyCome || makes("varies");
  if (varies && executions++ % 2)
    run.factor = 1 + 0x1p-7f;
  if (makes("scale"))
    run.factor = 1.1f;
  if (makes("log2"))
    run.logarithm = 1.44269504f;
  run.writesBetween = makes("between");
  auto result = enqueue(stream, {"attention of cuDNN", nullptr, [run]() mutable { return run.run(); }});
  return result == bitpipe::cuda::Success ? Success : ExecutionFailed;
}
