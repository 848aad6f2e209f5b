//===- Driver.cpp - libcuda without a GPU -------------------------------------===//
//
// The functions of lib/Runtime/CUDA/DriverFunctions.inc, under their real names and
// with what the documentation says of them. BITPIPE_DOUBLES_DEVICES GPUs (default 1),
// each with BITPIPE_DOUBLES_MEMORY bytes. What the driver would refuse is refused; what it
// would let pass and must not be done (see Memory.h) fails as an illegal access does,
// with a line on stderr.
//
//===----------------------------------------------------------------------===//

#include "test/Doubles/Modules.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace doubles;
using namespace bitpipe::cuda;

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using Lock = std::unique_lock<std::mutex>;
Lock locked() { return Lock(Engine::get().mutex); }

int deviceCount() {
  const char *given = std::getenv("BITPIPE_DOUBLES_DEVICES");
  return given ? std::clamp(std::atoi(given), 0, mostDevices) : 1;
}

thread_local int current = -1; // device of the calling thread's context
bool started = false;

Context contextOf(int device) { return reinterpret_cast<Context>(uint64_t(device) + 1); }

/// Other doubles, and kernels, find here what they need.
struct Promoted {
  Promoted() {
    Dl_info self;
    if (dladdr(reinterpret_cast<void *>(&deviceCount), &self))
      dlopen(self.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
  }
} promoted;

doubles::Stream *of(bitpipe::cuda::Stream stream) {
  return reinterpret_cast<doubles::Stream *>(stream);
}
doubles::Module *of(bitpipe::cuda::Module module) {
  return reinterpret_cast<doubles::Module *>(module);
}
doubles::Function *of(bitpipe::cuda::Function function) {
  return reinterpret_cast<doubles::Function *>(function);
}
EventState *of(EventHandle event) { return reinterpret_cast<EventState *>(event); }
std::shared_ptr<Captured> *of(Graph graph) {
  return reinterpret_cast<std::shared_ptr<Captured> *>(graph);
}
std::shared_ptr<Captured> *of(GraphExec graph) {
  return reinterpret_cast<std::shared_ptr<Captured> *>(graph);
}

/// One of the two sides of a copy: checks it, and finds its bytes.
std::optional<std::string> sideOf(const void *at, size_t bytes, bool onDevice, bool writes,
                                  char *&there) {
  if (onDevice)
    return translate(at, bytes, writes, there);
  there = static_cast<char *>(const_cast<void *>(at));
  return Engine::get().memory.accessPinned(at, bytes, writes);
}

Work copyOf(const char *name, const void *from, void *to, size_t bytes, bool fromDevice,
            bool toDevice) {
  return {name, nullptr, [=]() -> std::optional<std::string> {
            char *source = nullptr, *target = nullptr;
            if (auto wrong = sideOf(from, bytes, fromDevice, false, source))
              return wrong;
            if (auto wrong = sideOf(to, bytes, toDevice, true, target))
              return wrong;
            std::memmove(target, source, bytes);
            if (!fromDevice)
              Engine::get().memory.tookCopy(from, bytes);
            return std::nullopt;
          },
          fromDevice ? std::pair<const void *, size_t>() : std::pair(from, bytes)};
}

void *pointerOf(Pointer pointer) { return reinterpret_cast<void *>(pointer); }

} // namespace

Result doubles::enqueue(bitpipe::cuda::Stream stream, Work work) {
  Lock lock = locked();
  return of(stream)->add(std::move(work));
}
std::shared_ptr<Captured> doubles::captureOf(bitpipe::cuda::Stream stream) {
  std::lock_guard<std::mutex> lock(Engine::get().mutex);
  return of(stream)->captured();
}

EXPORT Result cuInit(unsigned) {
  started = true;
  return deviceCount() ? Success : NoDevice;
}
EXPORT Result cuDriverGetVersion(int *version) {
  *version = driverVersion();
  return Success;
}
EXPORT Result cuDeviceGetCount(int *count) {
  *count = deviceCount();
  return started ? Success : NotInitialized;
}
EXPORT Result cuDeviceGet(Device *device, int number) {
  *device = number;
  return number >= 0 && number < deviceCount() ? Success : InvalidDevice;
}
EXPORT Result cuDeviceGetName(char *name, int bytes, Device) {
  std::snprintf(name, size_t(bytes), "a double");
  return Success;
}
EXPORT Result cuDeviceGetAttribute(int *value, DeviceAttribute attribute, Device) {
  const char *given = std::getenv("BITPIPE_DOUBLES_MULTIPROCESSORS");
  switch (attribute) {
  case ComputeCapabilityMajor:
    *value = architecture() / 10;
    return Success;
  case ComputeCapabilityMinor:
    *value = architecture() % 10;
    return Success;
  case MultiprocessorCount:
    *value = given ? std::atoi(given) : 132;
    return Success;
  }
  return InvalidValue;
}
EXPORT Result cuDeviceCanAccessPeer(int *can, Device, Device) {
  *can = std::getenv("BITPIPE_DOUBLES_NO_PEERS") == nullptr;
  return Success;
}

EXPORT Result cuDevicePrimaryCtxRetain(Context *context, Device device) {
  *context = contextOf(device);
  return Success;
}
EXPORT Result cuDevicePrimaryCtxRelease_v2(Device) { return Success; }
EXPORT Result cuCtxSetCurrent(Context context) {
  current = int(reinterpret_cast<uint64_t>(context)) - 1;
  return Success;
}
EXPORT Result cuCtxEnablePeerAccess(Context peer, unsigned) {
  Lock lock = locked();
  if (current < 0)
    return InvalidContext;
  Engine::get().memory.enablePeer(current, int(reinterpret_cast<uint64_t>(peer)) - 1);
  return Success;
}
EXPORT Result cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  *least = 0, *greatest = -5;
  return Success;
}

EXPORT Result cuMemGetInfo_v2(size_t *free, size_t *total) {
  Lock lock = locked();
  if (current < 0)
    return InvalidContext;
  *free = Engine::get().memory.freeBytes(current);
  *total = Engine::get().memory.totalBytes();
  return Success;
}
EXPORT Result cuMemAlloc_v2(Pointer *pointer, size_t bytes) {
  Lock lock = locked();
  if (current < 0)
    return InvalidContext;
  if (bytes == 0)
    return InvalidValue;
  *pointer = Engine::get().memory.allocate(current, bytes);
  return *pointer ? Engine::get().failure : OutOfMemory;
}
EXPORT Result cuMemFree_v2(Pointer pointer) {
  Lock lock = locked();
  return Engine::get().memory.release(pointer) ? Success : InvalidValue;
}
EXPORT Result cuMemHostAlloc(void **memory, size_t bytes, unsigned) {
  Lock lock = locked();
  if (current < 0)
    return InvalidContext;
  if (bytes == 0)
    return InvalidValue;
  *memory = Engine::get().memory.pin(bytes);
  return *memory ? Engine::get().failure : OutOfMemory;
}
/// BITPIPE_DOUBLES_TOUCHED: tells of every piece that goes how much of it copies have touched.
EXPORT Result cuMemFreeHost(void *memory) {
  Lock lock = locked();
  Memory &known = Engine::get().memory;
  if (known.isPinned(memory, 1) && std::getenv("BITPIPE_DOUBLES_TOUCHED")) {
    auto [bytes, touched] = known.touchedOf(memory);
    std::fprintf(stderr, "doubles: copies touched %zu of %zu pinned bytes\n", touched, bytes);
  }
  return known.unpin(memory) ? Success : InvalidValue;
}
/// Copies from memory that is not pinned would wait, so none are expected.
EXPORT Result cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t bytes,
                                   bitpipe::cuda::Stream stream) {
  Lock lock = locked();
  if (!Engine::get().memory.isPinned(from, bytes))
    return InvalidValue;
  return of(stream)->add(copyOf("a copy from the host", from, pointerOf(to), bytes, false, true));
}
EXPORT Result cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t bytes,
                                   bitpipe::cuda::Stream stream) {
  Lock lock = locked();
  if (!Engine::get().memory.isPinned(to, bytes))
    return InvalidValue;
  return of(stream)->add(copyOf("a copy to the host", pointerOf(from), to, bytes, true, false));
}
EXPORT Result cuMemcpyAsync(Pointer to, Pointer from, size_t bytes,
                            bitpipe::cuda::Stream stream) {
  Lock lock = locked();
  return of(stream)->add(
      copyOf("a copy between devices", pointerOf(from), pointerOf(to), bytes, true, true));
}
EXPORT Result cuMemsetD8Async(Pointer to, unsigned char value, size_t bytes,
                              bitpipe::cuda::Stream stream) {
  Lock lock = locked();
  return of(stream)->add({"a fill", nullptr, [=]() -> std::optional<std::string> {
                            char *there = nullptr;
                            if (auto wrong = translate(pointerOf(to), bytes, true, there))
                              return wrong;
                            std::memset(there, value, bytes);
                            return std::nullopt;
                          }});
}

EXPORT Result cuStreamCreateWithPriority(bitpipe::cuda::Stream *stream, unsigned, int) {
  Lock lock = locked();
  if (current < 0)
    return InvalidContext;
  Engine &engine = Engine::get();
  *stream = reinterpret_cast<bitpipe::cuda::Stream>(
      new doubles::Stream(engine, current, engine.newLane()));
  return Success;
}
EXPORT Result cuStreamDestroy_v2(bitpipe::cuda::Stream stream) {
  delete of(stream);
  return Success;
}
EXPORT Result cuStreamSynchronize(bitpipe::cuda::Stream stream) {
  Lock lock = locked();
  return of(stream)->synchronize();
}
EXPORT Result cuStreamWaitEvent(bitpipe::cuda::Stream stream, EventHandle event, unsigned) {
  Lock lock = locked();
  return of(stream)->wait(*of(event));
}
EXPORT Result cuStreamBeginCapture_v2(bitpipe::cuda::Stream stream, CaptureMode) {
  Lock lock = locked();
  return of(stream)->beginCapture();
}
EXPORT Result cuStreamEndCapture(bitpipe::cuda::Stream stream, Graph *graph) {
  Lock lock = locked();
  auto captured = std::make_unique<std::shared_ptr<Captured>>();
  Result result = of(stream)->endCapture(*captured);
  if (*captured)
    ++(*captured)->handles;
  *graph = reinterpret_cast<Graph>(captured.release());
  return result;
}

EXPORT Result cuEventCreate(EventHandle *event, unsigned flags) {
  if (current < 0)
    return InvalidContext;
  *event = reinterpret_cast<EventHandle>(
      new EventState{current, !(flags & EventDisableTiming), {}, {}, {}});
  return Success;
}
EXPORT Result cuEventDestroy_v2(EventHandle event) {
  delete of(event);
  return Success;
}
EXPORT Result cuEventRecord(EventHandle event, bitpipe::cuda::Stream stream) {
  Lock lock = locked();
  if (of(event)->device != of(stream)->device)
    return InvalidHandle;
  return of(stream)->record(*of(event));
}
EXPORT Result cuEventSynchronize(EventHandle event) {
  Lock lock = locked();
  if (of(event)->captured)
    return CaptureUnsupported;
  Engine &engine = Engine::get();
  auto completion = of(event)->completion;
  if (!completion)
    return Success;
  engine.changed.wait(lock, [&] { return completion->done; });
  Engine::get().failIfAsked("wait");
  merge(engine.host, completion->clock);
  return engine.failure;
}
EXPORT Result cuEventElapsedTime(float *milliseconds, EventHandle begin, EventHandle end) {
  Lock lock = locked();
  auto from = of(begin)->completion, to = of(end)->completion;
  if (!from || !to || !of(begin)->timed || !of(end)->timed)
    return InvalidHandle;
  if (!from->done || !to->done)
    return NotReady;
  for (const auto &completion : {from, to})
    if (!Engine::get().isKnown(*completion)) {
      Engine::get().fail(LaunchFailed, "an event is timed for which the host has not waited");
      return LaunchFailed;
    }
  *milliseconds = float((to->seconds - from->seconds) * 1e3);
  return Success;
}

/// What a module takes of its device.
constexpr size_t moduleBytes = 64 << 10;

EXPORT Result cuModuleLoadDataEx(bitpipe::cuda::Module *module, const void *image, unsigned,
                                 JitOption *, void **) {
  Lock lock = locked();
  if (current < 0)
    return InvalidContext;
  Result wrong;
  auto loaded = doubles::Module::load(image, architecture(), wrong);
  if (!loaded)
    return wrong;
  Engine::get().memory.take(current, moduleBytes);
  *module = reinterpret_cast<bitpipe::cuda::Module>(loaded.release());
  return Success;
}
EXPORT Result cuModuleUnload(bitpipe::cuda::Module module) {
  delete of(module);
  return Success;
}
EXPORT Result cuModuleGetFunction(bitpipe::cuda::Function *function,
                                  bitpipe::cuda::Module module, const char *name) {
  void *entry = of(module)->has(name) ? of(module)->symbol(name) : nullptr;
  auto *fibers =
      static_cast<const int32_t *>(of(module)->symbol(std::string(name) + "_needs_fibers"));
  if (!entry || !fibers)
    return NotFound;
  *function = reinterpret_cast<bitpipe::cuda::Function>(new doubles::Function{
      name, reinterpret_cast<void (*)(void *const *)>(entry), *fibers != 0});
  return Success;
}
EXPORT Result cuModuleGetGlobal_v2(Pointer *pointer, size_t *bytes,
                                   bitpipe::cuda::Module module, const char *name) {
  void *symbol = of(module)->has(name) ? of(module)->symbol(name) : nullptr;
  if (!symbol)
    return NotFound;
  *pointer = reinterpret_cast<Pointer>(symbol);
  *bytes = of(module)->bytesOf(name);
  Lock lock = locked();
  auto *begin = static_cast<const char *>(symbol); // of a library that the module uses, maybe
  Engine::get().memory.addGlobals(begin, begin + *bytes);
  return Success;
}
EXPORT Result cuFuncSetAttribute(bitpipe::cuda::Function function, FunctionAttribute attribute,
                                 int value) {
  constexpr int mostShared = 227 << 10;
  if (attribute != MaxDynamicSharedBytes || value > mostShared)
    return InvalidValue;
  of(function)->mostShared = std::max(of(function)->mostShared, value);
  return Success;
}
EXPORT Result cuLaunchKernel(bitpipe::cuda::Function function, unsigned gridX, unsigned gridY,
                             unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
                             unsigned shared, bitpipe::cuda::Stream stream, void **parameters,
                             void **extra) {
  Lock lock = locked();
  if (gridX == 0 || gridX > 0x7fffffff || gridY != 1 || gridZ != 1 || blockX == 0 ||
      blockX > 1024 || blockY != 1 || blockZ != 1 || int(shared) > of(function)->mostShared)
    return InvalidValue;
  if (parameters || !extra || extra[0] != launchBuffer || extra[2] != launchBufferBytes)
    return InvalidValue;
  size_t bytes = *static_cast<size_t *>(extra[3]);
  std::vector<uint64_t> values((bytes + 7) / 8);
  std::memcpy(values.data(), extra[1], bytes);
  Engine::get().failIfAsked("launch");
  return of(stream)->add(launchOf(*of(function), gridX, blockX, shared, std::move(values)));
}

EXPORT Result cuGraphInstantiateWithFlags(GraphExec *exec, Graph graph, unsigned long long) {
  ++(*of(graph))->handles;
  *exec = reinterpret_cast<GraphExec>(new std::shared_ptr<Captured>(*of(graph)));
  return Success;
}
EXPORT Result cuGraphLaunch(GraphExec graph, bitpipe::cuda::Stream stream) {
  Lock lock = locked();
  Engine::get().failIfAsked("graph");
  return of(stream)->launch(*of(graph));
}
EXPORT Result cuGraphDestroy(Graph graph) {
  --(*of(graph))->handles;
  delete of(graph);
  return Success;
}
EXPORT Result cuGraphExecDestroy(GraphExec graph) {
  --(*of(graph))->handles;
  delete of(graph);
  return Success;
}
