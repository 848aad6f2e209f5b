//===- AttentionSizes.h - The sizes of an attention ------------------------===//

#ifndef BITPIPE_DIALECT_PIPE_IR_ATTENTIONSIZES_H
#define BITPIPE_DIALECT_PIPE_IR_ATTENTIONSIZES_H

#include "mlir/IR/Value.h"

#include <cstdint>
#include <optional>

namespace bitpipe::pipe {

/// q is [batch, rows, heads, size], k [batch, columns, kvHeads, size] and v
/// [batch, columns, kvHeads, valueSize].
struct AttentionSizes {
  int64_t batch, heads, kvHeads, rows, columns, size, valueSize;

  /// As these three values of rank 4 have them.
  static AttentionSizes of(mlir::Value q, mlir::Value k, mlir::Value v);
};

/// How many elements (r, c) of a rows x columns matrix have
/// r' - left <= c <= r' + right, where r' = r + columns - rows.
int64_t countInBand(int64_t rows, int64_t columns, std::optional<int64_t> left,
                    std::optional<int64_t> right);

} // namespace bitpipe::pipe

#endif // BITPIPE_DIALECT_PIPE_IR_ATTENTIONSIZES_H
