//===- Cudnn.cpp - cuDNN without a GPU -----------------------------------------===//
//
// Descriptors as its backend interface has them, with what they need before they are
// finalised. A graph has two engines: the first adds parts of a sum up as they come, and says so;
// the second gives the same bits each time.
//
//===----------------------------------------------------------------------===//

#include "test/Doubles/CudnnGraph.h"
#include "test/Doubles/Streams.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <set>

using namespace doubles;
using namespace bitpipe::cudnn;

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

struct Context {
  bitpipe::cuda::Stream stream = nullptr;
};

struct Value {
  AttributeType type;
  int64_t count;
  std::vector<char> bytes;
};

enum EngineNumber { AsTheyCome = 1, InOrder };

struct Descriptor {
  explicit Descriptor(DescriptorType type) : type(type) {}

  const DescriptorType type;
  bool finalized = false;
  std::map<Attribute, Value> values;
  int engine = 0;                     // of engines, their configurations and plans
  std::shared_ptr<const Graph> graph; // of those, which outlives what described it

  bool has(Attribute attribute) const { return values.contains(attribute); }
  template <typename T> T one(Attribute attribute, T otherwise = {}) const {
    if (!has(attribute))
      return otherwise;
    T value{};
    std::memcpy(&value, values.at(attribute).bytes.data(), sizeof(T));
    return value;
  }
  template <typename T> std::vector<T> all(Attribute attribute) const {
    const Value &value = values.at(attribute);
    std::vector<T> list(size_t(value.count));
    std::memcpy(list.data(), value.bytes.data(), value.bytes.size());
    return list;
  }
  const Descriptor &other(Attribute attribute) const {
    return *one<const Descriptor *>(attribute);
  }
};

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

size_t bytesOf(AttributeType type) {
  switch (type) {
  case BooleanType:
  case CharType:
    return 1;
  case HandleType:
  case Int64Type:
  case PointerType:
  case DescriptorAttribute:
    return 8;
  default:
    return 4;
  }
}

/// What has to be set, of a type each.
std::vector<std::pair<Attribute, AttributeType>> needs(DescriptorType type) {
  switch (type) {
  case TensorDescriptor:
    return {{TensorNumber, Int64Type}, {TensorType, DataTypeType}, {TensorAlignment, Int64Type},
            {TensorSizes, Int64Type}, {TensorStrides, Int64Type}};
  case Pointwise:
    return {{PointwiseMode, PointwiseModeType}, {PointwisePrecision, DataTypeType}};
  case Matmul:
    return {{MatmulType, DataTypeType}};
  case Reduction:
    return {{ReductionOperator, ReductionOperatorType}, {ReductionType, DataTypeType}};
  case OperationPointwise:
    return {{OperationPointwiseDescriptor, DescriptorAttribute}, {OperationPointwiseX, DescriptorAttribute},
            {OperationPointwiseY, DescriptorAttribute}};
  case OperationMatmul:
    return {{OperationMatmulA, DescriptorAttribute}, {OperationMatmulB, DescriptorAttribute},
            {OperationMatmulC, DescriptorAttribute}, {OperationMatmulDescriptor, DescriptorAttribute}};
  case OperationReduction:
    return {{OperationReductionX, DescriptorAttribute}, {OperationReductionY, DescriptorAttribute},
            {OperationReductionDescriptor, DescriptorAttribute}};
  case OperationReshape:
    return {{OperationReshapeX, DescriptorAttribute}, {OperationReshapeY, DescriptorAttribute}};
  case OperationGraph:
    return {{GraphOperations, DescriptorAttribute}, {GraphHandle, HandleType}};
  case EngineHeuristic:
    return {{HeuristicGraph, DescriptorAttribute}, {HeuristicMode, HeuristicModeType}};
  case ExecutionPlan:
    return {{PlanConfig, DescriptorAttribute}, {PlanHandle, HandleType}};
  case VariantPack:
    return {{PackNumbers, Int64Type}, {PackPointers, PointerType}, {PackWorkspace, PointerType}};
  default:
    return {};
  }
}

GraphTensor tensorOf(const Descriptor &d) {
  return {d.one<DataType>(TensorType),       d.one<int64_t>(TensorAlignment),
          d.all<int64_t>(TensorSizes),       d.all<int64_t>(TensorStrides),
          d.one<bool>(TensorIsVirtual),      d.one<bool>(TensorIsByValue)};
}

GraphStep stepOf(const Descriptor &d) {
  auto number = [&](Attribute attribute) {
    return d.has(attribute) ? d.other(attribute).one<int64_t>(TensorNumber) : 0;
  };
  switch (d.type) {
  case OperationMatmul:
    return {d.type, 0, 0, number(OperationMatmulA), number(OperationMatmulB), 0, number(OperationMatmulC)};
  case OperationReduction:
    return {d.type, d.other(OperationReductionDescriptor).one<int>(ReductionOperator), 0,
            number(OperationReductionX), 0, 0, number(OperationReductionY)};
  case OperationReshape:
    return {d.type, 0, 0, number(OperationReshapeX), 0, 0, number(OperationReshapeY)};
  default:
    const Descriptor &kind = d.other(OperationPointwiseDescriptor);
    return {d.type, kind.one<int>(PointwiseMode), kind.one<int64_t>(PointwiseAxis),
            number(OperationPointwiseX), number(OperationPointwiseB), number(OperationPointwiseT),
            number(OperationPointwiseY)};
  }
}

Graph graphOf(const Descriptor &d) {
  Graph graph;
  for (const Descriptor *operation : d.all<const Descriptor *>(GraphOperations)) {
    graph.steps.push_back(stepOf(*operation));
    for (auto &[attribute, value] : operation->values)
      if (const Descriptor &tensor = operation->other(attribute); tensor.type == TensorDescriptor)
        graph.tensors[tensor.one<int64_t>(TensorNumber)] = tensorOf(tensor);
  }
  return graph;
}

const char *faultOfTensor(const GraphTensor &tensor) {
  if (tensor.sizes.size() != tensor.strides.size() || tensor.sizes.empty())
    return "a tensor has not as many strides as sizes";
  for (size_t d = 0; d < tensor.sizes.size(); ++d)
    if (tensor.sizes[d] < 1 || tensor.strides[d] < 1)
      return "a tensor has a size or stride below 1";
  if (tensor.isByValue && tensor.elements() != 1)
    return "more than one number is given by value";
  return nullptr;
}

/// Each step reads what is there, and each number is one tensor's.
const char *faultOfGraph(const Descriptor &d) {
  Graph graph = graphOf(d);
  std::set<int64_t> made;
  for (const GraphStep &step : graph.steps) {
    for (int64_t operand : {step.x, step.b, step.condition})
      if (operand && graph.tensors.at(operand).isVirtual && !made.contains(operand))
        return "an operation reads what none has made";
    if (!made.insert(step.y).second)
      return "two operations make one tensor";
  }
  return nullptr;
}

const char *faultOf(const Descriptor &d) {
  if (d.type == TensorDescriptor)
    return faultOfTensor(tensorOf(d));
  if (d.type == OperationGraph)
    return faultOfGraph(d);
  if (d.type == VariantPack &&
      d.values.at(PackNumbers).count != d.values.at(PackPointers).count)
    return "as many pointers are expected as numbers";
  if (d.type == OperationPointwise || d.type == OperationMatmul || d.type == OperationReduction ||
      d.type == OperationReshape) {
    std::map<int64_t, GraphTensor> tensors;
    for (auto &[attribute, value] : d.values)
      if (const Descriptor &tensor = d.other(attribute); tensor.type == TensorDescriptor)
        tensors[tensor.one<int64_t>(TensorNumber)] = tensorOf(tensor);
    return doubles::faultOf(stepOf(d), tensors);
  }
  return nullptr;
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
  for (auto [attribute, type] : needs(d.type))
    if (!d.has(attribute) || d.values[attribute].type != type)
      return refuse("descriptor " + std::to_string(d.type) + " lacks attribute " +
                    std::to_string(attribute) + ", or has it of another type");
  if (const char *fault = faultOf(d))
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
