//===- CUDADevice.cpp - A device that is a GPU ----------------------------------===//

#include "lib/Runtime/CUDA/CUDADevice.h"

#include "lib/Runtime/ABI.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Execute/BadIndex.h"
#include "lib/Runtime/Execute/DropoutKey.h"

#include <algorithm>
#include <cstring>

using namespace bitpipe;
using cuda::check;
using cuda::driver;

static constexpr int64_t bounceBytes = 8 << 20;

static std::string deviceText(const Program &program, int64_t number) {
  return joined(program.path, ": device ", number, " of ", program.devices.size());
}

static std::unique_ptr<HostLink> linkTo(const Program &program, int64_t number, const GPU &gpu) {
  int64_t bytes = program.devices[number].host;
  if (bytes == 0)
    return nullptr;
  return std::make_unique<HostLink>(gpu, size_t(bytes),
                                    "what it keeps of " + deviceText(program, number));
}

static std::unique_ptr<PinnedMemory> pinned(const Program &program, int64_t number,
                                            int64_t bytes) {
  return std::make_unique<PinnedMemory>(size_t(bytes), deviceText(program, number));
}

CUDADevice::CUDADevice(const Program &program, int64_t number, const GPU &gpu,
                       const std::string &image, const LibraryChoices &libraries, StepGraph *graph,
                       Calls &names, size_t events, bool timed)
    : program(program), device(program.devices[number]), number(number), unit(gpu),
      planned(gpu, image, program.kernelsPath), own(gpu, program),
      compute(gpu, CUDAStream::Low),
      routines(program, device, gpu, planned, own, compute, libraries),
      layout(program, device, routines.scratchBytes()),
      all(gpu, size_t(layout.bytes), deviceText(program, number)),
      hostLink(linkTo(program, number, gpu)),
      slots(device, reinterpret_cast<char *>(all.begin()),
            hostLink ? hostLink->memory() : nullptr),
      graph(graph),
      given{pinned(program, number, layout.givenBytes),
            pinned(program, number, layout.givenBytes)},
      verdicts(2 * sizeof(gpu::Verdict), deviceText(program, number)),
      bounce(bounceBytes, deviceText(program, number)),
      ended{CUDAEvent(gpu), CUDAEvent(gpu)},
      end(1, begunSteps(), deviceText(program, number)),
      indexRecord(planned.global(abi::indexRecord).address),
      timer(program, device, gpu, names, events, timed) {
  routines.setMemory({memoryAt(layout.scratch), memoryAt(layout.workspace)});
  setAddresses();
  check(driver().fillBytes(all.begin(), 0, all.bytes(), compute), "clear memory");
  copyIn(memoryAt(layout.places), layout.numberPlaces.data(),
         int64_t(layout.numberPlaces.size() * sizeof(int64_t)));
  copyIn(memoryAt(layout.losses), layout.lossOffsets.data(),
         int64_t(layout.lossOffsets.size() * sizeof(int64_t)));
  static_assert(sizeof(Range) == sizeof(gpu::Elements));
  copyIn(memoryAt(layout.spans), layout.undecayed.data(),
         int64_t(layout.undecayed.size() * sizeof(gpu::Elements)));
  contributing = {at<double>(layout.partials),
                  at<char>(0),
                  reinterpret_cast<const int64_t *>(indexRecord),
                  at<int64_t>(layout.losses),
                  at<gpu::StepSettings>(layout.given + layout.settings),
                  {},
                  layout.partialCount,
                  int64_t(layout.lossOffsets.size()),
                  0,
                  layout.numberBegins[number],
                  layout.numberCount,
                  program.loss == "counts"};
}

CUDADevice::~CUDADevice() { driver().streamSynchronize(compute); }

int64_t CUDADevice::seedOf(const Slot &slot) const {
  if (!program.updateEvery)
    return layout.seed;
  return layout.seeds + program.updateOf(slot.microbatch) * int64_t(sizeof(float));
}

/// Slots that the host gives lie in one piece with the rest of it.
void CUDADevice::setAddresses() {
  for (size_t i = 0; i < layout.keySlots.size(); ++i)
    slots.address(layout.keySlots[i]) =
        at<char>(layout.given + layout.keys) + i * sizeof(uint64_t);
  size_t mostBlocks = 0;
  for (size_t i = 0; i < device.slots.size(); ++i) {
    const Slot &slot = device.slots[i];
    if (slot.source == SlotSource::Seed)
      slots.address(int64_t(i)) = at<char>(layout.given + seedOf(slot));
    if (slot.source == SlotSource::Input)
      slots.address(int64_t(i)) =
          at<char>(layout.given + layout.inputs.at({slot.input, slot.microbatch}).offset);
  }
  for (const Instruction &op : device.instructions)
    if (auto *run = std::get_if<Execute>(&op))
      mostBlocks = std::max(mostBlocks, run->slots.size());
  blocks.resize(mostBlocks);
}

void CUDADevice::setTargets(const std::vector<cuda::Pointer> &targets) {
  if (targets.size() > gpu::mostMembers)
    fail(program.path, ": error: ", targets.size(), " devices in one process, expected at most ",
         gpu::mostMembers, " on GPUs");
  for (size_t i = 0; i < targets.size(); ++i)
    contributing.targets[i] = reinterpret_cast<double *>(targets[i]);
  contributing.targetCount = int64_t(targets.size());
}

void CUDADevice::begin(UpdateState state) {
  gpu::Verdict verdict{};
  verdict.updates = state.updates;
  verdict.skippedInARow = state.skippedInARow;
  copyIn(memoryAt(layout.verdict), &verdict, sizeof(verdict));
}

void CUDADevice::fillGiven(const StepInputs &inputs) {
  char *target = given[step % 2]->data();
  const OptimizerSettings &optimizer = inputs.optimizer;
  gpu::StepSettings settings{optimizer.lr,    optimizer.weightDecay, optimizer.beta1,
                             optimizer.beta2, optimizer.eps,         inputs.clip,
                             inputs.maxBadSteps, step % 2,
                             optimizer.decayed == Decayed::Matrices, inputs.evaluates};
  std::memcpy(target + layout.settings, &settings, sizeof(settings));
  uint32_t begun = step + 1;
  std::memcpy(target + layout.begun, &begun, sizeof(begun));
  std::memcpy(target + layout.seed, inputs.seed, sizeof(inputs.seed));
  std::memcpy(target + layout.seeds, inputs.seeds.data(), inputs.seeds.size() * sizeof(float));
  for (size_t i = 0; i < layout.keySlots.size(); ++i) {
    const Slot &slot = device.slots[layout.keySlots[i]];
    uint64_t key = dropoutKey(inputs.dropoutSeed, uint64_t(inputs.number),
                              uint64_t(slot.microbatch), uint64_t(slot.dropout));
    std::memcpy(target + layout.keys + i * sizeof(key), &key, sizeof(key));
  }
  for (auto &[which, place] : layout.inputs)
    std::memcpy(target + place.offset, inputs.data[which.first][which.second],
                size_t(place.bytes));
}

bool CUDADevice::beginStep(uint32_t current, const StepInputs &inputs) {
  step = current;
  unit.use();
  timer.beginStep(step, inputs.evaluates, compute);
  fillGiven(inputs);
  check(driver().copyToDevice(memoryAt(layout.given), given[step % 2]->data(),
                              size_t(layout.givenBytes), compute),
        "copy the inputs of a step");
  return !graph || graph->begin(number, step, compute);
}

void CUDADevice::endStep() {
  if (graph)
    graph->end(number, step, compute);
  check(driver().copyToHost(verdicts.data() + step % 2 * sizeof(gpu::Verdict),
                            memoryAt(layout.verdict), sizeof(gpu::Verdict), compute),
        "copy what a step came to");
  timer.endStep(compute);
  end.leave(0, compute);
  ended[step % 2].record(compute);
}

void CUDADevice::poison() {
  for (size_t i = 0; i < device.slots.size(); ++i) {
    SlotSource source = device.slots[i].source;
    if ((source == SlotSource::Arena || source == SlotSource::Message ||
         source == SlotSource::Loss) &&
        device.slots[i].size)
      check(driver().fillBytes(reinterpret_cast<cuda::Pointer>(slots.address(int64_t(i))), 0xff,
                               size_t(device.slots[i].size), compute),
            "fill a slot");
  }
  if (hostLink)
    poisonHost();
}

/// From a slot that has been filled: what the host would fill now steps before may still use.
void CUDADevice::poisonHost() {
  const Slot *from = nullptr; // the largest that leaves for the host
  for (const Instruction &op : device.instructions)
    if (auto *send = std::get_if<Transmit>(&op); send && send->to == number)
      if (const Slot &slot = device.slots[send->slot]; !from || slot.size > from->size)
        if (slot.inArena())
          from = &slot;
  for (int64_t done = 0; from && from->size > 0 && done < device.host; done += from->size)
    check(driver().copyToHost(hostLink->memory() + done, memoryAt(from->offset),
                              size_t(std::min(from->size, device.host - done)), compute),
          "fill the host's memory");
}

void CUDADevice::await(const Event &event, size_t) {
  event.wait();
  if (event.recorded)
    compute.await(static_cast<cuda::EventHandle>(event.recorded));
}

void CUDADevice::finishInstruction(size_t instruction) { timer.end(instruction, compute); }

std::span<char *const> CUDADevice::blocksOf(const Execute &run) {
  for (size_t i = 0; i < run.slots.size(); ++i)
    blocks[i] = slots.address(run.slots[i]);
  return {blocks.data(), run.slots.size()};
}

void CUDADevice::execute(size_t instruction, const Execute &run) {
  timer.begin(instruction, compute);
  std::span<char *const> at = blocksOf(run);
  if (!timer.isTiming())
    return routines.run(run.routine, at, compute);
  for (size_t i = 0; i < routines.calls(run.routine); ++i) {
    routines.runCall(run.routine, i, at, compute);
    timer.endCall(instruction, i, compute);
  }
}

/// Gives the place behind.
double *CUDADevice::addSquares(double *partials, int64_t slot, const Range &range) {
  int64_t chunks = gpu::chunksOf(range.count());
  if (chunks)
    own.launchBlocks(own.squares, chunks, compute,
                     gpu::Squares{slots.floats(slot) + range.begin, partials, range.count()});
  return partials + chunks;
}

void CUDADevice::contribute(size_t instruction, const GradNorm &norm) {
  timer.begin(instruction, compute);
  double *partials = at<double>(layout.partials) + layout.partialBegins[instruction];
  for (size_t i = 0; i < norm.slots.size(); ++i)
    partials = addSquares(partials, norm.slots[i], norm.ranges[i]);
  own.launchBlocks(own.contribute, 1, compute, contributing);
  timer.pauseNorm(instruction, compute);
}

void CUDADevice::judge(size_t, const StepNumbers &, const StepInputs &) {
  own.launchAll(own.judge, 1, 32, compute,
                gpu::Judge{at<double>(layout.numbers), at<int64_t>(layout.places),
                           at<gpu::StepSettings>(layout.given + layout.settings),
                           at<gpu::Verdict>(layout.verdict), int64_t(program.devices.size()),
                           program.microbatches, program.loss == "counts",
                           layout.numberCount, program.updatesPerStep()});
}

void CUDADevice::update(size_t instruction, const Step &op, const OptimizerSettings &) {
  timer.begin(instruction, compute);
  if (op.isBetween()) {
    addSquares(at<double>(layout.partials) + layout.partialBegins[instruction], op.gradients,
               op.counted);
    own.launchAll(own.judgeBetween, 1, 32, compute,
                  gpu::JudgeBetween{at<gpu::StepSettings>(layout.given + layout.settings),
                                    at<gpu::Verdict>(layout.verdict),
                                    at<gpu::Verdict>(layout.between),
                                    program.updateOf(op.microbatch) + 1});
  }
  auto [begin, end] = op.stepped;
  Range there = op.gradientsAt ? op.stepped : Range{0, op.elements};
  auto fromZero = [&](std::optional<int64_t> slot, int64_t first) {
    return slot ? slots.floats(*slot) - first : nullptr;
  };
  int64_t weightsAt = op.weightsAt.value_or(0);
  auto *working = op.working ? reinterpret_cast<uint16_t *>(slots.floats(*op.working)) - weightsAt : nullptr;
  Range undecayed = layout.undecayedIn.at(op.weights);
  gpu::Update update{fromZero(op.weights, weightsAt),
                     fromZero(op.gradients, op.gradientsAt.value_or(0)),
                     fromZero(op.moment1, begin),
                     fromZero(op.moment2, begin),
                     working,
                     at<gpu::Verdict>(op.isBetween() ? layout.between : layout.verdict),
                     begin,
                     end,
                     op.workingElements,
                     there.begin,
                     there.end,
                     at<gpu::Elements>(layout.spans) + undecayed.begin,
                     undecayed.count()};
  cuda::Function kernel = program.optimizer == "none" ? own.clear
                          : op.moment1               ? own.adamw
                                                     : own.sgd;
  if (there.count() > 0)
    own.launch(kernel, (there.count() + 3) / 4, compute, update);
}

void CUDADevice::stash(size_t instruction, const Stash &op) {
  timer.begin(instruction, compute);
  auto copy = [&](int64_t from, int64_t into) {
    check(driver().copy(reinterpret_cast<cuda::Pointer>(slots.address(into)),
                        reinterpret_cast<cuda::Pointer>(slots.address(from)),
                        size_t(device.slots[from].size), compute),
          "keep a version");
  };
  copy(op.weights, op.kept);
  if (op.working)
    copy(*op.working, *op.workingKept);
}

void CUDADevice::clear(size_t instruction, const Clear &op) {
  timer.begin(instruction, compute);
  check(driver().fillBytes(reinterpret_cast<cuda::Pointer>(slots.address(op.slot)), 0,
                           size_t(device.slots[op.slot].size), compute),
        "clear gradients");
}

void CUDADevice::round(size_t instruction, const Round &op) {
  timer.begin(instruction, compute);
  auto *working = reinterpret_cast<uint16_t *>(slots.floats(op.working));
  if (op.elements)
    own.launch(own.round, (op.elements + 3) / 4, compute,
               gpu::Round{slots.floats(op.weights), working, op.elements});
}

StepResult CUDADevice::result(uint32_t wanted) {
  unit.use();
  ended[wanted % 2].synchronize();
  timer.collect(wanted);
  gpu::Verdict verdict;
  std::memcpy(&verdict, verdicts.data() + wanted % 2 * sizeof(verdict), sizeof(verdict));
  Judgement judgement{verdict.gradNorm,
                      verdict.lossSum,
                      verdict.count,
                      verdict.gradientScale,
                      verdict.skips != 0,
                      verdict.badIndex != 0,
                      {verdict.updates, verdict.skippedInARow}};
  return {judgement, now()};
}

/// In pieces of pinned memory, each of which is waited for.
void CUDADevice::copyIn(cuda::Pointer to, const void *data, int64_t bytes) {
  unit.use();
  for (int64_t done = 0; done < bytes; done += bounceBytes) {
    int64_t piece = std::min(bounceBytes, bytes - done);
    std::memcpy(bounce.data(), static_cast<const char *>(data) + done, size_t(piece));
    check(driver().copyToDevice(to + cuda::Pointer(done), bounce.data(), size_t(piece), compute),
          "copy to the GPU");
    compute.synchronize();
  }
}

void CUDADevice::copyOut(void *data, cuda::Pointer from, int64_t bytes) const {
  unit.use();
  for (int64_t done = 0; done < bytes; done += bounceBytes) {
    int64_t piece = std::min(bounceBytes, bytes - done);
    check(driver().copyToHost(bounce.data(), from + cuda::Pointer(done), size_t(piece), compute),
          "copy from the GPU");
    compute.synchronize();
    std::memcpy(static_cast<char *>(data) + done, bounce.data(), size_t(piece));
  }
}

void CUDADevice::upload(int64_t slot, int64_t offset, const void *data, int64_t bytes) {
  copyIn(reinterpret_cast<cuda::Pointer>(slots.address(slot)) + cuda::Pointer(offset), data,
         bytes);
}

void CUDADevice::download(int64_t slot, int64_t offset, void *data, int64_t bytes) {
  copyOut(data, reinterpret_cast<cuda::Pointer>(slots.address(slot)) + cuda::Pointer(offset),
          bytes);
}

/// What a variable of the plan's kernels holds; empty if there is none.
std::string CUDADevice::variable(const std::string &name) const {
  auto [address, bytes] = planned.global(name);
  std::string content(bytes, 0);
  copyOut(content.data(), address, int64_t(bytes));
  return content;
}

/// The first run that follows the indices at that place; what lies there may have been
/// others' too.
std::string CUDADevice::runThatFollows(int64_t address) {
  for (const Instruction &op : device.instructions)
    if (auto *run = std::get_if<Execute>(&op))
      if (routines.uses(run->routine, blocksOf(*run), cuda::Pointer(address)))
        return text(run->run);
  return "";
}

std::string CUDADevice::describeBadIndex() {
  std::string content = variable(abi::indexRecord);
  if (content.size() < sizeof(int64_t) * abi::indexRecordFields)
    return "";
  int64_t record[abi::indexRecordFields];
  std::memcpy(record, content.data(), sizeof(record));
  if (record[abi::indexFound] == 0)
    return "";
  std::string site = abi::indexSite + std::to_string(record[abi::indexSiteField]);
  return bitpipe::describeBadIndex(record, variable(site),
                                   runThatFollows(record[abi::indexAddress]));
}
