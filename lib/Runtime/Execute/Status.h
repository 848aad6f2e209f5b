//===- Status.h - What a device is doing, for whoever asks -----------------===//
//
// Written by the device's thread with plain stores, read at any time by others.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_STATUS_H
#define BITPIPE_RUNTIME_EXECUTE_STATUS_H

#include <atomic>
#include <cstdint>

namespace bitpipe {

struct alignas(64) DeviceStatus {
  /// What an instruction waits for, if it waits: the number of one of its waits,
  /// or one of these. AwaitsGPU: the thread has put a step into the streams of a GPU, which
  /// has not ended it and tells no more of it.
  enum : int32_t { Works = -1, AwaitsAgreement = -2, AwaitsStep = -3, AwaitsGPU = -4 };

  /// Of `step`: it has begun none.
  static constexpr uint32_t noStep = uint32_t(-1);

  std::atomic<uint32_t> step = noStep;
  std::atomic<uint32_t> instruction = 0;
  std::atomic<int32_t> wait = AwaitsStep;

  void set(std::atomic<uint32_t> &field, uint32_t value) {
    field.store(value, std::memory_order_relaxed);
  }
  void awaits(int32_t what) { wait.store(what, std::memory_order_relaxed); }
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_STATUS_H
