//===- CUDAProcess.cpp - The GPUs of this process --------------------------------===//

#include "lib/Runtime/CUDA/CUDAProcess.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/World.h"

#include <algorithm>
#include <fstream>
#include <sstream>

using namespace bitpipe;

static std::string readKernels(const Program &program) {
  std::ifstream file(program.kernelsPath, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file)
    fail(program.kernelsPath, ": error: cannot read the kernels of ", program.path);
  return content.str();
}

CUDAProcess::CUDAProcess(const Program &program, const World &world, Share share,
                         const CUDAOptions &options, bool timed)
    : program(program), share(share), timed(timed), image(readKernels(program)) {
  openGPUs(world, options.sharesGPUs);
  if (options.graph && !timed)
    graph = std::make_unique<StepGraph>(share, gpuOf);
}

void CUDAProcess::openGPUs(const World &world, bool shares) {
  if (world.size() > 1)
    fail(program.path, ": error: the plan is for GPUs and runs in ", world.size(),
         " processes, expected one: devices of several are not connected yet");
  int64_t count = GPU::count();
  if (share.count() > count && !shares)
    fail(program.path, ": error: this process has ", share.count(), " devices and ", count,
         count == 1 ? " GPU" : " GPUs", ", expected one for each, or --share-gpus");
  for (int64_t i = 0; i < std::min(share.count(), count); ++i) {
    gpus.push_back(std::make_unique<GPU>(int(i)));
    checkArchitecture(*gpus.back());
  }
  for (int64_t i = 0; i < share.count(); ++i)
    gpuOf.push_back(gpus[i % gpus.size()].get());
}

/// PTX runs on any GPU that is not older than what it is for.
void CUDAProcess::checkArchitecture(const GPU &gpu) const {
  int wanted = 0;
  if (program.arch.starts_with("sm_"))
    wanted = std::atoi(program.arch.c_str() + 3);
  if (wanted > gpu.architecture())
    fail(program.path, ": error: the plan's kernels are for ", program.arch, ", ", gpu.text(),
         " is sm_", gpu.architecture(), ": compile with --arch=sm_", gpu.architecture());
}

std::unique_ptr<Device> CUDAProcess::makeDevice(int64_t number, Calls &names, size_t events) {
  auto device = std::make_unique<CUDADevice>(program, number, *gpuOf[devices.size()], image,
                                             graph.get(), names, events, timed);
  devices.push_back(device.get());
  return device;
}

std::unique_ptr<Transport> CUDAProcess::connect(const Links &links) {
  return std::make_unique<PeerTransport>(program, links, devices);
}
