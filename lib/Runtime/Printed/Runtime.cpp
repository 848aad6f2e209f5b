//===- Runtime.cpp - What a printed program is written with --------------------===//

#include "lib/Runtime/CUDA/NCCLTransport.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Printed/Calls.h"
#include "lib/Runtime/Printed/Program.h"

using namespace bitpipe;
using namespace bitpipe::printed;

void printed::check(CUresult result, Location where) {
  if (result != cuda::Success)
    fail(where.file_name(), ":", where.line(), ": error: ", cuda::text(result));
}

void printed::check(cublasStatus_t result, Location where) {
  if (result != blas::Success)
    fail(where.file_name(), ":", where.line(), ": error: cuBLASLt: ", blas::text(result));
}

void printed::check(ncclResult_t result, Location where) {
  if (result != nccl::Success)
    fail(where.file_name(), ":", where.line(), ": error: NCCL: ",
         nccl::library().getErrorString(result), ": ", nccl::library().getLastError(nullptr));
}

struct Runtime::Parts {
  Parts(const Program &program, int64_t number, CUDADevice &device, NCCLTransport *nccl)
      : number(number), device(device), nccl(nccl) {
    prepare(program);
  }

  void prepare(const Program &program);

  const int64_t number;
  CUDADevice &device;
  NCCLTransport *const nccl;
  std::vector<size_t> productNumbers; // in the device's, by the number of the call
  std::vector<size_t> attentionNumbers; // likewise
  ProductPlaces places{}; // of the last product
  std::vector<ProductCall> calls; // of it
  std::deque<CUDAEvent> events;
  GradNorm norm;
};

namespace {
template <typename... Functions> struct Overloaded : Functions... {
  using Functions::operator()...;
};
} // namespace

/// Of routines that this device does not run there is nothing.
void Runtime::Parts::prepare(const Program &program) {
  std::vector<bool> used = usedRoutines(program, number);
  auto where = [&](size_t routine) {
    return joined(program.path, ": error: routine ", program.routines[routine].name);
  };
  eachCall(program, Overloaded{
                        [](size_t, const KernelCall &, size_t) {},
                        [&](size_t routine, const MatmulCall &call, size_t) {
                          productNumbers.push_back(
                              used[routine] ? device.products().add(call, where(routine)) : 0);
                        },
                        [&](size_t routine, const AttentionCall &call, size_t) {
                          attentionNumbers.push_back(
                              used[routine] ? device.attentions().add(call, where(routine)) : 0);
                        }});
}

Runtime::Runtime(const Program &program, int64_t number, CUDADevice &device,
                 NCCLTransport *nccl)
    : parts(std::make_unique<Parts>(program, number, device, nccl)) {}

Runtime::~Runtime() = default;

CUstream Runtime::compute() const { return parts->device.stream(); }

CUevent Runtime::event() { return parts->events.emplace_back(parts->device.gpu()); }

printed::Slot Runtime::slot(int64_t number) const {
  return {number, reinterpret_cast<CUdeviceptr>(parts->device.memory().address(number))};
}

CUdeviceptr Runtime::scratch() const { return parts->device.scratch(); }

CUfunction Runtime::kernel(const char *entry, int64_t sharedBytes) const {
  return parts->device.plannedKernel(entry, sharedBytes);
}

static Channel channelOf(const NCCLTransport::Group &group) {
  return {group.communicator, group.stream};
}

Channel Runtime::pair(int64_t from, int64_t to) const {
  return channelOf(parts->nccl->pair({from, to}));
}

Channel Runtime::sum(std::initializer_list<int64_t> devices) const {
  return channelOf(parts->nccl->sumGroup(devices));
}

Channel Runtime::all() const { return channelOf(parts->nccl->everyone()); }

void *Runtime::hostSlot(int64_t number) const { return parts->device.memory().address(number); }

CUstream Runtime::toHost() const { return parts->device.host().toHost(); }

CUstream Runtime::fromHost() const { return parts->device.host().fromHost(); }

Numbers Runtime::numbers() const {
  auto count = size_t(parts->device.numbersOfDevice());
  auto *all = reinterpret_cast<double *>(parts->device.numbers());
  return {all + size_t(parts->number) * count, all, count};
}

std::span<const ProductCall> Runtime::product(size_t number, CUstream stream,
                                              const MatmulOperands &at) {
  parts->places = {at.a, at.b, at.c, at.bias, at.residual, at.bias_gradient};
  parts->device.products().begin(parts->productNumbers[number], parts->places, stream,
                        {scratch(), parts->device.workspace()}, parts->calls);
  return parts->calls;
}

void Runtime::addBiasGradient(size_t number, CUstream stream) const {
  parts->device.products().finish(parts->productNumbers[number], parts->places, stream,
                         {scratch(), parts->device.workspace()});
}

void Runtime::attention(size_t number, CUstream stream, const AttentionOperands &at) const {
  const std::array<CUdeviceptr, AttentionCall::names.size()> operands = {
      at.q,   at.k,        at.v,  at.o,  at.lse, at.bias,
      at.key, at.d_output, at.dq, at.dk, at.dv,  at.dbias};
  parts->device.attentions().run(parts->attentionNumbers[number], operands, scratch(), stream);
}

void Runtime::contribute(std::initializer_list<SlotRange> gradients, int64_t instruction) {
  parts->norm.slots.clear();
  parts->norm.ranges.clear();
  for (const SlotRange &one : gradients) {
    parts->norm.slots.push_back(one.slot.number);
    parts->norm.ranges.push_back({one.begin, one.end});
  }
  parts->device.contribute(size_t(instruction), parts->norm);
}

void Runtime::judge() { parts->device.judge(0, {}, {}); }

static std::optional<int64_t> numberOf(const std::optional<printed::Slot> &slot) {
  return slot ? std::optional(slot->number) : std::nullopt;
}

void Runtime::update(const UpdateOperands &of) {
  Step step{};
  step.elements = of.elements;
  step.stepped = {of.begin, of.end};
  step.weights = of.weights.number, step.gradients = of.gradients.number;
  step.moment1 = numberOf(of.moment1), step.moment2 = numberOf(of.moment2);
  step.working = numberOf(of.working);
  step.workingElements = of.workingElements;
  step.weightsAt = of.weightsAt, step.gradientsAt = of.gradientsAt;
  if (of.between) {
    step.microbatch = of.between->microbatch;
    step.counted = {of.between->countedBegin, of.between->countedEnd};
  }
  parts->device.update(of.between ? size_t(of.between->instruction) : 0, step, {});
}

void Runtime::keep(Slot weights, Slot version) {
  parts->device.stash(0, Stash{{}, 0, weights.number, version.number, {}, {}});
}

void Runtime::clear(Slot gradients) { parts->device.clear(0, Clear{{}, gradients.number}); }

void Runtime::round(const RoundOperands &of) {
  parts->device.round(0, Round{{}, of.elements, of.weights.number, of.working.number});
}
