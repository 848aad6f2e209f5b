//===- Products.h - Matrix products by cuBLASLt -------------------------------===//
//
// Every distinct product is prepared before step 1: layouts, epilogue, and an algorithm
// that adds parts of a sum up in one order. A call sets addresses. The library stores the
// bias gradient of a product rather than to add it to anything: it goes into scratch memory,
// and from there to where it is summed up. Where the library has no algorithm that
// makes it, or sums up something else than our own kernels on made-up numbers, these do.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_PRODUCTS_H
#define BITPIPE_RUNTIME_CUDA_PRODUCTS_H

#include "lib/Runtime/CPU/MatmulShape.h"
#include "lib/Runtime/CUDA/CUDAOptions.h"
#include "lib/Runtime/CUDA/OwnKernels.h"
#include "lib/Runtime/CUDA/ProductCall.h"
#include "lib/Runtime/GPUWorkspace.h"

#include <set>

namespace bitpipe {

/// Where the operands of a product lie; 0: it has none.
struct ProductPlaces {
  cuda::Pointer a, b, c, bias, residual, biasGradient;
};

/// What all products of a stream have: scratch memory, and `workspaceBytes` for the library.
struct ProductMemory {
  cuda::Pointer scratch, workspace;
};

class Products {
public:
  /// `stream` is where bias gradients are tried.
  Products(const GPU &gpu, const OwnKernels &kernels, const CUDAStream &stream,
           EpilogueChoice epilogues);
  ~Products();
  Products(const Products &) = delete;
  Products &operator=(const Products &) = delete;

  /// Prepares a product and gives its number. `where` begins what is said if the library
  /// cannot compute it.
  size_t add(const MatmulCall &call, const std::string &where);
  const MatmulShape &shape(size_t number) const { return entries[number].shape; }

  /// Whether the product has a bias gradient, and the library makes it.
  bool hasBiasGradient(size_t number) const {
    return entries[number].shape.summed != MatmulShape::Neither;
  }
  bool gradientByLibrary(size_t number) const { return entries[number].gradientByLibrary; }
  /// What the library has summed up wrongly.
  const std::set<std::string> &remarks() const { return said; }

  /// Bytes that a product needs besides its operands and the workspace.
  int64_t scratchBytes() const { return scratch; }

  void run(size_t number, const ProductPlaces &places, cuda::Stream stream,
           const ProductMemory &memory) const;
  /// The same by whoever makes the library's calls, in this order: `calls` is filled with
  /// them, and what comes before is put into the stream. `finish` puts what comes after them
  /// there: nothing, unless the product has a bias gradient.
  void begin(size_t number, const ProductPlaces &places, cuda::Stream stream,
             const ProductMemory &memory, std::vector<ProductCall> &calls) const;
  void finish(size_t number, const ProductPlaces &places, cuda::Stream stream,
              const ProductMemory &memory) const;

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
    gpu::ColumnSums columns; // where the bias gradient is our own kernels'
    bool residualByLibrary, biasByLibrary, gradientByLibrary;
    int64_t roundedBias; // elements: the library adds a bias of bf16 to results of bf16
    float alpha, beta;
    blas::MatmulDesc desc;
    blas::MatrixLayout a, b, c;
    blas::Heuristic algorithm;
  };

  void prepare(Entry &entry, const std::string &where);
  void divide(Entry &entry, bool epilogue, const std::string &where) const;
  bool canHaveEpilogue(const Entry &entry, blas::Operation first, blas::Operation second) const;
  void fillColumns(Entry &entry) const;
  static int64_t piecesOf(const gpu::ColumnSums &columns) {
    return (columns.rows + columns.rowsOfPiece - 1) / columns.rowsOfPiece;
  }
  static int64_t scratchOf(const Entry &entry);
  /// Runs the product on made-up numbers; what the library sums up otherwise than our own
  /// kernels, or empty.
  std::string faultOfTrial(const Entry &entry) const;
  void run(const Entry &entry, const ProductPlaces &places, cuda::Stream stream,
           const ProductMemory &memory) const;
  void finish(const Entry &entry, const ProductPlaces &places, cuda::Stream stream,
              const ProductMemory &memory) const;
  blas::Status choose(Entry &entry) const;
  ProductPlaces begin(const Entry &entry, const ProductPlaces &places, cuda::Stream stream,
                      cuda::Pointer scratch) const;
  cuda::Pointer biasFor(const Entry &entry, cuda::Pointer bias, cuda::Stream stream,
                        cuda::Pointer scratch) const;
  template <typename Call>
  void eachCall(const Entry &entry, size_t loop, const ProductPlaces &places,
                cuda::Pointer workspace, Call call) const;

  const GPU &gpu;
  const OwnKernels &kernels;
  const CUDAStream &stream;
  const EpilogueChoice epilogues;
  blas::Handle handle;
  std::vector<Entry> entries;
  std::set<std::string> said;
  int64_t scratch = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_PRODUCTS_H
