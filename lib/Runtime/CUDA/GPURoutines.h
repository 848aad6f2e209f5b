//===- GPURoutines.h - Routines ready to run on a GPU --------------------------===//
//
// Before step 1 every kernel is looked up, every matrix product has an algorithm and every
// attention its shape; what is left are flat lists whose calls are put into a stream.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_GPUROUTINES_H
#define BITPIPE_RUNTIME_CUDA_GPUROUTINES_H

#include "lib/Runtime/CUDA/LibraryCounts.h"
#include "lib/Runtime/CUDA/Attentions.h"
#include "lib/Runtime/CUDA/Products.h"

#include <span>

namespace bitpipe {

class GPURoutines {
public:
  /// Prepares the routines that a device runs; attentions are tried in the stream.
  GPURoutines(const Program &program, const DeviceList &device, const GPU &gpu,
              const CUDAModule &kernels, const OwnKernels &own, const CUDAStream &stream,
              const LibraryChoices &choices);

  /// Bytes that calls need besides their blocks, one call at a time.
  int64_t scratchBytes() const {
    return std::max({scratch, products.scratchBytes(), attentions.scratchBytes()});
  }
  void setMemory(const ProductMemory &given) { memory = given; }

  /// Puts the calls of a routine into a stream, given where its blocks are.
  void run(int64_t routine, std::span<char *const> blocks, cuda::Stream stream);

  LibraryCounts libraryCounts() const;
  /// For printed programs, which number the same calls in their own way.
  Attentions &allAttentions() { return attentions; }
  Products &allProducts() { return products; }

  /// A call of a routine, for those who time it.
  struct CallInfo {
    std::string name;
    double bytes, flop; // that it moves at least, and computes; 0: not told
  };
  size_t calls(int64_t routine) const { return routines[routine].size(); }
  CallInfo info(int64_t routine, size_t call) const;
  void runCall(int64_t routine, size_t call, std::span<char *const> blocks,
               cuda::Stream stream);

  /// Whether a call of the routine is given this address.
  bool uses(int64_t routine, std::span<char *const> blocks, cuda::Pointer address) const;

private:
  struct Launch {
    cuda::Function function;
    int64_t grid, block, shared;
  };
  struct KernelEntry {
    std::vector<Launch> launches;
    std::vector<BlockPlace> places;
    bool scratch;
  };
  struct ProductEntry {
    size_t number;
    BlockPlace a, b, c, bias, residual, biasGradient; // block -1: none
  };
  struct AttentionEntry {
    size_t number;
    std::vector<BlockPlace> places;
  };
  using Entry = std::variant<KernelEntry, ProductEntry, AttentionEntry>;

  Entry prepare(const KernelCall &call, const CUDAModule &kernels);
  Entry prepare(const MatmulCall &call, const std::string &where);
  Entry prepare(const AttentionCall &call, const std::string &where);

  void run(const KernelEntry &entry, std::span<char *const> blocks, cuda::Stream stream);
  void run(const ProductEntry &entry, std::span<char *const> blocks, cuda::Stream stream);
  void run(const AttentionEntry &entry, std::span<char *const> blocks, cuda::Stream stream);

  static cuda::Pointer addressOf(const BlockPlace &place, std::span<char *const> blocks) {
    return place.block < 0
               ? 0
               : reinterpret_cast<cuda::Pointer>(blocks[place.block] + place.offset);
  }

  const Program &program;
  const DeviceList &device;
  Products products;
  Attentions attentions;
  std::vector<std::vector<Entry>> routines;
  std::vector<cuda::Pointer> arguments; // of the kernel that is launched
  std::vector<cuda::Pointer> operands;  // of the attention
  int64_t scratch = 0; // that kernels need
  ProductMemory memory{};
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_GPUROUTINES_H
