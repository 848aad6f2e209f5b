//===- CUDAProcess.cpp - The GPUs of this process --------------------------------===//

#include "lib/Runtime/CUDA/CUDAProcess.h"

#include "lib/Runtime/CUDA/NCCLTransport.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/World.h"
#include "lib/Runtime/Printed/PrintedDevice.h"

#include <algorithm>
#include <cstdlib>
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
                         int64_t hostRank, const CUDAOptions &options, bool timed)
    : program(program), share(share), timed(timed), libraries(options.libraries),
      printed(options.printed),
      image(readKernels(program)) {
  if (printed && share.count() > 1)
    fail(program.path, ": error: ", share.count(), " devices in one process, expected a process "
         "for each device of a printed program (mpirun, torchrun)");
  if (world.size() > 1)
    openOwnGPU(world, hostRank);
  else
    openGPUs(options.sharesGPUs);
  if (options.graph && !timed)
    graph = std::make_unique<StepGraph>(share, gpuOf);
}

/// One device in each process, connected by NCCL.
void CUDAProcess::openOwnGPU(const World &world, int64_t hostRank) {
  if (world.size() != int64_t(program.devices.size()))
    fail(program.path, ": error: ", world.size(), " processes for ", program.devices.size(),
         " devices on GPUs, expected one for each, or a single one");
  int64_t count = GPU::count(), mine = hostRank;
  if (count == 1 && std::getenv("CUDA_VISIBLE_DEVICES"))
    mine = 0; // the launcher has chosen
  if (mine >= count)
    fail(program.path, ": error: rank ", world.rank(), " is number ", mine + 1,
         " on its host, which has ", count, count == 1 ? " GPU" : " GPUs");
  gpus.push_back(std::make_unique<GPU>(int(mine)));
  checkArchitecture(*gpus.back());
  gpuOf.push_back(gpus.back().get());
}

void CUDAProcess::openGPUs(bool shares) {
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
  auto make = [&]<typename Kind>() {
    auto device = std::make_unique<Kind>(program, number, *gpuOf[devices.size()], image,
                                         libraries, graph.get(), names, events, timed);
    devices.push_back(device.get());
    return device;
  };
  if (printed)
    return make.operator()<PrintedDevice>();
  return make.operator()<CUDADevice>();
}

LibraryCounts CUDAProcess::libraryCounts() const {
  LibraryCounts all;
  for (const CUDADevice *device : devices)
    all.add(device->libraryCounts());
  return all;
}

std::unique_ptr<Transport> CUDAProcess::connectDevices(World &world, const Links &links) {
  if (world.size() > 1)
    return std::make_unique<NCCLTransport>(links, world, *devices.front(), share.first,
                                           graph.get(), !printed);
  return std::make_unique<PeerTransport>(program, links, devices);
}

std::unique_ptr<Transport> CUDAProcess::connect(World &world, const Links &links) {
  std::unique_ptr<Transport> transport = connectDevices(world, links);
  if (printed)
    static_cast<PrintedDevice *>(devices.front())
        ->load(*printed, program, links, share.first,
               dynamic_cast<NCCLTransport *>(transport.get()));
  return transport;
}
