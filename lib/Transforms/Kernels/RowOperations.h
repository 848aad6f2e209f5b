//===- RowOperations.h - Compute operations row by row ---------------------===//
//
// Formulas of the operations whose rows have nothing to do with each other, or little;
// a RowEmitter says how rows and columns are walked.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_ROWOPERATIONS_H
#define BITPIPE_TRANSFORMS_KERNELS_ROWOPERATIONS_H

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Kernels/RowLoops.h"

namespace bitpipe {

/// What the rows of an operation are computed in, and the buffers that are walked along
/// them; the first one has the rows' length.
struct RowAccess {
  mlir::Type element;
  Values buffers;
};
RowAccess accessOf(Values buffers);

RowAccess rowAccess(pipe::SoftmaxOp op);
RowAccess rowAccess(pipe::SoftmaxGradOp op);
RowAccess rowAccess(pipe::LayerNormOp op);
RowAccess rowAccess(pipe::LayerNormGradInputOp op);
RowAccess rowAccess(pipe::DropoutOp op);
RowAccess rowAccess(pipe::GatherOp op);
RowAccess rowAccess(pipe::CrossEntropyOp op);
RowAccess rowAccess(pipe::CrossEntropyGradOp op);
RowAccess rowAccess(pipe::FusedRowsOp op);

void emitRows(RowEmitter &e, pipe::SoftmaxOp op);
void emitRows(RowEmitter &e, pipe::SoftmaxGradOp op);
void emitRows(RowEmitter &e, pipe::LayerNormOp op);
void emitRows(RowEmitter &e, pipe::LayerNormGradInputOp op);
void emitRows(RowEmitter &e, pipe::DropoutOp op);
void emitRows(RowEmitter &e, pipe::FusedRowsOp op);
/// The log-sum-exp of every row, and not their losses.
void emitRows(RowEmitter &e, pipe::CrossEntropyOp op);

/// An id as the row of the table that it names; negative ids count from the end.
struct TableRow {
  mlir::Value id, row, inside; // row is 0 where id is not inside the table
};
TableRow tableRow(RowEmitter &e, mlir::Value ids, mlir::ValueRange at, int64_t rows);
/// Copies what the id at `at` names.
void emitGathered(RowEmitter &e, pipe::GatherOp op, mlir::ValueRange at);
/// Puts the id at `at` on record if it has no row.
void checkId(RowEmitter &e, pipe::GatherOp op, mlir::ValueRange at);

/// Whether the label at `row` counts, and as an index. One that has no class does not;
/// the forward operation puts it on record.
struct Label {
  mlir::Value counts, position;
};
Label labelAt(RowEmitter &e, pipe::CrossEntropyOp op, mlir::ValueRange row);
Label labelAt(RowEmitter &e, pipe::CrossEntropyGradOp op, mlir::ValueRange row);
/// What a row with a label that counts adds to the loss, as f64.
mlir::Value rowLoss(RowEmitter &e, pipe::CrossEntropyOp op, mlir::ValueRange row,
                    mlir::Value position);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_ROWOPERATIONS_H
