//===- cudnn-plans-test.cpp - The real cuDNN has engines for our graphs ----------===//
//
// Without a GPU: the library makes plans for GPUs that are described to it, which takes the
// compiler of kernels that it brings. So this tests that it knows what the graphs
// of AttentionGraph come to, and nothing of what it computes.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/AttentionGraph.h"
#include "lib/Runtime/CUDA/CudnnPlan.h"
#include "lib/Runtime/Error.h"

#include <cstdio>
#include <cstdlib>

using namespace bitpipe;
using Part = AttentionCall::Part;

namespace {

struct Device {
  const char *name;
  int version, processors, sharedBytes, l2Bytes, memoryBus;
  int64_t memory;
};

constexpr Device devices[] = {
    {"NVIDIA A100-SXM4-80GB", 800, 108, 166912, 41943040, 5120, 85'000'000'000},
    {"NVIDIA H200", 900, 132, 232448, 62914560, 6144, 150'000'000'000},
};

/// As the library writes it of a GPU that is there.
CudnnDescriptor describe(const Device &device) {
  std::string text = joined(
      R"({"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"regsPerBlock":65536,)",
      R"("multiProcessorCount":)", device.processors, R"(,"smCountOrigin":0,"warpSize":32,)",
      R"("maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":)", device.sharedBytes,
      R"(,"reservedSharedMemoryPerBlock":1024,"oversizedSharedMemoryPerBlock":0,)",
      R"("maxRegistersPerSM":65536,"maxCtasPerSM":32,"maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,)",
      R"("pciDeviceId":0,"isTccDriver":0,"supportCoopLaunch":1,"totalGlobalMem":)", device.memory,
      R"(,"smClockRateKHz":1410000,"memClockRateKHz":1593000,"memoryBusWidth":)", device.memoryBus,
      R"(,"l2CacheSize":)", device.l2Bytes, R"(,"cudaDeviceId":0,"deviceVer":)", device.version,
      R"(,"driverVer":13000,"deviceName":")", device.name, R"("})");
  CudnnDescriptor described(cudnn::DeviceProperties);
  described.set(cudnn::DeviceText, cudnn::CharType, std::vector<char>(text.begin(), text.end()))
      .finalize("a GPU");
  return described;
}

/// q, k and v of heads that lie side by side in each row, as models write them.
AttentionCall makeCall(const attention::Sizes &sizes, bool gradient) {
  AttentionCall call{};
  call.sizes = sizes, call.gradient = gradient;
  call.scale = 0.125, call.element = StoredFloat::BF16;
  auto set = [&](Part part, int64_t sequence, int64_t heads, int64_t size) {
    call.operands[part] = {{}, {sequence * heads * size, heads * size, size}};
  };
  for (Part part : {Part::Q, Part::DQ})
    set(part, sizes.rows, sizes.heads, sizes.size);
  for (Part part : {Part::K, Part::DK})
    set(part, sizes.columns, sizes.kvHeads, sizes.size);
  for (Part part : {Part::V, Part::DV})
    set(part, sizes.columns, sizes.kvHeads, sizes.valueSize);
  for (Part part : {Part::O, Part::DOutput})
    set(part, sizes.rows, sizes.heads, sizes.valueSize);
  call.operands[Part::Lse] = {{}, {sizes.heads * sizes.rows, sizes.rows}};
  if (!gradient)
    for (Part part : {Part::DQ, Part::DK, Part::DV, Part::DOutput})
      call.operands[part].reset();
  return call;
}

struct Case {
  const char *name;
  attention::Sizes sizes;
  std::optional<int64_t> left = {}, right = {};
};

const Case cases[] = {
    {"gpt", {8, 16, 16, 1024, 1024, 64, 64}, {}, 0},
    {"gpt of a sequence that no tile divides", {2, 16, 16, 1000, 1000, 64, 64}, {}, 0},
    {"llama", {4, 32, 8, 2048, 2048, 128, 128}, {}, 0},
    {"llama with a window", {4, 32, 8, 2048, 2048, 128, 128}, 256, 0},
    {"bert", {4, 16, 16, 512, 512, 64, 64}},
    {"a band", {2, 8, 8, 512, 512, 64, 64}, 64, 32},
    {"columns of others", {2, 8, 8, 256, 384, 64, 64}},
    {"heads of v that are smaller", {2, 8, 8, 256, 256, 96, 64}, {}, 0},
    {"the tests' models", {2, 4, 2, 24, 24, 8, 8}, {}, 0},
};

bool hasPlan(const Device &device, const CudnnDescriptor &described, const Case &one, bool gradient) {
  AttentionCall call = makeCall(one.sizes, gradient);
  call.left = one.left, call.right = one.right;
  const char *what = gradient ? "gradient" : "forwards";
  if (std::string outside = outsideOfCudnn(call); !outside.empty())
    return std::printf("%s, %s: has %s\n", one.name, what, outside.c_str()), false;
  try {
    AttentionGraph graph(call);
    CudnnPlan plan(graph.graph, {nullptr, &described});
    std::printf("%s, %s, %s: %ld bytes of workspace\n", device.name, one.name, what,
                long(plan.workspaceBytes()));
    return true;
  } catch (const UserError &error) {
    return std::printf("%s, %s, %s: %s\n", device.name, one.name, what, error.what()), false;
  }
}

/// Whether heads that are too large for a GPU are refused: a plan is not had for anything.
bool refusesLarge() {
  CudnnDescriptor described = describe(devices[0]);
  AttentionCall call = makeCall({2, 8, 8, 512, 512, 256, 256}, true);
  try {
    AttentionGraph graph(call);
    CudnnPlan plan(graph.graph, {nullptr, &described});
  } catch (const UserError &) {
    return true;
  }
  return std::puts("a gradient of heads of 256 on an A100 has a plan, expected none"), false;
}

} // namespace

int main() {
  try {
    std::printf("cuDNN %s\n", cudnn::versionText().c_str());
    bool all = refusesLarge();
    for (const Device &device : devices) {
      CudnnDescriptor described = describe(device);
      for (const Case &one : cases)
        for (bool gradient : {false, true})
          all &= hasPlan(device, described, one, gradient);
    }
    std::fflush(stdout);
    std::_Exit(all ? 0 : 1);
  } catch (const UserError &error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
