//===- GPUHostCopies.cpp - Between a GPU and what its host keeps -----------------===//

#include "lib/Runtime/CUDA/GPUHostCopies.h"

using namespace bitpipe;
using cuda::check;
using cuda::driver;

GPUHostCopies::GPUHostCopies(const Links &links, CUDADevice &device, int64_t number)
    : links(links), device(device) {
  const std::vector<int64_t> &starts = links.devices[number].starts;
  for (size_t i = 0; i < starts.size(); ++i)
    if (device.sendsToItself(i))
      copies.try_emplace(starts[i], device.gpu(), i);
}

void GPUHostCopies::start(int64_t message) {
  Copy &copy = copies.at(message);
  if (copy.started.advance() % 2 == 0)
    return; // the other end comes second
  const MessageLink &link = links.messages[message];
  const HostLink &host = device.host();
  const CUDAStream &stream = link.leaves() ? host.toHost() : host.fromHost();
  copy.ready.record(device.stream());
  stream.await(copy.ready);
  device.stepTimer().begin(copy.instruction, stream);
  enqueue(link, stream);
  device.stepTimer().endBeside(copy.instruction, stream);
  copy.complete.record(stream);
  copy.enqueued.advance();
}

void GPUHostCopies::enqueue(const MessageLink &link, const CUDAStream &stream) const {
  char *from = device.memory().address(link.fromSlot), *to = device.memory().address(link.toSlot);
  auto bytes = size_t(link.bytes);
  if (link.leaves())
    check(driver().copyToHost(to, reinterpret_cast<cuda::Pointer>(from), bytes, stream),
          "copy to the host");
  else
    check(driver().copyToDevice(reinterpret_cast<cuda::Pointer>(to), from, bytes, stream),
          "copy from the host");
}

Event GPUHostCopies::completion(int64_t message, bool previousStep, uint32_t step) const {
  const Copy &copy = copies.at(message);
  if (previousStep)
    return {&copy.enqueued, 0, nullptr};
  return {&copy.enqueued, step + 1, cuda::EventHandle(copy.complete)};
}
