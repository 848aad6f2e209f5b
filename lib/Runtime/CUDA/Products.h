//===- Products.h - Matrix products by cuBLASLt -------------------------------===//
//
// Every distinct product is prepared before step 1: layouts, epilogue, and an algorithm
// that adds parts of a sum up in one order. A call sets addresses.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_PRODUCTS_H
#define BITPIPE_RUNTIME_CUDA_PRODUCTS_H

#include "lib/Runtime/CPU/MatmulShape.h"
#include "lib/Runtime/CUDA/OwnKernels.h"
#include "lib/Runtime/CUDA/ProductCall.h"
#include "lib/Runtime/GPUWorkspace.h"

namespace bitpipe {

/// Where the operands of a product lie; 0: it has none.
struct ProductPlaces {
  cuda::Pointer a, b, c, bias, residual;
};

/// What all products of a stream have: scratch memory, and `workspaceBytes` for the library.
struct ProductMemory {
  cuda::Pointer scratch, workspace;
};

class Products {
public:
  Products(const GPU &gpu, const OwnKernels &kernels);
  ~Products();
  Products(const Products &) = delete;
  Products &operator=(const Products &) = delete;

  /// Prepares a product and gives its number. `where` begins what is said if the library
  /// cannot compute it.
  size_t add(const MatmulCall &call, const std::string &where);
  const MatmulShape &shape(size_t number) const { return entries[number].shape; }

  /// Bytes that a product needs besides its operands and the workspace.
  int64_t scratchBytes() const { return scratch; }

  void run(size_t number, const ProductPlaces &places, cuda::Stream stream,
           const ProductMemory &memory) const;
  /// The same by whoever makes the library's calls, in this order: `calls` is filled with
  /// them, and what comes before is put into the stream.
  void begin(size_t number, const ProductPlaces &places, cuda::Stream stream,
             const ProductMemory &memory, std::vector<ProductCall> &calls) const;

  /// Of one stream.
  static constexpr int64_t workspaceBytes = gpuWorkspaceBytes;

private:
  /// A batch dimension that the library does not go through; in bytes.
  struct Loop {
    int64_t size, a, b, c;
  };
  /// How c begins where the library cannot do it.
  struct Begin {
    bool active = false, withBias = false, withResidual = false;
    gpu::Start arguments{};
  };
  struct Entry {
    MatmulShape shape;
    int64_t alignments[5]; // of a, b, c, bias, residual
    std::vector<Loop> loops;
    Begin begin;
    bool residualByLibrary, biasByLibrary;
    int64_t roundedBias; // elements: the library adds a bias of bf16 to results of bf16
    float alpha, beta;
    blas::MatmulDesc desc;
    blas::MatrixLayout a, b, c;
    blas::Heuristic algorithm;
  };

  void prepare(Entry &entry, const std::string &where) const;
  void divide(Entry &entry, bool biasByLibrary, const std::string &where) const;
  blas::Status choose(Entry &entry) const;
  ProductPlaces begin(const Entry &entry, const ProductPlaces &places, cuda::Stream stream,
                      cuda::Pointer scratch) const;
  cuda::Pointer biasFor(const Entry &entry, cuda::Pointer bias, cuda::Stream stream,
                        cuda::Pointer scratch) const;
  template <typename Call>
  void eachCall(const Entry &entry, size_t loop, const ProductPlaces &places,
                cuda::Pointer workspace, Call call) const;

  const OwnKernels &kernels;
  blas::Handle handle;
  std::vector<Entry> entries;
  int64_t scratch = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_PRODUCTS_H
