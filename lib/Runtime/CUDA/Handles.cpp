//===- Handles.cpp - What the driver gives, and takes back at the end ---------===//

#include "lib/Runtime/CUDA/Handles.h"

#include "lib/Files/FatBinary.h"
#include "lib/Runtime/Error.h"

#include <array>

using namespace bitpipe;
using cuda::check;
using cuda::driver;

GPU::GPU(int number) : ordinal(number) {
  check(driver().deviceGet(&device, number), "find the GPU");
  check(driver().primaryContextRetain(&context, device), "open the GPU");
  freeAtFirst = freeBytes();
}

GPU::~GPU() { driver().primaryContextRelease(device); }

int GPU::count() {
  int count = 0;
  check(driver().deviceGetCount(&count), "count the GPUs");
  return count;
}

std::string GPU::text() const {
  char name[128] = "";
  driver().deviceGetName(name, sizeof(name), device);
  return joined("GPU ", ordinal, " (", name, ")");
}

static int attributeOf(cuda::Device device, cuda::DeviceAttribute attribute) {
  int value = 0;
  check(driver().deviceGetAttribute(&value, attribute, device), "ask the GPU");
  return value;
}

int GPU::architecture() const {
  return 10 * attributeOf(device, cuda::ComputeCapabilityMajor) +
         attributeOf(device, cuda::ComputeCapabilityMinor);
}

int GPU::multiprocessors() const { return attributeOf(device, cuda::MultiprocessorCount); }

void GPU::use() const { check(driver().contextSetCurrent(context), "use the GPU"); }

void GPU::reach(const GPU &other) const {
  if (ordinal == other.ordinal)
    return;
  int can = 0;
  check(driver().deviceCanAccessPeer(&can, device, other.device), "ask for peer access");
  if (!can)
    fail("error: ", text(), " cannot reach the memory of ", other.text(),
         ", which devices of one process need: start a process for each (torchrun, mpirun)");
  use();
  auto result = driver().contextEnablePeerAccess(other.context, 0);
  if (result != cuda::PeerAccessAlreadyEnabled)
    check(result, "reach the memory of another GPU");
}

size_t GPU::freeBytes() const {
  use();
  size_t free = 0, total = 0;
  check(driver().memGetInfo(&free, &total), "ask for the free memory");
  return free;
}

int64_t GPU::takenBeside() const {
  return int64_t(freeAtFirst) - int64_t(freeBytes()) - int64_t(allocated);
}

DeviceMemory::DeviceMemory(const GPU &gpu, size_t bytes, const std::string &purpose)
    : gpu(gpu), size(bytes) {
  gpu.use();
  auto result = driver().memAlloc(&start, bytes);
  if (result == cuda::OutOfMemory)
    fail("error: ", gpu.text(), " has no memory for ", purpose, ": it takes ", bytes, " bytes, ",
         gpu.freeBytes(), " are free");
  check(result, "allocate memory of the GPU");
  gpu.allocated += bytes;
}

DeviceMemory::~DeviceMemory() {
  gpu.use();
  driver().memFree(start);
  gpu.allocated -= size;
}

PinnedMemory::PinnedMemory(size_t bytes, const std::string &purpose) {
  void *memory = nullptr;
  auto result = driver().memHostAlloc(&memory, bytes, cuda::HostPortable);
  if (result == cuda::OutOfMemory)
    fail("error: the driver has no pinned memory of the host for ", purpose, ": ", bytes, " bytes");
  check(result, "allocate pinned memory");
  start = static_cast<char *>(memory);
}

PinnedMemory::~PinnedMemory() { driver().memFreeHost(start); }

CUDAStream::CUDAStream(const GPU &gpu, Priority priority) : gpu(gpu) {
  gpu.use();
  int least = 0, greatest = 0;
  check(driver().streamPriorityRange(&least, &greatest), "ask for priorities");
  check(driver().streamCreate(&stream, cuda::StreamNonBlocking,
                              priority == High ? greatest : least),
        "create a stream");
}

CUDAStream::~CUDAStream() {
  gpu.use();
  driver().streamDestroy(stream);
}

void CUDAStream::await(cuda::EventHandle event) const {
  check(driver().streamWaitEvent(stream, event, 0), "wait for an event");
}

void CUDAStream::synchronize() const {
  check(driver().streamSynchronize(stream), "wait for the GPU");
}

CUDAEvent::CUDAEvent(const GPU &gpu, Use use) {
  gpu.use();
  unsigned flags = cuda::EventBlockingSync | (use == Order ? cuda::EventDisableTiming : 0);
  check(driver().eventCreate(&event, flags), "create an event");
}

CUDAEvent::~CUDAEvent() { driver().eventDestroy(event); }

void CUDAEvent::record(cuda::Stream stream) const {
  check(driver().eventRecord(event, stream), "record an event");
}

void CUDAEvent::synchronize() const {
  check(driver().eventSynchronize(event), "wait for the GPU");
}

cuda::Result CUDAModule::load(const std::string &image, std::string &said) {
  std::array<char, 4096> log{};
  cuda::JitOption options[] = {cuda::JitErrorLogBuffer, cuda::JitErrorLogBytes};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size())};
  auto result = driver().moduleLoad(&module, image.c_str(), 2, options, values);
  said = log.data();
  said = cuda::text(result) + (said.empty() ? "" : ": ") + said.substr(0, said.find('\n'));
  return result;
}

/// Of a fat binary the PTX that a GPU can run; empty if there is none.
static std::string ptxOf(const std::vector<FatImage> &images, const GPU &gpu) {
  for (const FatImage &image : images)
    if (image.kind == FatImage::PTX && !image.compressed && image.runsOn(gpu.architecture()))
      return std::string(image.bytes);
  return "";
}

/// The driver is not told how long a fat binary is: one that is cut off must not come to it.
static std::vector<FatImage> readImages(const std::string &file, const std::string &source) try {
  return isFatBinary(file) ? imagesOf(file) : std::vector<FatImage>();
} catch (const UserError &error) {
  fail(source, ": error: the kernels are ", error.what());
}

CUDAModule::CUDAModule(const GPU &gpu, const std::string &image, const std::string &source)
    : gpu(gpu), source(source) {
  std::vector<FatImage> images = readImages(image, source);
  gpu.use();
  std::string said, saidOfPTX, ptx = ptxOf(images, gpu);
  if (load(image, said) == cuda::Success)
    return;
  // The assembler may have been newer than the driver, which knows the text all the same.
  if (!ptx.empty() && load(ptx, saidOfPTX) == cuda::Success) {
    warn(source, ": ", gpu.text(),
         " cannot load the machine code, its driver assembles the PTX: ", said);
    return;
  }
  std::string held;
  if (!images.empty())
    held = joined("; they are ", textOf(images), ", the GPU is sm_", gpu.architecture());
  fail(source, ": error: ", gpu.text(), " cannot load the kernels: ", said,
       ptx.empty() ? "" : "; their PTX: ", saidOfPTX, held);
}

CUDAModule::~CUDAModule() {
  gpu.use();
  driver().moduleUnload(module);
}

cuda::Function CUDAModule::find(const std::string &kernel, int64_t sharedBytes) const {
  constexpr int64_t always = 48 << 10; // what a kernel has without asking
  cuda::Function function = nullptr;
  auto result = driver().moduleGetFunction(&function, module, kernel.c_str());
  if (result == cuda::NotFound)
    fail(source, ": error: holds no kernel '", kernel, "', which the plan calls");
  check(result, "find a kernel");
  if (sharedBytes > always &&
      driver().functionSetAttribute(function, cuda::MaxDynamicSharedBytes,
                                    int(sharedBytes)) != cuda::Success)
    fail(source, ": error: kernel '", kernel, "' needs ", sharedBytes,
         " bytes of shared memory, more than ", gpu.text(), " has");
  return function;
}

CUDAModule::Variable CUDAModule::global(const std::string &name) const {
  Variable found{};
  auto result = driver().moduleGetGlobal(&found.address, &found.bytes, module, name.c_str());
  if (result == cuda::NotFound)
    return {};
  check(result, "find a variable of the kernels");
  return found;
}

void bitpipe::launch(cuda::Function kernel, int64_t grid, int64_t block, int64_t sharedBytes,
                     cuda::Stream stream, const void *parameters, size_t bytes) {
  void *extra[] = {cuda::launchBuffer, const_cast<void *>(parameters),
                   cuda::launchBufferBytes, &bytes, cuda::launchEnd};
  check(driver().launchKernel(kernel, unsigned(grid), 1, 1, unsigned(block), 1, 1,
                              unsigned(sharedBytes), stream, nullptr, extra),
        "launch a kernel");
}
