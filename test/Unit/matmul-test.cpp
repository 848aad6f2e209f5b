//===- matmul-test.cpp - Products by oneDNN against plain loops -----------===//

#include "lib/Runtime/CPU/Matmul.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

using namespace bitpipe;

namespace {

std::mt19937 random_(1);

int64_t pick(int64_t low, int64_t high) {
  return low + int64_t(random_() % uint64_t(high - low + 1));
}

/// Strides of a tensor laid out in a random order of its dimensions, with some
/// room between rows; `broadcast` gives batch dimensions stride 0.
std::vector<int64_t> makeStrides(const std::vector<int64_t> &sizes,
                                 bool broadcast) {
  std::vector<size_t> order(sizes.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::shuffle(order.begin(), order.end(), random_);
  // The library reads one of the two matrix dimensions contiguously.
  for (size_t i = 0; i + 1 < order.size(); ++i)
    if (order[i] + 2 >= sizes.size()) {
      std::swap(order[i], order.back());
      break;
    }
  std::vector<int64_t> strides(sizes.size());
  int64_t stride = 1;
  for (size_t i = order.size(); i-- > 0;) {
    size_t dimension = order[i];
    if (broadcast && dimension + 2 < sizes.size())
      continue;
    strides[dimension] = stride;
    stride *= sizes[dimension];
    if (i + 1 == order.size())
      stride += pick(0, 1) * 3;
  }
  return strides;
}

std::vector<float> makeValues() {
  std::vector<float> values(1 << 18);
  for (float &value : values)
    value = float(pick(-8, 8)) / 4;
  return values;
}

struct Buffers {
  std::vector<float> a = makeValues(), b = makeValues(), c = makeValues(),
                     bias = makeValues(), residual = makeValues();
};

/// What a library is given: values as they lie in memory. The test's numbers are
/// exact in bf16.
class InMemory {
public:
  InMemory(const std::vector<float> &values, StoredFloat type)
      : type(type), bytes(values.size() * sizeOf(type)) {
    writeFloats(type, reinterpret_cast<const char *>(values.data()), bytes.data(),
                values.size());
  }
  void *data() { return bytes.data(); }
  std::vector<float> read() const {
    std::vector<float> values(bytes.size() / sizeOf(type));
    readFloats(type, bytes.data(), reinterpret_cast<char *>(values.data()), values.size());
    return values;
  }

private:
  StoredFloat type;
  std::vector<char> bytes;
};

MatmulCall makeCall() {
  int64_t batches = pick(0, 2);
  std::vector<int64_t> batch;
  for (int64_t i = 0; i < batches; ++i)
    batch.push_back(pick(1, 4));
  int64_t m = pick(1, 20), n = pick(1, 20), k = pick(1, 20);
  auto with = [&](int64_t rows, int64_t columns) {
    auto sizes = batch;
    sizes.insert(sizes.end(), {rows, columns});
    return sizes;
  };
  MatmulCall call{};
  call.sizes = with(m, n);
  call.sizes.push_back(k);
  int64_t broadcast = pick(0, 4); // of a, of b, or of none
  call.aStrides = makeStrides(with(m, k), broadcast == 0);
  call.bStrides = makeStrides(with(k, n), broadcast == 1);
  call.cStrides = makeStrides(with(m, n), false);
  call.alpha = pick(0, 2) ? 1 : 0.5;
  call.accumulate = pick(0, 1);
  if (pick(0, 1))
    call.bias = BlockPlace{};
  if (pick(0, 1))
    call.residual = BlockPlace{};
  if (pick(0, 1)) {
    call.operands = StoredFloat::BF16;
    call.result = pick(0, 1) ? StoredFloat::BF16 : StoredFloat::F32;
  }
  return call;
}

/// c as plain loops compute it.
void compute(const MatmulCall &call, const Buffers &in, std::vector<float> &c) {
  size_t rank = call.sizes.size(), batches = rank - 3;
  int64_t m = call.sizes[batches], n = call.sizes[batches + 1],
          k = call.sizes[batches + 2], count = 1;
  for (size_t i = 0; i < batches; ++i)
    count *= call.sizes[i];
  for (int64_t index = 0; index < count; ++index) {
    int64_t a = 0, b = 0, out = 0, rest = index;
    for (size_t i = batches; i-- > 0; rest /= call.sizes[i]) {
      int64_t at = rest % call.sizes[i];
      a += at * call.aStrides[i];
      b += at * call.bStrides[i];
      out += at * call.cStrides[i];
    }
    auto stride = [&](const std::vector<int64_t> &strides, int64_t row,
                      int64_t column) {
      return row * strides[batches] + column * strides[batches + 1];
    };
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum += double(in.a[a + stride(call.aStrides, i, l)]) *
                 in.b[b + stride(call.bStrides, l, j)];
        int64_t place = out + stride(call.cStrides, i, j);
        sum = sum * call.alpha + (call.accumulate ? in.c[place] : 0) +
              (call.bias ? in.bias[j] : 0) +
              (call.residual ? in.residual[place] : 0);
        c[place] = float(sum);
      }
  }
}

/// Sizes that the shape rules must turn into the stated ones.
bool checkShape(MatmulCall call, std::vector<int64_t> expected, bool swapped) {
  MatmulShape shape = shapeOf(call);
  if (shape.sizes == expected && shape.swapped == swapped)
    return true;
  std::printf("shape %s, swapped %d\n", text(shape).c_str(), shape.swapped);
  return false;
}

bool checkShapes() {
  MatmulCall call{};
  call.alpha = 1;
  call.sizes = {2, 3, 4, 5}; // one b for all: more rows
  call.aStrides = {15, 5, 1}, call.bStrides = {0, 4, 1};
  call.cStrides = {12, 4, 1};
  bool good = checkShape(call, {6, 4, 5}, false);
  call.sizes = {2, 2, 3, 4, 5}; // two even batch dimensions: one
  call.aStrides = {30, 15, 5, 1}, call.bStrides = {40, 20, 4, 1};
  call.cStrides = {24, 12, 4, 1};
  good &= checkShape(call, {4, 3, 4, 5}, false);
  call.sizes = {3, 4, 5}; // columns of c contiguous: transposed
  call.aStrides = {5, 1}, call.bStrides = {4, 1}, call.cStrides = {1, 3};
  good &= checkShape(call, {4, 3, 5}, true);
  return good;
}

/// Every member's part, one after the other.
void run(const MatmulLibrary &library, size_t number, void *a, void *b, void *c, void *bias,
         void *residual) {
  for (uint32_t member = 0; member < library[number].parts.size(); ++member)
    MatmulRunner(library, member).run(number, a, b, c, bias, residual);
}

/// Products that are large enough to be cut: along rows, columns, a batch and a loop.
MatmulCall makeLargeCall(int round) {
  MatmulCall call{};
  call.alpha = round % 3 ? 1 : 0.5;
  call.accumulate = round % 2;
  if (round / 2 % 2)
    call.bias = BlockPlace{};
  if (round / 4 % 2)
    call.residual = BlockPlace{};
  int64_t m = 40 + 50 * (round % 3), n = 190 - 60 * (round % 3), k = 70;
  bool transposed = round / 3 % 2;
  call.sizes = {m, n, k};
  call.aStrides = {k, 1}, call.bStrides = {n, 1};
  call.cStrides = transposed ? std::vector<int64_t>{1, m} : std::vector<int64_t>{n, 1};
  if (round % 5 < 3)
    return call;
  // A batch of the same b is one product with more rows, one of the same a is none.
  bool sameA = round % 5 == 4;
  call.sizes.insert(call.sizes.begin(), 5);
  call.aStrides.insert(call.aStrides.begin(), sameA ? 0 : m * k);
  call.bStrides.insert(call.bStrides.begin(), k * n);
  call.cStrides.insert(call.cStrides.begin(), m * n);
  return call;
}

/// Parts make the whole, whatever their number, and each has something to do.
bool checkShares() {
  for (int round = 0; round < 30; ++round)
    for (uint32_t members : {2, 5}) {
      MatmulCall call = makeLargeCall(round);
      Buffers buffers;
      std::vector<float> expected = buffers.c;
      compute(call, buffers, expected);
      MatmulLibrary library(members);
      size_t number = library.add(call);
      run(library, number, buffers.a.data(), buffers.b.data(), buffers.c.data(),
          call.bias ? buffers.bias.data() : nullptr,
          call.residual ? buffers.residual.data() : nullptr);
      bool good = library[number].parts.size() > 1;
      for (size_t i = 0; i < expected.size() && good; ++i)
        good = std::abs(buffers.c[i] - expected[i]) < 1e-2;
      if (good)
        continue;
      std::printf("large product %d (%s) in %zu parts for %u members is wrong\n", round,
                  text(shapeOf(call)).c_str(), library[number].parts.size(), members);
      return false;
    }
  return true;
}

} // namespace

int main() {
  useOneThread();
  bool good = checkShapes();
  for (int round = 0; round < 400 && good; ++round) {
    MatmulCall call = makeCall();
    Buffers buffers;
    std::vector<float> expected = buffers.c;
    compute(call, buffers, expected);
    MatmulLibrary library(1);
    size_t number = library.add(call);
    InMemory a(buffers.a, call.operands), b(buffers.b, call.operands),
        c(buffers.c, call.result), residual(buffers.residual, call.result);
    run(library, number, a.data(), b.data(), c.data(),
        call.bias ? buffers.bias.data() : nullptr,
        call.residual ? residual.data() : nullptr);
    std::vector<float> got = c.read();
    // A result of bf16 is rounded once; what it begins with is exact.
    double relative = call.result == StoredFloat::BF16 ? 0x1p-8 : 0;
    for (size_t i = 0; i < expected.size() && good; ++i)
      good = std::abs(got[i] - expected[i]) < 1e-3 + relative * std::abs(expected[i]);
    if (!good)
      std::printf("round %d: %s is wrong (%s)\n", round,
                  text(shapeOf(call)).c_str(),
                  library.primitiveOf(library[number].parts[0]).description.impl_info_str());
  }
  return good && checkShares() ? 0 : 1;
}
