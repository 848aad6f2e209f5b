//===- Program.h - What a printed program is written with ---------------------===//
//
// bitpipe-opt --emit=cuda prints a plan as C++, which includes this header. The printed
// file holds the schedule: streams, events, launches, messages, sums. What is no schedule
// is here: memory, kernels, algorithms of cuBLASLt, communicators, and everything around
// a step (data, files, progress), which is bitpipe-run's.
//
// Errors are thrown as UserErrors, which end the program with one line.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PRINTED_PROGRAM_H
#define BITPIPE_RUNTIME_PRINTED_PROGRAM_H

#include "lib/Runtime/CUDA/ProductCall.h"
#include "lib/Runtime/Printed/VendorNames.h"

#include <initializer_list>
#include <memory>
#include <optional>
#include <source_location>
#include <span>

namespace bitpipe {
class CUDADevice;
class NCCLTransport;
struct Program;
} // namespace bitpipe

namespace bitpipe::printed {

using Location = std::source_location;

/// Throws what a function says that did not succeed, with the line of the printed file.
void check(CUresult result, Location where = Location::current());
void check(cublasStatus_t result, Location where = Location::current());
void check(ncclResult_t result, Location where = Location::current());

/// A place in the memory of the device, by its number in the plan.
struct Slot {
  int64_t number;
  CUdeviceptr address;

  operator CUdeviceptr() const { return address; }
  operator void *() const { return reinterpret_cast<void *>(address); }
  /// Where an element of f32 is.
  void *from(int64_t element) const { return reinterpret_cast<float *>(address) + element; }
};

/// Elements of f32 in a slot, from one to before another.
struct SlotRange {
  Slot slot;
  int64_t begin, end;
};

/// A communicator, and the stream of all that it does.
struct Channel {
  ncclComm_t communicator;
  CUstream stream;
};

/// What devices tell each other of a step, as doubles: this device's among those of all.
struct Numbers {
  const void *mine;
  void *all;
  size_t count;
};

/// Of c = alpha * a * b + bias + residual, or + c; 0: there is none. Sums of an operand over
/// what the product sums over are added to a bias gradient.
struct MatmulOperands {
  CUdeviceptr a, b, c, bias = 0, residual = 0, bias_gradient = 0;
};

/// Of pipe.attention and its gradient; 0: there is none.
struct AttentionOperands {
  CUdeviceptr q, k, v, o, lse, bias = 0, key = 0, d_output = 0, dq = 0, dk = 0, dv = 0,
                                 dbias = 0;
};

/// An update between micro-batches: the one that it comes after, the number of the
/// instruction in the plan, which says where its squares are added up, and of which elements.
struct BetweenUpdate {
  int64_t microbatch, instruction, countedBegin, countedEnd;
};

/// Elements from `begin` to before `end` are updated, which moments are of, and gradients of
/// so many cleared; the first ones are rounded to bf16 into `working`. Slots of a slice alone
/// begin with later elements than the first.
struct UpdateOperands {
  int64_t elements, begin, end;
  Slot weights, gradients;
  std::optional<Slot> moment1 = {}, moment2 = {}, working = {};
  int64_t workingElements = 0;
  int64_t weightsAt = 0;
  std::optional<int64_t> gradientsAt = {}; // given: there are none but those that are updated
  std::optional<BetweenUpdate> between = {};
};

/// Weights that other devices have updated, and where they are rounded to.
struct RoundOperands {
  int64_t elements;
  Slot weights, working;
};

/// One device of a running program.
class Runtime {
public:
  /// `nccl` is null where there is one device. All outlive this object.
  Runtime(const Program &program, int64_t number, CUDADevice &device, NCCLTransport *nccl);
  ~Runtime();

  // Before step 1.

  /// The stream in which everything is computed.
  CUstream compute() const;
  /// An event that orders streams.
  CUevent event();
  Slot slot(int64_t number) const;
  /// Memory for kernels that need some beside their arguments.
  CUdeviceptr scratch() const;
  /// An entry of the plan's kernels, which is launched with so many bytes of shared memory.
  CUfunction kernel(const char *entry, int64_t sharedBytes) const;
  /// Of the messages from one device to another: ranks 0 and 1.
  Channel pair(int64_t from, int64_t to) const;
  /// Of the devices that share gradients.
  Channel sum(std::initializer_list<int64_t> devices) const;
  /// Of all devices.
  Channel all() const;
  Numbers numbers() const;
  /// A place in the memory of the host, by its number in the plan, and the streams of copies
  /// there and back.
  void *hostSlot(int64_t number) const;
  CUstream toHost() const;
  CUstream fromHost() const;

  // In a step, all in a stream. Products and attentions are numbered over all routines.

  /// What cublasLtMatmul is to be called with for a product, with the layouts and the
  /// algorithm that were chosen before step 1: once, or for each matrix of a batch that has
  /// two strides. A bias that the library cannot add is written into c in the stream. Valid
  /// until the next product.
  std::span<const ProductCall> product(size_t number, CUstream stream,
                                       const MatmulOperands &operands);
  /// After the calls of a product with a bias gradient, before the next product: the library
  /// has stored the sums, or they are made now.
  void addBiasGradient(size_t number, CUstream stream) const;
  /// By what was chosen for it before step 1: cuDNN or the runtime's own kernels.
  void attention(size_t number, CUstream stream, const AttentionOperands &operands) const;

  // The same in the stream in which everything is computed, by the runtime's own kernels.

  /// Finds this device's numbers: squares of gradients, losses, bad indices. The number of
  /// the instruction matters beside updates between micro-batches.
  void contribute(std::initializer_list<SlotRange> gradients, int64_t instruction = 0);
  /// Decides from the numbers of all devices what updates do: the norm, its clipping, whether
  /// the step is skipped.
  void judge();
  /// The plan's optimizer as the step was judged; clears the gradients.
  void update(const UpdateOperands &operands);
  /// Copies a version of weights, of which the next update makes another.
  void keep(Slot weights, Slot version);
  /// Gradients that are there for a part of a step.
  void clear(Slot gradients);
  void round(const RoundOperands &operands);

private:
  struct Parts;
  const std::unique_ptr<Parts> parts;
};

/// kernel<<<grid, block, shared, stream>>>(pointers...)
template <typename... Pointers>
void launch(CUfunction kernel, unsigned grid, unsigned block, unsigned shared, CUstream stream,
            Pointers... pointers) {
  CUdeviceptr parameters[] = {CUdeviceptr(pointers)...};
  size_t bytes = sizeof(parameters);
  void *extra[] = {cuda::launchBuffer, parameters, cuda::launchBufferBytes, &bytes,
                   cuda::launchEnd};
  check(cuLaunchKernel(kernel, grid, 1, 1, block, 1, 1, shared, stream, nullptr, extra));
}

/// What a device does in a step.
class DeviceSteps {
public:
  virtual ~DeviceSteps() = default;
  /// Puts a step into the device's streams. It ends in the stream in which everything is
  /// computed, after all that it has started.
  virtual void step() = 0;
};

/// A printed program.
struct Table {
  const char *hash; // see Print.h
  std::unique_ptr<DeviceSteps> (*make)(int64_t device, Runtime &runtime);
};

} // namespace bitpipe::printed

#endif // BITPIPE_RUNTIME_PRINTED_PROGRAM_H
