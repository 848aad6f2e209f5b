//===- DeviceMoment.cpp - Where a device is ----------------------------------===//

#include "lib/Runtime/Watch/DeviceMoment.h"

using namespace bitpipe;

namespace {

/// Where a GPU is in a step that it has not ended, by the marks of what came to it.
class Position {
public:
  Position(const Transport &transport, int64_t device, uint32_t step)
      : transport(transport), device(device) {
    moment.step = step;
    moment.wait = DeviceStatus::Works;
  }

  void await(size_t instruction, const std::vector<Wait> &waits) {
    for (size_t i = 0; i < waits.size(); ++i)
      look(transport.stepsPassed(device, waits[i]), instruction, int32_t(i));
  }
  void awaitNumbers(size_t instruction) {
    look(transport.stepsAgreed(device), instruction, DeviceStatus::AwaitsAgreement);
  }
  bool waits() const { return moment.wait != DeviceStatus::Works; }
  DeviceMoment moment;

private:
  /// The first thing that is missing counts.
  void look(std::optional<uint32_t> steps, size_t instruction, int32_t wait) {
    if (!steps)
      return;
    moment.passed += *steps;
    if (*steps > moment.step || waits())
      return;
    moment.instruction = uint32_t(instruction);
    moment.wait = wait;
  }

  const Transport &transport;
  const int64_t device;
};

} // namespace

DeviceMoment bitpipe::momentOf(const Executor &executor, const Program &program,
                               const Links &links, int64_t device) {
  DeviceMoment thread(executor.status(device));
  std::optional<uint32_t> ended = executor.devices()[device].stepsEnded();
  if (!ended || *ended >= executor.begun())
    return thread;
  auto &list = program.devices[device].instructions;
  const DeviceLinks &mine = links.devices[device];
  // What the thread has come to is all that the GPU can be at.
  bool whole = thread.wait == DeviceStatus::AwaitsStep || thread.step > *ended;
  size_t end = whole ? list.size() : std::min<size_t>(thread.instruction, list.size());
  Position gpu(executor.transports(), device, *ended);
  for (size_t i = 0; i < end; ++i) {
    gpu.await(i, mine.waits[i]);
    if (std::holds_alternative<GradNorm>(list[i]))
      gpu.awaitNumbers(i);
  }
  if (whole)
    gpu.await(list.size(), mine.atEnd);
  if (gpu.waits())
    return gpu.moment;
  thread.passed = gpu.moment.passed;
  if (!whole)
    return thread;
  bool tells = executor.transports().stepsAgreed(device).has_value();
  gpu.moment.instruction = uint32_t(list.size());
  gpu.moment.wait = tells ? DeviceStatus::Works : DeviceStatus::AwaitsGPU;
  return gpu.moment;
}
