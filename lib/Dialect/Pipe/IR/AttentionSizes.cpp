//===- AttentionSizes.cpp - The sizes of an attention ----------------------===//

#include "lib/Dialect/Pipe/IR/AttentionSizes.h"

#include "mlir/IR/BuiltinTypes.h"

#include <algorithm>

using namespace mlir;
using namespace bitpipe::pipe;

AttentionSizes AttentionSizes::of(Value q, Value k, Value v) {
  ArrayRef<int64_t> query = cast<ShapedType>(q.getType()).getShape();
  ArrayRef<int64_t> keys = cast<ShapedType>(k.getType()).getShape();
  return {query[0], query[2], keys[2], query[1], keys[1], query[3],
          cast<ShapedType>(v.getType()).getShape()[3]};
}

int64_t bitpipe::pipe::countInBand(int64_t rows, int64_t columns,
                                   std::optional<int64_t> left,
                                   std::optional<int64_t> right) {
  // A band that is wider than the matrix is unlimited.
  int64_t widest = rows + columns;
  int64_t before = std::min(left.value_or(widest), widest);
  int64_t after = std::min(right.value_or(widest), widest);
  int64_t count = 0;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t middle = row + columns - rows;
    int64_t first = std::max<int64_t>(middle - before, 0);
    int64_t last = std::min(middle + after, columns - 1);
    count += std::max<int64_t>(last - first + 1, 0);
  }
  return count;
}
