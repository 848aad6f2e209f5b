//===- Matmul.h - Matrix products by oneDNN -------------------------------===//
//
// A product becomes a oneDNN matmul primitive on the buffers in place. All
// primitives are made before step 1, one per distinct shape; a run of one only
// sets addresses.
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
    dnnl::matmul::primitive_desc description;
    dnnl::matmul primitive;
  };
  const Entry &operator[](size_t number) const { return entries[number]; }
  size_t size() const { return entries.size(); }
  const dnnl::engine &engine() const { return cpu; }

private:
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
    bool swapped;
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

  dnnl::engine engine;
  dnnl::stream stream;
  dnnl::memory scratchpad;
  std::vector<Prepared> prepared;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_MATMUL_H
