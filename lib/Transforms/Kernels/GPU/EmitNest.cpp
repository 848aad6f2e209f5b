//===- EmitNest.cpp - How a linalg operation becomes threads ---------------===//

#include "lib/Transforms/Kernels/GPU/EmitNest.h"
#include "lib/Transforms/Kernels/GPU/EmitLaunches.h"
#include "lib/Transforms/Kernels/VectorBody.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::grid;

SmallVector<int64_t> grid::sizesOf(const LoopNest &nest, ArrayRef<unsigned> levels, Along along) {
  SmallVector<int64_t> sizes;
  for (unsigned level : levels) {
    int64_t size = nest.sizes[level];
    sizes.push_back(level == along.level ? int64_t(llvm::divideCeil(size, along.width)) : size);
  }
  return sizes;
}

void grid::placeAt(LaunchWriter &writer, const LoopNest &nest, ArrayRef<unsigned> levels,
                   Along along, Value number, Values &at) {
  Values steps = writer.takeApart(number, sizesOf(nest, levels, along));
  for (auto [level, step] : llvm::zip_equal(levels, steps))
    at[level] = level == along.level ? writer.mul(step, along.width) : step;
}

static NestLoops divideLoops(const LoopNest &nest) {
  NestLoops loops;
  for (unsigned level = 0; level < nest.sizes.size(); ++level)
    (hasOwnResults(nest, level) ? loops.points : loops.terms).push_back(level);
  return loops;
}

/// Whether all outputs are contiguous along a loop.
static bool writesContiguously(const LoopNest &nest, unsigned level) {
  return llvm::all_of(nest.accesses, [&](const Access &access) {
    return !access.output || access.strides[level] == 1;
  });
}

/// The loop that neighbouring threads walk: the one that writes contiguously, else the
/// nest's own innermost one.
static unsigned chooseInner(const LoopNest &nest) {
  for (unsigned level = nest.sizes.size(); level-- > 0;)
    if (writesContiguously(nest, level))
      return level;
  return nest.sizes.size() - 1;
}

/// Whether the tiles of all operands that are contiguous along `outer` alone fit into the
/// memory that every block has.
static bool haveRoom(const LoopNest &nest, unsigned inner, unsigned outer) {
  constexpr int64_t sharedBytes = 48 << 10;
  int64_t bytes = 0;
  for (const Access &access : nest.accesses)
    if (isTiled(access, inner, outer))
      bytes += tileBytes(access.element());
  return bytes <= sharedBytes;
}

/// The loop along which an input that is scattered along `inner` is contiguous, if both
/// are long enough for tiles.
static std::optional<unsigned> findTiled(const LoopNest &nest, unsigned inner) {
  constexpr int64_t shortest = 8;
  if (nest.sizes[inner] < shortest)
    return std::nullopt;
  for (const Access &access : nest.accesses) {
    for (unsigned level = 0; level < nest.sizes.size(); ++level)
      if (isTiled(access, inner, level) && nest.sizes[level] >= shortest && haveRoom(nest, inner, level))
        return level;
  }
  return std::nullopt;
}

/// Whether outputs stand still along all terms and are combined there.
static bool areSums(linalg::LinalgOp op, const LoopNest &nest, const NestLoops &loops) {
  for (auto [k, access] : llvm::enumerate(nest.accesses)) {
    if (!access.output)
      continue;
    for (unsigned level : loops.terms)
      if (access.strides[level] != 0)
        return false;
    if (!matchCombiner(op, k - op.getNumDpsInputs()))
      return false;
  }
  return true;
}

LogicalResult grid::emitLaunches(LaunchWriter &writer, linalg::LinalgOp op) {
  FailureOr<LoopNest> nest = buildLoopNest(op);
  if (failed(nest))
    return failure();
  if (llvm::is_contained(nest->sizes, 0)) {
    writer.begin(op, 1, warp); // nothing to do
    writer.end();
    return success();
  }
  NestLoops loops = divideLoops(*nest);
  if (!loops.terms.empty()) {
    areSums(op, *nest, loops) ? emitSums(writer, op, *nest, loops)
                              : emitInOrder(writer, op, *nest, loops);
    return success();
  }
  unsigned inner = chooseInner(*nest);
  if (std::optional<unsigned> outer = findTiled(*nest, inner))
    emitTiles(writer, op, *nest, inner, *outer);
  else
    emitElementwise(writer, op, *nest, inner);
  return success();
}
