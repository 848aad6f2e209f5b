//===- CallTimes.cpp - How long every call takes by itself ------------------------===//
//
// Every distinct call of a step is put into the stream some times in a row; beside the time
// stands what it makes of the GPU: bytes per second, as a copy has them, or
// operations.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/CUDADevice.h"

#include <algorithm>
#include <cstdio>

using namespace bitpipe;
using cuda::check;
using cuda::driver;

namespace {

struct CallTime {
  GPURoutines::CallInfo info;
  double seconds; // of one
  int64_t count;  // in a step

  double perStep() const { return seconds * double(count); }
};

constexpr int warmUps = 2, repeats = 10;

/// Seconds of one of them.
template <typename Start>
double timeOf(const GPU &gpu, const CUDAStream &stream, Start start) {
  CUDAEvent begin(gpu, CUDAEvent::Time), end(gpu, CUDAEvent::Time);
  for (int i = 0; i < warmUps; ++i)
    start();
  begin.record(stream);
  for (int i = 0; i < repeats; ++i)
    start();
  end.record(stream);
  end.synchronize();
  float milliseconds = 0;
  check(driver().eventElapsedTime(&milliseconds, begin, end), "time a call");
  return milliseconds * 1e-3 / repeats;
}

void print(const CallTime &call, double all) {
  std::printf("%-44s %6ld %10.1f %9.3f %6.1f%%", call.info.name.c_str(), long(call.count),
              call.seconds * 1e6, call.perStep() * 1e3, 100 * call.perStep() / all);
  if (call.info.flop > 0)
    std::printf("  %7.1f TFLOP/s", call.info.flop / call.seconds * 1e-12);
  else if (call.info.bytes > 0)
    std::printf("  %7.0f GB/s", call.info.bytes / call.seconds * 1e-9);
  std::printf("\n");
}

} // namespace

void CUDADevice::timeCalls() {
  unit.use();
  std::map<std::string, CallTime> times;
  for (const Instruction &op : device.instructions) {
    auto *run = std::get_if<Execute>(&op);
    for (size_t i = 0; run && i < routines.calls(run->routine); ++i) {
      GPURoutines::CallInfo info = routines.info(run->routine, i);
      auto found = times.find(info.name);
      if (found != times.end()) {
        ++found->second.count;
        continue;
      }
      std::span<char *const> at = blocksOf(*run);
      double seconds = timeOf(unit, compute,
                              [&] { routines.runCall(run->routine, i, at, compute); });
      times[info.name] = {info, seconds, 1};
    }
  }
  std::vector<CallTime> order;
  double all = 0;
  for (auto &[name, call] : times) {
    order.push_back(call);
    all += call.perStep();
  }
  std::ranges::stable_sort(order, std::greater(), &CallTime::perStep);
  int64_t half = std::min<int64_t>(device.arena / 2, 1 << 28);
  double copy = timeOf(unit, compute, [&] {
    check(driver().copy(memoryAt(half), memoryAt(0), size_t(half), compute), "copy");
  });
  std::printf("\ndevice %ld: every call by itself; a copy of %ld MiB moves %.0f GB/s\n"
              "%-44s %6s %10s %9s %7s\n",
              long(number), long(half >> 20), 2 * double(half) / copy * 1e-9, "call", "count",
              "us each", "ms a step", "share");
  for (const CallTime &call : order)
    print(call, all);
}
