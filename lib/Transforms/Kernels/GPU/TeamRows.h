//===- TeamRows.h - Rows that threads of a GPU share -----------------------===//
//
// A row is a team's: up to 32 threads of one warp if it is short, else a block. Threads
// take vectors of 16 bytes in turn, so that neighbours touch neighbouring memory.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_TEAMROWS_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_TEAMROWS_H

#include "lib/Transforms/Kernels/GPU/Launch.h"
#include "lib/Transforms/Kernels/RowOperations.h"

namespace bitpipe::grid {

/// How threads share the items of a row, or of a sum.
struct Team {
  int64_t lanes;    // threads per row: a power of two up to 32, or whole warps
  int64_t perBlock; // rows per block
  int64_t block() const { return lanes * perBlock; }
};

/// The team for so many vectors.
Team teamFor(int64_t vectors);

/// How many elements of the narrowest of some types are 16 bytes; 1 where a vector
/// cannot be loaded as one.
int64_t vectorWidth(mlir::TypeRange elements);

/// Where vectors of `width` elements along stride 1 begin, in bytes: what divides all
/// `strides` and offsets (of elements), as far as anybody can know.
int64_t alignmentOf(mlir::Value buffer, llvm::ArrayRef<int64_t> strides, int64_t width);

class TeamRows : public RowEmitter {
public:
  /// For the rows of an operation that is being launched with the blocks of
  /// `launchOf`.
  TeamRows(LaunchWriter &writer, const RowAccess &access, Team team);

  void forDividedRows(mlir::Operation *op, llvm::ArrayRef<int64_t> shape,
                      RowBody body) override;
  /// The same for a body in which threads exchange nothing: a team without a row does nothing.
  void forOwnRows(llvm::ArrayRef<int64_t> shape, RowBody body);
  void onceForRow(llvm::function_ref<void()> body) override;
  void forColumns(mlir::Value end, llvm::function_ref<void(Lanes)> body) override;
  void forEachColumn(mlir::Value begin, mlir::Value end,
                     llvm::function_ref<void(mlir::Value)> body) override;
  Terms reduceColumns(mlir::Value end, llvm::ArrayRef<Kind> kinds,
                      llvm::function_ref<Terms(Lanes)> body) override;

  /// In one pass where a row is not in registers: the sum so far is for the largest so far.
  Terms sumExponentials(mlir::Value end, llvm::function_ref<mlir::Value(Lanes)> body) override;

  /// Whether each of `lanes` is the column `column`.
  mlir::Value isColumn(Lanes lanes, mlir::Value column);
  /// A choice between a row's elements and others, by one truth value or one of each.
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no);

protected:
  llvm::MaybeAlign alignmentOf(mlir::Value buffer) override;
  void emitStore(llvm::function_ref<void()> body) override;

private:
  mlir::Value numberOfRow();
  mlir::Value ownEnd(mlir::Value end);
  std::optional<int64_t> stepsInRegisters(mlir::Value end) const;
  mlir::Value firstColumn(int64_t step);
  Values walkVectors(mlir::Value end, Values carried, mlir::Value &rest,
                     llvm::function_ref<Values(Lanes, Values)> body);
  Values walkRest(mlir::Value begin, mlir::Value end, Values carried,
                  llvm::function_ref<Values(Lanes, Values)> body);

  LaunchWriter &writer;
  Team team;
  mlir::Value lane;
  mlir::Value active; // null: always
  bool rewrites;      // some of what it reads
  Values firsts;      // the first column of each step that is written out
};

/// The team of the rows of `access`.
Team teamOf(const RowAccess &access);
/// Likewise, with as many threads as there are vectors.
Team widestTeamOf(const RowAccess &access);

} // namespace bitpipe::grid

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_TEAMROWS_H
