//===- Matmul.h - Matrix products by oneDNN -------------------------------===//
//
// A product becomes a oneDNN matmul primitive on the buffers in place. All
// primitives are made before step 1, one per distinct shape; a run of one only
// sets addresses. Where the library has no fast product of bf16, operands are widened
// to f32 first, a matrix at a time.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CPU_MATMUL_H
#define BITPIPE_RUNTIME_CPU_MATMUL_H

#include "lib/Runtime/CPU/MatmulStart.h"

#include <map>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>

namespace bitpipe {

/// The primitives of a plan, shared by all devices.
class MatmulLibrary {
public:
  MatmulLibrary();

  /// Makes the primitive of a call unless there is one; returns its number.
  size_t add(const MatmulCall &call);

  struct Entry {
    MatmulShape shape;
    bool widens; // the primitive is that of widened(shape)
    dnnl::matmul::primitive_desc description;
    dnnl::matmul primitive;
  };
  const Entry &operator[](size_t number) const { return entries[number]; }
  size_t size() const { return entries.size(); }
  /// Whether some products of bf16 are not the library's.
  bool widens() const;
  const dnnl::engine &engine() const { return cpu; }

private:
  Entry make(const MatmulShape &shape) const;

  dnnl::engine cpu;
  std::map<MatmulShape, size_t> numbers;
  std::vector<Entry> entries;
};

/// Makes the calling thread run oneDNN without helper threads.
void useOneThread();

/// Runs the products of one device, in one thread.
class MatmulRunner {
public:
  explicit MatmulRunner(const MatmulLibrary &library);

  void run(size_t number, void *a, void *b, void *c, void *bias,
           void *residual);

private:
  struct Prepared {
    dnnl_primitive_t primitive;
    bool swapped, widens;
    MatmulMatrices matrices;     // of bf16, where it widens,
    bool addsToC, resultIsBrain; // and whether c is read, and rounded
    dnnl::memory a, b, c, bias;
    std::vector<dnnl_exec_arg_t> arguments;
    MatmulStart start;
    /// Bytes to add to the operands, one entry per round of the loops.
    struct Offset {
      int64_t a, b, c;
    };
    std::vector<Offset> rounds;
  };
  Prepared prepare(const MatmulLibrary::Entry &entry);
  void multiply(const Prepared &call, char *a, char *b, char *c);
  void multiplyWidened(const Prepared &call, char *a, char *b, char *c);

  dnnl::engine engine;
  dnnl::stream stream;
  dnnl::memory scratchpad;
  std::vector<Prepared> prepared;
  /// The matrices of a product that widens: of the largest that there are.
  std::vector<float> wideA, wideB, wideC;
  const char *heldA = nullptr, *heldB = nullptr; // what is in them, within a run
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_MATMUL_H
