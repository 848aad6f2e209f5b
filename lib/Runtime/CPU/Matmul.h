//===- Matmul.h - Matrix products by oneDNN -------------------------------===//
//
// A product becomes oneDNN matmul primitives on the buffers in place, one per member of
// the device's team that does a part of it. All are made before step 1, one per distinct
// shape; a run of one only sets addresses. Where the library has no fast product of bf16,
// operands are widened to f32 first, a matrix at a time.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CPU_MATMUL_H
#define BITPIPE_RUNTIME_CPU_MATMUL_H

#include "lib/Runtime/CPU/MatmulShares.h"
#include "lib/Runtime/CPU/MatmulStart.h"

#include <map>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>

namespace bitpipe {

/// The products of a plan, shared by all devices.
class MatmulLibrary {
public:
  /// For teams of `members` threads.
  explicit MatmulLibrary(uint32_t members);

  /// Prepares the product of a call unless there is one; returns its number.
  size_t add(const MatmulCall &call);

  struct Primitive {
    bool widens; // it is that of widened(shape)
    dnnl::matmul::primitive_desc description;
    dnnl::matmul primitive;
  };
  /// What a member does of a product.
  struct Part {
    MatmulShare share;
    size_t primitive; // its number
  };
  struct Product {
    MatmulShape shape;
    std::vector<Part> parts; // by member
  };
  const Product &operator[](size_t number) const { return products[number]; }
  size_t size() const { return products.size(); }
  const Primitive &primitiveOf(const Part &part) const {
    return primitives[part.primitive];
  }
  /// Whether some products of bf16 are not the library's.
  bool widens() const;
  const dnnl::engine &engine() const { return cpu; }

private:
  size_t addPrimitive(const MatmulShape &shape);
  Primitive make(const MatmulShape &shape) const;

  const uint32_t members;
  dnnl::engine cpu;
  std::map<MatmulShape, size_t> numbers, primitiveNumbers;
  std::vector<Product> products;
  std::vector<Primitive> primitives;
};

/// Makes the calling thread run oneDNN without helper threads.
void useOneThread();

/// Runs the parts of one member of a device's team, in its thread.
class MatmulRunner {
public:
  MatmulRunner(const MatmulLibrary &library, uint32_t member);

  /// The member's part of a product that it has a part of.
  void run(size_t number, void *a, void *b, void *c, void *bias,
           void *residual);

private:
  struct Prepared {
    dnnl_primitive_t primitive;
    bool swapped, widens;
    int64_t aBegin, bBegin, cBegin, biasBegin; // in bytes
    MatmulMatrices matrices;                   // of bf16, where it widens,
    bool addsToC, resultIsBrain;               // and whether c is read, and rounded
    dnnl::memory a, b, c, bias;
    std::vector<dnnl_exec_arg_t> arguments;
    MatmulStart start;
    /// Bytes to add to the operands, one entry per round of the loops.
    struct Offset {
      int64_t a, b, c;
    };
    std::vector<Offset> rounds;
  };
  Prepared prepare(const MatmulLibrary &library, const MatmulLibrary::Part &part);
  void fitWide();
  void multiply(const Prepared &call, char *a, char *b, char *c);
  void multiplyWidened(const Prepared &call, char *a, char *b, char *c);

  dnnl::engine engine;
  dnnl::stream stream;
  dnnl::memory scratchpad;
  std::vector<std::optional<Prepared>> prepared; // by product; empty: no part
  /// The matrices of a product that widens: of the largest that there are.
  std::vector<float> wideA, wideB, wideC;
  const char *heldA = nullptr, *heldB = nullptr; // what is in them, within a run
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CPU_MATMUL_H
