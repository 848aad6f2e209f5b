//===- Blas.cpp - cuBLASLt without a GPU ---------------------------------------===//
//
// Checks what the library's documentation asks for and computes plainly: sums over k in
// double, results rounded once.
//
//===----------------------------------------------------------------------===//

#include "lib/Files/Floats.h"
#include "lib/Runtime/CUDA/BlasTypes.h"
#include "test/Doubles/Streams.h"

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string_view>
#include <vector>

using namespace doubles;
using namespace bitpipe::blas;

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

/// One of test/Doubles/README.md.
bool makesMistake(std::string_view name) {
  const char *mistake = std::getenv("BITPIPE_DOUBLES_CUBLASLT");
  return mistake && name == mistake;
}

struct Desc {
  ComputeType compute;
  DataType scale;
  int32_t transA = OpN, transB = OpN;
  uint32_t epilogue = EpilogueDefault;
  const void *bias = nullptr;
  int32_t biasType = -1; // that of D

  bool hasGradient() const { return epilogue == EpilogueBGradA || epilogue == EpilogueBGradB; }
  bool hasBias() const { return epilogue == EpilogueBias || hasGradient(); }
};
/// Columns are contiguous.
struct Layout {
  DataType type;
  uint64_t rows, columns;
  int64_t leading;
  int32_t batches = 1;
  int64_t batchOffset = 0;

  size_t bytesOfElement() const { return type == Float32 ? 4 : 2; }
};
struct Wish {
  uint64_t workspace = 0;
  uint32_t reduction = 7;
  uint32_t alignment[4] = {256, 256, 256, 256};
};

Desc *of(MatmulDesc desc) { return reinterpret_cast<Desc *>(desc); }
Layout *of(MatrixLayout layout) { return reinterpret_cast<Layout *>(layout); }
Wish *of(Preference preference) { return reinterpret_cast<Wish *>(preference); }

template <typename T> Status take(T &target, const void *from, size_t bytes) {
  if (bytes != sizeof(T))
    return InvalidValue;
  std::memcpy(&target, from, bytes);
  return Success;
}

/// The bytes of one matrix of an operand, when the product runs.
struct Operand {
  Layout layout;
  const void *data;

  std::optional<std::string> find(int64_t batch, bool writes, char *&there) const {
    auto bytes = int64_t(layout.bytesOfElement());
    auto *begin = static_cast<const char *>(data) + batch * layout.batchOffset * bytes;
    char *column = nullptr;
    for (int64_t j = int64_t(layout.columns); j-- > 0;) // the first one last
      if (auto wrong = translate(begin + j * layout.leading * bytes, layout.rows * bytes,
                                 writes, column))
        return wrong;
    there = column;
    return std::nullopt;
  }
  float get(const char *matrix, int64_t row, int64_t column) const {
    int64_t place = column * layout.leading + row;
    return layout.type == Float32
               ? reinterpret_cast<const float *>(matrix)[place]
               : bitpipe::fromBrain(reinterpret_cast<const uint16_t *>(matrix)[place]);
  }
  void set(char *matrix, int64_t row, int64_t column, float value) const {
    int64_t place = column * layout.leading + row;
    if (layout.type == Float32)
      reinterpret_cast<float *>(matrix)[place] = value;
    else
      reinterpret_cast<uint16_t *>(matrix)[place] = bitpipe::toBrain(value);
  }
};

struct Product {
  Desc desc;
  float alpha, beta;
  Operand a, b, c, d;

  std::optional<std::string> run() const {
    for (int32_t batch = 0; batch < d.layout.batches; ++batch)
      if (auto wrong = runMatrix(batch))
        return wrong;
    return std::nullopt;
  }

  std::optional<std::string> runMatrix(int64_t batch) const {
    char *aThere, *bThere, *cThere = nullptr, *dThere, *biasThere = nullptr;
    auto wrong = a.find(batch, false, aThere);
    if (!wrong)
      wrong = b.find(batch, false, bThere);
    if (!wrong && beta != 0)
      wrong = c.find(batch, false, cThere);
    if (!wrong && desc.hasBias())
      wrong = translate(desc.bias, biasElements() * (isBrainBias() ? 2 : 4), desc.hasGradient(),
                        biasThere);
    if (!wrong)
      wrong = d.find(batch, true, dThere);
    if (wrong)
      return wrong;
    auto m = int64_t(d.layout.rows), n = int64_t(d.layout.columns);
    auto k = int64_t(desc.transA == OpN ? a.layout.columns : a.layout.rows);
    std::vector<float> rows(m * k), columns(n * k);
    for (int64_t l = 0; l < k; ++l) {
      for (int64_t i = 0; i < m; ++i)
        rows[i * k + l] = desc.transA == OpN ? a.get(aThere, i, l) : a.get(aThere, l, i);
      for (int64_t j = 0; j < n; ++j)
        columns[j * k + l] = desc.transB == OpN ? b.get(bThere, l, j) : b.get(bThere, j, l);
    }
    if (desc.hasGradient())
      storeSums(biasThere, (desc.epilogue == EpilogueBGradA) != makesMistake("other operand") ? rows : columns, k);
    for (int64_t j = 0; j < n; ++j)
      for (int64_t i = 0; i < m; ++i) {
        double sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum += double(rows[i * k + l]) * double(columns[j * k + l]);
        double value = double(alpha) * sum;
        if (beta != 0)
          value += double(beta) * c.get(cThere, i, j);
        if (desc.epilogue == EpilogueBias)
          value += isBrainBias()
                       ? bitpipe::fromBrain(reinterpret_cast<uint16_t *>(biasThere)[i])
                       : reinterpret_cast<float *>(biasThere)[i];
        d.set(dThere, i, j, float(value));
      }
    return std::nullopt;
  }

  int64_t biasElements() const {
    return int64_t(desc.epilogue == EpilogueBGradB ? d.layout.columns : d.layout.rows);
  }
  bool isBrainBias() const {
    return (desc.biasType == -1 ? d.layout.type : desc.biasType) == Brain16;
  }

  /// Of lines of k elements, whatever was there before and whatever alpha is.
  void storeSums(char *there, const std::vector<float> &lines, int64_t k) const {
    for (int64_t i = 0; i < biasElements(); ++i) {
      double sum = makesMistake("adds") ? reinterpret_cast<float *>(there)[i] : 0;
      for (int64_t l = 0; l < k; ++l)
        sum += double(lines[(i * k + l) % int64_t(lines.size())]);
      if (makesMistake("bf16"))
        sum = bitpipe::fromBrain(bitpipe::toBrain(float(sum)));
      if (isBrainBias())
        reinterpret_cast<uint16_t *>(there)[i] = bitpipe::toBrain(float(sum));
      else
        reinterpret_cast<float *>(there)[i] = float(sum);
    }
  }
};

/// What the documentation asks of a combination.
const char *faultOf(const Desc &desc, const Layout &a, const Layout &b, const Layout &c,
                    const Layout &d) {
  auto rows = [](const Layout &x, int32_t op) { return op == OpN ? x.rows : x.columns; };
  auto columns = [](const Layout &x, int32_t op) { return op == OpN ? x.columns : x.rows; };
  if (desc.compute != Compute32F || desc.scale != Float32)
    return "compute type is not f32";
  if (a.type != b.type || c.type != d.type || (a.type == Float32 && d.type != Float32))
    return "types do not go together";
  if (rows(a, desc.transA) != d.rows || columns(b, desc.transB) != d.columns ||
      columns(a, desc.transA) != rows(b, desc.transB) || c.rows != d.rows ||
      c.columns != d.columns)
    return "sizes do not go together";
  for (const Layout *layout : {&a, &b, &c, &d}) {
    if (layout->leading < int64_t(layout->rows))
      return "the leading dimension is smaller than the rows";
    if (layout->batches != d.batches)
      return "operands have different numbers of batches";
  }
  if (desc.epilogue == EpilogueBias &&
      (desc.biasType == -1 ? d.type : desc.biasType) != (d.type == Brain16 ? Brain16 : Float32))
    return "the bias is not of a type that goes with D's";
  if (desc.epilogue != EpilogueDefault && !desc.hasBias())
    return "unknown epilogue";
  if (desc.hasGradient() && d.batches != 1)
    return "a batch has no bias gradient";
  return nullptr;
}

/// Whether the library has an algorithm for a combination that is none the less right. Of
/// types a GPU said so: bias gradients are of D's.
bool hasAlgorithm(const Desc &desc, const Layout &d) {
  if (!desc.hasGradient())
    return true;
  if (makesMistake("no gradient"))
    return false;
  return (desc.biasType == -1 ? d.type : desc.biasType) == d.type;
}

/// What the heuristic does not look at, but the product.
const char *faultOfRun(const Desc &desc) {
  if (desc.hasBias() && (!desc.bias || reinterpret_cast<uint64_t>(desc.bias) % 16 != 0))
    return "the bias is not aligned to 16 bytes";
  if (desc.epilogue == EpilogueBGradA && desc.transA != OpN)
    return "the bias gradient is of A, which is transposed";
  if (desc.epilogue == EpilogueBGradB && desc.transB != OpT)
    return "the bias gradient is of B, which is not transposed";
  return nullptr;
}

Status refuse(const char *why) {
  std::fprintf(stderr, "doubles: cuBLASLt: %s\n", why);
  return InvalidValue;
}

bool isAligned(const void *pointer, uint64_t bytes) {
  return reinterpret_cast<uint64_t>(pointer) % bytes == 0;
}

} // namespace

EXPORT size_t cublasLtGetVersion() {
  const char *given = std::getenv("BITPIPE_DOUBLES_CUBLASLT_VERSION");
  return given ? std::strtoull(given, nullptr, 10) : 130000;
}
EXPORT const char *cublasLtGetStatusName(Status status) {
  return status == NotInitialized ? "CUBLAS_STATUS_NOT_INITIALIZED" : "CUBLAS_STATUS";
}
EXPORT const char *cublasLtGetStatusString(Status) { return "an error of the doubles"; }
EXPORT Status cublasLtCreate(Handle *handle) {
  if (makesMistake("no start"))
    return NotInitialized;
  *handle = reinterpret_cast<Handle>(new int);
  return Success;
}
EXPORT Status cublasLtDestroy(Handle handle) {
  delete reinterpret_cast<int *>(handle);
  return Success;
}
EXPORT Status cublasLtMatmulDescCreate(MatmulDesc *desc, ComputeType compute, DataType scale) {
  *desc = reinterpret_cast<MatmulDesc>(new Desc{compute, scale});
  return Success;
}
EXPORT Status cublasLtMatmulDescDestroy(MatmulDesc desc) {
  delete of(desc);
  return Success;
}
EXPORT Status cublasLtMatmulDescSetAttribute(MatmulDesc desc, DescAttribute attribute,
                                             const void *value, size_t bytes) {
  switch (attribute) {
  case TransA:
    return take(of(desc)->transA, value, bytes);
  case TransB:
    return take(of(desc)->transB, value, bytes);
  case Epilogue:
    return take(of(desc)->epilogue, value, bytes);
  case BiasPointer:
    return take(of(desc)->bias, value, bytes);
  case BiasType:
    return take(of(desc)->biasType, value, bytes);
  }
  return InvalidValue;
}
EXPORT Status cublasLtMatrixLayoutCreate(MatrixLayout *layout, DataType type, uint64_t rows,
                                         uint64_t columns, int64_t leading) {
  *layout = reinterpret_cast<MatrixLayout>(new Layout{type, rows, columns, leading});
  return Success;
}
EXPORT Status cublasLtMatrixLayoutDestroy(MatrixLayout layout) {
  delete of(layout);
  return Success;
}
EXPORT Status cublasLtMatrixLayoutSetAttribute(MatrixLayout layout, LayoutAttribute attribute,
                                               const void *value, size_t bytes) {
  return attribute == BatchCount ? take(of(layout)->batches, value, bytes)
                                 : take(of(layout)->batchOffset, value, bytes);
}
EXPORT Status cublasLtMatmulPreferenceCreate(Preference *preference) {
  *preference = reinterpret_cast<Preference>(new Wish);
  return Success;
}
EXPORT Status cublasLtMatmulPreferenceDestroy(Preference preference) {
  delete of(preference);
  return Success;
}
EXPORT Status cublasLtMatmulPreferenceSetAttribute(Preference preference,
                                                   PreferenceAttribute attribute,
                                                   const void *value, size_t bytes) {
  if (attribute == MaxWorkspace)
    return take(of(preference)->workspace, value, bytes);
  if (attribute == ReductionMask)
    return take(of(preference)->reduction, value, bytes);
  if (attribute >= AlignmentA && attribute <= AlignmentD)
    return take(of(preference)->alignment[attribute - AlignmentA], value, bytes);
  return InvalidValue;
}

/// The algorithm says what it was chosen for.
EXPORT Status cublasLtMatmulAlgoGetHeuristic(Handle, MatmulDesc desc, MatrixLayout a,
                                             MatrixLayout b, MatrixLayout c, MatrixLayout d,
                                             Preference preference, int wanted,
                                             Heuristic *results, int *found) {
  *found = 0;
  if (const char *fault = faultOf(*of(desc), *of(a), *of(b), *of(c), *of(d)))
    return refuse(fault);
  if (of(preference)->reduction & ReductionInPlace)
    return refuse("sums of parts in place have no fixed order");
  if (wanted < 1)
    return InvalidValue;
  if (!hasAlgorithm(*of(desc), *of(d)))
    return NotSupported;
  Heuristic &result = *results;
  result = {};
  for (int i = 0; i < 4; ++i)
    result.algorithm.data[i] = of(preference)->alignment[i];
  result.algorithm.data[4] = of(d)->rows;
  result.algorithm.data[5] = of(d)->columns;
  result.algorithm.data[6] = of(desc)->epilogue;
  result.workspaceBytes = result.algorithm.data[7] = std::min<uint64_t>(
      of(preference)->workspace, 1 << 20);
  *found = 1;
  return Success;
}

EXPORT Status cublasLtMatmul(Handle, MatmulDesc desc, const void *alpha, const void *a,
                             MatrixLayout aLayout, const void *b, MatrixLayout bLayout,
                             const void *beta, const void *c, MatrixLayout cLayout, void *d,
                             MatrixLayout dLayout, const Algorithm *algorithm, void *workspace,
                             size_t workspaceBytes, bitpipe::cuda::Stream stream) {
  Product product{*of(desc), 0, 0, {*of(aLayout), a}, {*of(bLayout), b}, {*of(cLayout), c},
                  {*of(dLayout), d}};
  std::memcpy(&product.alpha, alpha, sizeof(float));
  std::memcpy(&product.beta, beta, sizeof(float));
  if (const char *fault =
          faultOf(product.desc, *of(aLayout), *of(bLayout), *of(cLayout), *of(dLayout)))
    return refuse(fault);
  if (!algorithm)
    return refuse("no algorithm is given");
  const uint64_t *chosen = algorithm->data;
  const void *pointers[] = {a, b, c, d};
  for (int i = 0; i < 4; ++i)
    if (!isAligned(pointers[i], chosen[i]))
      return refuse("an operand is aligned less than what the algorithm was chosen for");
  if (chosen[4] != of(dLayout)->rows || chosen[5] != of(dLayout)->columns ||
      chosen[6] != of(desc)->epilogue)
    return refuse("the algorithm was chosen for another product");
  if (workspaceBytes < chosen[7] || !isAligned(workspace, 256))
    return refuse("the workspace is too small or not aligned to 256 bytes");
  if (const char *fault = faultOfRun(product.desc))
    return refuse(fault);
  std::ostringstream name;
  name << "product of " << of(dLayout)->rows << "x" << of(dLayout)->columns;
  auto result = enqueue(stream, {name.str(), nullptr, [product, workspace, chosen = chosen[7]]()
                                     -> std::optional<std::string> {
                                   char *there;
                                   if (chosen)
                                     if (auto wrong = translate(workspace, chosen, true, there))
                                       return wrong;
                                   return product.run();
                                 }});
  return result == bitpipe::cuda::Success ? Success : NotSupported;
}
