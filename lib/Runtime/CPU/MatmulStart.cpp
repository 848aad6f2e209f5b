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
    : active(needed(shape)), keep(shape.accumulate),
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

void MatmulStart::write(float *c, const float *biasValues,
                        const float *residual) const {
  if (!active || (residual == c && !keep && bias == MatmulShape::None))
    return;
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
