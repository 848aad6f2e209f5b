//===- CPUDevice.cpp - A device that computes on the processor -------------===//

#include "lib/Runtime/CPU/CPUDevice.h"

#include "lib/Runtime/CPU/Optimizer.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Cores.h"
#include "lib/Runtime/Plan/Decay.h"

#include <algorithm>
#include <cstring>

using namespace bitpipe;

/// Elements of gradients whose squares are summed by one thread at a time: the same
/// whatever the number of threads, and so are the bits.
constexpr int64_t chunkElements = 1 << 15;

static int64_t chunksOf(const Range &range) {
  return (range.count() + chunkElements - 1) / chunkElements;
}

CPUDevice::CPUDevice(const Program &program, int64_t number, Calls &calls,
                     size_t events, WorkClock workClock, const TeamPlace &place)
    : HostDevice(program, number, calls, events, workClock), place(place),
      products(calls.members()), attentions(calls.attentions()),
      workspaces(calls.members()), arguments(calls.mostPlaces()), undecayed(device.slots.size()),
      team(calls.members(), joined("device ", number, " of ", program.devices.size()),
           place.spin, [this](uint32_t member) { enter(member); }) {
  size_t mostBlocks = 0, mostChunks = 0;
  for (const Instruction &op : device.instructions) {
    if (auto *run = std::get_if<Execute>(&op))
      mostBlocks = std::max(mostBlocks, run->slots.size());
    if (auto *norm = std::get_if<GradNorm>(&op))
      for (const Range &range : norm->ranges)
        mostChunks = std::max(mostChunks, size_t(chunksOf(range)));
    if (auto *step = std::get_if<Step>(&op)) {
      mostChunks = std::max(mostChunks, size_t(chunksOf(step->counted)));
      undecayed[step->weights] = undecayedIn(device, step->weights);
    }
  }
  blocks.resize(mostBlocks);
  squares.resize(mostChunks);
  // Whoever uses memory touches it first.
  team.run(team.size(), [&](uint32_t member) {
    products[member] = std::make_unique<MatmulRunner>(calls.matmuls(), member);
    if (member > 0) // the first has the plan's
      workspaces[member].reset(attentions.allocateWorkspace());
  });
}

/// Prepares the calling thread to be a member.
void CPUDevice::enter(uint32_t member) const {
  useOneThread();
  if (!place.processors.empty())
    runOn(place.processors[member]);
}

bool CPUDevice::beginStep(uint32_t step, const StepInputs &inputs) {
  if (step == 0)
    enter(0);
  return HostDevice::beginStep(step, inputs);
}

void CPUDevice::execute(size_t instruction, const Execute &run) {
  for (size_t i = 0; i < run.slots.size(); ++i)
    blocks[i] = slots.address(run.slots[i]);
  Nanoseconds begin = clock;
  const PreparedRoutine &routine = calls.routine(run.routine);
  for (const PreparedCall &prepared : routine.calls)
    call(routine, prepared);
  finishRun(instruction, begin);
  if (calls.kernels()->metBadIndex())
    findBadIndex(run, routine);
}

/// Whether an index outside of its table was among what this run reads, since
/// that memory is no other device's while it does; the first run to ask has met it.
void CPUDevice::findBadIndex(const Execute &run, const PreparedRoutine &routine) {
  const void *address = calls.kernels()->badIndexAddress();
  for (const PreparedCall &prepared : routine.calls)
    for (uint32_t i = 0; prepared.kernel && i < prepared.places; ++i)
      if (addressOf(routine.places[prepared.firstPlace + i]) == address)
        return calls.kernels()->nameBadRun(text(run.run));
}

void CPUDevice::call(const PreparedRoutine &routine, const PreparedCall &call) {
  const BlockPlace *places = &routine.places[call.firstPlace];
  for (uint32_t i = 0; i < call.places; ++i)
    arguments[i] = addressOf(places[i]);
  switch (call.kind) {
  case PreparedCall::Kernel:
    callKernel(call);
    break;
  case PreparedCall::Matmul:
    callProduct(call);
    break;
  case PreparedCall::Attention:
    callAttention(call);
  }
  finishPart(call.category, call.label);
}

void CPUDevice::callKernel(const PreparedCall &call) {
  void *const *given = arguments.data();
  if (call.members == 1)
    call.kernel(given, 0, call.units);
  else
    team.share(call.members, call.units, [&](uint32_t, int64_t begin, int64_t end) {
      call.kernel(given, begin, end);
    });
  if (call.finishes)
    call.kernel(given, call.units, call.units);
}

void CPUDevice::callProduct(const PreparedCall &call) {
  team.run(call.members, [&](uint32_t member) {
    products[member]->run(call.number, arguments[0], arguments[1], arguments[2],
                          arguments[3], arguments[4]);
  });
}

void CPUDevice::callAttention(const PreparedCall &call) {
  void *planned = arguments[call.places - 1];
  team.share(call.members, call.units, [&](uint32_t member, int64_t begin, int64_t end) {
    attentions.run(call.number, begin, end, arguments.data(),
                   member ? workspaces[member].get() : planned);
  });
}

template <typename Work>
void CPUDevice::shareElements(int64_t elements, Work work) {
  constexpr int64_t unit = 1024; // no line of memory is written by two
  int64_t units = (elements + unit - 1) / unit;
  auto members = uint32_t(std::clamp<int64_t>(units / 4, 1, team.size()));
  team.share(members, units, [&](uint32_t, int64_t begin, int64_t end) {
    work(begin * unit, std::min(end * unit, elements));
  });
}

double CPUDevice::squareSum(int64_t slot, const Range &range) {
  const float *values = slots.floats(slot) + range.begin;
  int64_t count = range.count(), chunks = chunksOf(range);
  auto members = uint32_t(std::clamp<int64_t>(chunks, 1, team.size()));
  team.share(members, chunks, [&](uint32_t, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t first = i * chunkElements;
      squares[i] = sumOfSquares(values + first, std::min(chunkElements, count - first));
    }
  });
  double sum = 0;
  for (int64_t i = 0; i < chunks; ++i)
    sum += squares[i];
  return sum;
}

double CPUDevice::squareSum(size_t instruction, const GradNorm &norm) {
  double sum = 0;
  for (size_t s = 0; s < norm.slots.size(); ++s)
    sum += squareSum(norm.slots[s], norm.ranges[s]);
  finishPart(Calls::Norm, labelOf(instruction));
  pauseWork();
  return sum;
}

std::string CPUDevice::describeBadIndex() {
  return metBadIndex() ? calls.kernels()->describeBadIndex() : "";
}

LossValue CPUDevice::loss(int64_t slot) {
  const float *values = slots.floats(slot);
  return {values[0], program.loss == "counts" ? values[1] : 0};
}

void CPUDevice::update(size_t instruction, const Step &step,
                       const OptimizerSettings &settings) {
  UpdateTerms terms = termsOf(step);
  float *gradients = slots.floats(step.gradients);
  bool keeps = terms.skips || program.optimizer == "none";
  if (step.isBetween())
    addSquares(squareSum(step.gradients, step.counted));
  auto clear = [&](Range range) { zero(gradients + range.begin, range.count()); };
  // What is scattered is summed into the slice anew in every step.
  bool hasOthers = !step.gradientsAt;
  if (hasOthers)
    clear({0, step.stepped.begin});
  if (!keeps)
    stepRange(step, settings, terms);
  else if (hasOthers)
    clear(step.stepped);
  if (hasOthers)
    clear({step.stepped.end, step.elements});
  finishPart(Calls::Optimizer, labelOf(instruction));
}

void CPUDevice::stepRange(const Step &step, const OptimizerSettings &settings,
                          const UpdateTerms &terms) {
  int64_t first = step.stepped.begin;
  float *weights = slots.floats(step.weights) + first - step.weightsAt.value_or(0);
  float *gradients = slots.floats(step.gradients) + first - step.gradientsAt.value_or(0);
  float *moment1 = step.moment1 ? slots.floats(*step.moment1) : nullptr;
  float *moment2 = step.moment2 ? slots.floats(*step.moment2) : nullptr;
  auto *working = step.working ? reinterpret_cast<uint16_t *>(slots.address(*step.working))
                               : nullptr;
  OptimizerSettings without = settings;
  without.weightDecay = 0;
  static const std::vector<Range> none;
  const auto &others = settings.decayed == Decayed::All ? none : undecayed[step.weights];
  auto stepPart = [&](Range part, bool decays) {
    int64_t begin = part.begin - first;
    const OptimizerSettings &its = decays ? settings : without;
    if (moment1)
      stepAdamW(its, terms.number, terms.gradientScale, part.count(), weights + begin,
                gradients + begin, moment1 + begin, moment2 + begin);
    else
      stepSGD(its, terms.gradientScale, part.count(), weights + begin, gradients + begin);
  };
  shareElements(step.stepped.count(), [&](int64_t begin, int64_t end) {
    eachByDecay(others, {first + begin, first + end}, stepPart);
    int64_t from = first + begin, last = std::min(first + end, step.workingElements);
    if (working && from < last)
      roundWeights(weights + begin, working + from - step.weightsAt.value_or(0), last - from);
  });
}

void CPUDevice::zero(float *values, int64_t count) {
  shareElements(count, [&](int64_t begin, int64_t end) {
    std::fill(values + begin, values + end, 0.0f);
  });
}

void CPUDevice::clear(size_t instruction, const Clear &clear) {
  zero(slots.floats(clear.slot), device.slots[clear.slot].size / int64_t(sizeof(float)));
  finishPart(Calls::Optimizer, labelOf(instruction));
}

void CPUDevice::stash(size_t instruction, const Stash &stash) {
  auto copy = [&](int64_t from, int64_t into) {
    constexpr int64_t line = 64;
    const char *source = slots.address(from);
    char *target = slots.address(into);
    int64_t bytes = device.slots[from].size;
    shareElements((bytes + line - 1) / line, [&](int64_t begin, int64_t end) {
      std::memcpy(target + begin * line, source + begin * line,
                  std::min(end * line, bytes) - begin * line);
    });
  };
  copy(stash.weights, stash.kept);
  if (stash.working)
    copy(*stash.working, *stash.workingKept);
  finishPart(Calls::Optimizer, labelOf(instruction));
}

/// Where the step changed nothing, that is what the copies hold.
void CPUDevice::round(size_t instruction, const Round &round) {
  const float *weights = slots.floats(round.weights);
  auto *working = reinterpret_cast<uint16_t *>(slots.address(round.working));
  shareElements(round.elements, [&](int64_t begin, int64_t end) {
    roundWeights(weights + begin, working + begin, end - begin);
  });
  finishPart(Calls::Optimizer, labelOf(instruction));
}
