//===- Handles.h - What the driver gives, and takes back at the end -----------===//

#ifndef BITPIPE_RUNTIME_CUDA_HANDLES_H
#define BITPIPE_RUNTIME_CUDA_HANDLES_H

#include "lib/Runtime/CUDA/Libraries.h"

#include <atomic>
#include <string>
#include <vector>

namespace bitpipe {

/// A GPU of this machine, whose primary context lives as long as this object.
class GPU {
public:
  /// `number` as the driver counts.
  explicit GPU(int number);
  ~GPU();
  GPU(const GPU &) = delete;
  GPU &operator=(const GPU &) = delete;

  int number() const { return ordinal; }
  /// "GPU 0 (its name)".
  std::string text() const;
  /// As sm_90 is 90.
  int architecture() const;
  int multiprocessors() const;
  /// Makes its context that of the calling thread.
  void use() const;
  /// Lets this GPU reach the memory of the other. Throws a UserError if it cannot.
  void reach(const GPU &other) const;
  size_t freeBytes() const;
  /// What is taken of its memory since this object was made, beside what it allocated:
  /// modules, communicators, graphs, and whatever others took meanwhile.
  int64_t takenBeside() const;

  static int count();

private:
  friend class DeviceMemory;

  int ordinal;
  size_t freeAtFirst = 0;
  mutable std::atomic<size_t> allocated = 0;
  cuda::Device device;
  cuda::Context context;
};

/// Memory of the GPU whose context is the calling thread's.
class DeviceMemory {
public:
  /// Throws a UserError that says for what there is no memory.
  DeviceMemory(const GPU &gpu, size_t bytes, const std::string &purpose);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory &) = delete;
  DeviceMemory &operator=(const DeviceMemory &) = delete;

  cuda::Pointer begin() const { return start; }
  size_t bytes() const { return size; }

private:
  const GPU &gpu;
  cuda::Pointer start = 0;
  size_t size;
};

/// Memory of the host that is copied from and to without waiting.
class PinnedMemory {
public:
  /// Throws a UserError that says for what there is no memory.
  PinnedMemory(size_t bytes, const std::string &purpose);
  ~PinnedMemory();
  PinnedMemory(const PinnedMemory &) = delete;
  PinnedMemory &operator=(const PinnedMemory &) = delete;

  char *data() const { return start; }

private:
  char *start = nullptr;
};

class CUDAStream {
public:
  enum Priority { Low, High };
  CUDAStream(const GPU &gpu, Priority priority);
  ~CUDAStream();
  CUDAStream(const CUDAStream &) = delete;
  CUDAStream &operator=(const CUDAStream &) = delete;

  operator cuda::Stream() const { return stream; }
  void await(cuda::EventHandle event) const;
  void synchronize() const;

private:
  const GPU &gpu;
  cuda::Stream stream = nullptr;
};

/// Recorded in streams of one GPU, waited for by those of any.
class CUDAEvent {
public:
  enum Use { Order, Time };
  explicit CUDAEvent(const GPU &gpu, Use use = Order);
  ~CUDAEvent();
  CUDAEvent(const CUDAEvent &) = delete;
  CUDAEvent &operator=(const CUDAEvent &) = delete;

  operator cuda::EventHandle() const { return event; }
  void record(cuda::Stream stream) const;
  void synchronize() const;

private:
  cuda::EventHandle event = nullptr;
};

/// Kernels that are loaded for the GPU whose context is the calling thread's.
class CUDAModule {
public:
  /// `image` is a fat binary, PTX or a shared object; `source` is where it comes from. Throws
  /// a UserError if the driver loads none of it on this GPU.
  CUDAModule(const GPU &gpu, const std::string &image, const std::string &source);
  ~CUDAModule();
  CUDAModule(const CUDAModule &) = delete;
  CUDAModule &operator=(const CUDAModule &) = delete;

  /// Throws a UserError if there is no such kernel, or it cannot have so much shared
  /// memory.
  cuda::Function find(const std::string &kernel, int64_t sharedBytes = 0) const;
  struct Variable {
    cuda::Pointer address;
    size_t bytes;
  };
  /// All 0 if there is none.
  Variable global(const std::string &name) const;

private:
  /// What the driver says goes to `said`.
  cuda::Result load(const std::string &image, std::string &said);

  const GPU &gpu;
  const std::string source;
  cuda::Module module = nullptr;
};

/// Launches a kernel with one-dimensional grid and block; `parameters` as one buffer.
void launch(cuda::Function kernel, int64_t grid, int64_t block, int64_t sharedBytes,
            cuda::Stream stream, const void *parameters, size_t bytes);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_HANDLES_H
