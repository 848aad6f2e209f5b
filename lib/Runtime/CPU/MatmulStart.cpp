//===- MatmulStart.cpp - What c holds before a product is added to it -----===//

#include "lib/Runtime/CPU/MatmulStart.h"

#include <algorithm>

using namespace bitpipe;

static void repeat(std::vector<int64_t> &rows, int64_t size, int64_t stride) {
  std::vector<int64_t> all;
  all.reserve(rows.size() * size);
  for (int64_t row : rows)
    for (int64_t i = 0; i < size; ++i)
      all.push_back(row + i * stride);
  rows = std::move(all);
}

MatmulStart::MatmulStart(const MatmulShape &shape)
    : active(needed(shape)), keep(shape.accumulate), result(shape.result),
      bias(biasByLibrary(shape) ? MatmulShape::None : shape.bias), rows{0} {
  size_t batch = shape.sizes.size() - 3;
  rowsPerMatrix = shape.sizes[batch];
  columns = shape.sizes[batch + 1];
  if (!active)
    return;
  for (const MatmulShape::Loop &loop : shape.loops)
    repeat(rows, loop.size, loop.c);
  for (size_t i = 0; i <= batch; ++i)
    repeat(rows, shape.sizes[i], shape.c[i]);
}

void MatmulStart::write(void *c, const float *biasValues,
                        const void *residual) const {
  if (!active || (residual == c && !keep && bias == MatmulShape::None))
    return;
  if (result == StoredFloat::BF16)
    writeBrain(static_cast<uint16_t *>(c), biasValues,
               static_cast<const uint16_t *>(residual));
  else
    writeFloats(static_cast<float *>(c), biasValues,
                static_cast<const float *>(residual));
}

/// All that is added is rounded once.
void MatmulStart::writeBrain(uint16_t *c, const float *biasValues,
                             const uint16_t *residual) const {
  for (size_t i = 0; i < rows.size(); ++i) {
    uint16_t *row = c + rows[i];
    for (int64_t j = 0; j < columns; ++j) {
      float sum = keep ? fromBrain(row[j]) : 0;
      if (residual)
        sum += fromBrain(residual[rows[i] + j]);
      if (bias == MatmulShape::Columns)
        sum += biasValues[j];
      if (bias == MatmulShape::Rows)
        sum += biasValues[int64_t(i) % rowsPerMatrix];
      row[j] = toBrain(sum);
    }
  }
}

void MatmulStart::writeFloats(float *c, const float *biasValues,
                              const float *residual) const {
  for (size_t i = 0; i < rows.size(); ++i) {
    float *row = c + rows[i];
    const float *added = residual ? residual + rows[i] : nullptr;
    if (added && !keep)
      std::copy_n(added, columns, row);
    else if (added)
      for (int64_t j = 0; j < columns; ++j)
        row[j] += added[j];
    else if (!keep)
      std::fill_n(row, columns, 0.0f);
    if (bias == MatmulShape::Columns)
      for (int64_t j = 0; j < columns; ++j)
        row[j] += biasValues[j];
    if (bias == MatmulShape::Rows)
      for (int64_t j = 0; j < columns; ++j)
        row[j] += biasValues[int64_t(i) % rowsPerMatrix];
  }
}
