//===- Shared.h - What the host tells the runtime's own kernels --------------===//
//
// Plain structures that both sides compile. A kernel has one parameter, a struct of
// pointers into the memory of the GPU and of numbers that are the same in every step.
// What changes from step to step lies in StepSettings, what a step comes to in a Verdict.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_KERNELS_SHARED_H
#define BITPIPE_RUNTIME_CUDA_KERNELS_SHARED_H

#include "lib/Runtime/AttentionLayout.h"

namespace bitpipe::gpu {

/// Devices of one process, and members of a sum among them.
constexpr int64_t mostMembers = 16;
/// Elements of gradients whose squares one block sums.
constexpr int64_t squaresChunk = 1 << 15;
constexpr int64_t chunksOf(int64_t elements) {
  return (elements + squaresChunk - 1) / squaresChunk;
}
/// Threads of a block, for all kernels but those of attention.
constexpr int32_t blockThreads = 256;

struct StepSettings {
  double lr, weightDecay, beta1, beta2, eps, clip;
  int64_t maxBadSteps;
  int64_t parity; // of the step: which of two places for numbers it uses
  int64_t matrices;  // alone decay
  int64_t evaluates; // changes nothing
};

/// See Judgement. What updates multiply by follows from it and the settings; it is
/// computed in double and rounded once.
struct Verdict {
  double gradNorm, lossSum, count;
  int64_t badIndex, skips;
  int64_t updates, skippedInARow;
  float gradientScale;
  float decay, share1, share2, stepSize, rootCorrection, eps; // AdamW
  float rate, weightDecay;                                    // SGD
  int64_t matrices; // alone decay
};

/// Sums squares of a slot: a block for each chunk.
struct Squares {
  const float *gradients;
  double *partials; // of the chunks
  int64_t elements;
};

/// What a device contributes to the numbers of a step: squares, whether it has met a bad
/// index, and two for each of its losses.
struct Contribute {
  const double *partials;
  const char *arena;
  const int64_t *indexRecord; // null if no kernel follows indices
  const int64_t *losses;      // where they lie in the arena
  const StepSettings *settings;
  double *targets[mostMembers]; // the numbers that each device judges by
  int64_t partialCount, lossCount, targetCount;
  int64_t begin;   // of its numbers among those of all
  int64_t numbers; // of a device in a step
  int64_t counts;  // losses have a number that they are divided by
};

struct Judge {
  const double *numbers;
  /// Where the squares of every device are, then where the loss of every micro-batch is.
  const int64_t *places;
  const StepSettings *settings;
  Verdict *verdict; // of the step before, and of this one
  int64_t devices, microbatches, counts;
  int64_t numberCount; // of a device in a step
  int64_t updates;     // of parameters in a step
};

/// An update between micro-batches, before its step is judged.
struct JudgeBetween {
  const StepSettings *settings;
  const Verdict *before; // of the step before
  Verdict *verdict;
  int64_t number; // of the update in its step, from 1 on
};

/// Elements from one to before another.
struct Elements {
  int64_t begin, end;
};

/// Steps the elements [begin, end), which moments are of, and clears all gradients that are there.
struct Update {
  // Where element 0 is or would be, as of a slice; moments are null but for AdamW.
  float *weights, *gradients, *moment1, *moment2;
  uint16_t *working; // null if there are none
  const Verdict *verdict;
  int64_t begin, end, workingElements;
  int64_t clearBegin, clearEnd; // the elements that these are of
  const Elements *undecayed; // elements that are no matrix's, in order and apart
  int64_t undecayedCount;
};

/// Rounds weights that other devices have stepped.
struct Round {
  const float *weights;
  uint16_t *working;
  int64_t elements;
};

/// Of elements [begin, end).
struct Sum {
  float *members[mostMembers];
  int64_t count, begin, end;
  float *target; // what alone gets the sum, where element 0 is or would be; null: all members
};

/// What is written into the result of a matrix product before it is added to it.
struct Start {
  void *c;
  const float *bias;    // or null
  const void *residual; // or null
  int64_t elements;
  int64_t dimensions; // the last two are rows and columns
  int64_t sizes[8], strides[8];
  int64_t biasRows, biasColumns; // 1: the bias is indexed by it
  int64_t keeps, brain;          // adds to c; c and residual are bf16
};

/// Threads of a block of ColumnSums that share rows: a thread has 16 bytes of each.
constexpr int32_t sumLanes = 32;
/// Elements that a thread has of a row, at most.
constexpr int32_t sumWidth = 8;

/// Adds up the columns of a matrix in pieces of so many rows: a block for each piece and
/// for each `sumLanes` threads' columns.
struct ColumnSums {
  const void *matrix; // rows are contiguous
  float *partials;    // [piece, column]
  int64_t rows, columns, leading, rowsOfPiece;
  int64_t brain, wide; // elements are bf16; all rows can be read 16 bytes at once
};

/// Adds so many rows of partial sums to a vector.
struct AddPartials {
  const float *partials;
  float *target;
  int64_t elements, count;
};

/// pipe.attention has the formulas.
struct AttentionShape : attention::Layout {
  int64_t batch, heads, kvHeads, rows, columns, size, valueSize;
  float scale, softcap; // 0: none
  uint32_t dropout;     // whether any are dropped
  int32_t lanes;        // threads that share a row
  int32_t wide; // all rows begin at multiples of 16 bytes and are as long
};

template <typename Element> struct Attention : attention::Operands<Element> {
  float *delta; // of the gradient: sum of do * o by row, [batch, head, row]
  AttentionShape shape;
};

/// Dimensions of a thread of an attention, and the most threads of a row.
constexpr int32_t laneDims = 16, mostLanes = 16;

/// Of attention by the tensor cores: threads of a block, the rows or columns of a head that
/// it has, and rows of the tiles that it goes through.
constexpr int32_t tensorThreads = 128, tensorItems = 64, forwardStep = 64, gradientStep = 32;

/// Rows of bf16 in shared memory. Eight elements lie between two rows, so that a warp
/// reads eight rows without conflicts.
constexpr int32_t tilePadding = 8;
template <int32_t rowCount, int32_t width> struct alignas(16) Tile {
  attention::Brain rows[rowCount][width + tilePadding];
};
struct alignas(8) RowSums {
  float lse, delta;
};

/// What a block shares: two tiles of each kind, of which one is loaded while the other is
/// used.
template <int32_t width> struct ForwardTiles {
  Tile<forwardStep, width> k[2], v[2];
};
template <int32_t width> struct QueryTiles {
  Tile<gradientStep, width> k[2], v[2];
};
template <int32_t width> struct ColumnTiles {
  Tile<tensorItems, width> k, v;
  Tile<gradientStep, width> q[2], d[2];
  RowSums sums[2][gradientStep];
};

} // namespace bitpipe::gpu

#endif // BITPIPE_RUNTIME_CUDA_KERNELS_SHARED_H
