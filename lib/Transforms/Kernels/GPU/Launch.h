//===- Launch.h - A kernel as launches of blocks of threads ----------------===//
//
// A kernel of the plan is one launch, or a few in order. A launch is a function: what
// one thread does. Its arguments are those of the kernel, then memory that the launches
// of the kernel share, then memory that the threads of a block share.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_LAUNCH_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_LAUNCH_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

namespace bitpipe::grid {

using Values = llvm::SmallVector<mlir::Value>;

/// Threads that run in step and can exchange registers.
constexpr int64_t warp = 32;
/// The most threads that a block can have.
constexpr int64_t mostThreads = 1024;

struct Launch {
  mlir::func::FuncOp body;
  int64_t grid, block;  // blocks, and threads of each
  int64_t shared = 0;   // bytes per block
  bool exchanges = false; // whether threads wait for each other

  /// The name of the kernel that the body becomes.
  std::string entry() { return body.getName().drop_back(suffix.size()).str(); }
  static constexpr llvm::StringLiteral suffix = ".body";
};

struct Kernel {
  std::string name;
  llvm::SmallVector<Launch> launches;
  int64_t scratch = 0; // bytes
};

/// Writes the launches of one kernel, one after the other.
class LaunchWriter {
public:
  /// `sharedSpace` is the address space of what the threads of a block share.
  LaunchWriter(mlir::func::FuncOp kernel, int64_t sharedSpace);

  /// Begins a launch in which `op`, of the kernel, is done: the copy of it that is
  /// returned is on the launch's own arguments, and goes when the launch ends.
  mlir::Operation *begin(mlir::Operation *op, int64_t grid, int64_t block);
  template <typename Op> Op begin(Op op, int64_t grid, int64_t block) {
    return llvm::cast<Op>(begin(op.getOperation(), grid, block));
  }
  void end();
  Kernel take() { return std::move(kernel); }

  mlir::OpBuilder &builder() { return b; }
  mlir::Location location() const { return copy->getLoc(); }

  mlir::Value index(int64_t value);
  /// The number of this thread in its block, of the block, and of the thread in all.
  mlir::Value thread(), block(), globalThread();
  /// Uninitialised memory of all launches: those that ask for the same in the same order
  /// get the same.
  mlir::Value scratch(llvm::ArrayRef<int64_t> shape, mlir::Type element);
  /// Uninitialised memory of the block.
  mlir::Value shared(llvm::ArrayRef<int64_t> shape, mlir::Type element);

  void barrier();
  /// `body` where `condition` holds.
  void when(mlir::Value condition, llvm::function_ref<void()> body);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t factor);
  /// The quotient and the remainder by a constant.
  mlir::Value quotient(mlir::Value a, int64_t divisor);
  mlir::Value remainder(mlir::Value a, int64_t divisor);
  /// The steps of a nest of loops of `sizes` that its step number `number` is.
  Values takeApart(mlir::Value number, llvm::ArrayRef<int64_t> sizes);
  /// A loop from `begin` to `end`; `body` maps what is carried to its next values.
  Values forLoop(mlir::Value begin, mlir::Value end, int64_t step, Values carried,
                 llvm::function_ref<Values(mlir::Value, Values)> body);

  /// Combines what `lanes` neighbouring threads hold; each gets the result, which does
  /// not depend on anything but the values. All threads of the block come here.
  mlir::Value combineLanes(mlir::Value value, mlir::vector::CombiningKind kind,
                           mlir::Value neutral, int64_t lanes);

private:
  mlir::Value shuffled(mlir::Value word, int64_t mask);
  mlir::Value fromOther(mlir::Value value, int64_t mask);
  mlir::Value view(mlir::BlockArgument bytes, int64_t offset, mlir::MemRefType type);

  mlir::func::FuncOp source;
  int64_t sharedSpace;
  Kernel kernel;
  Launch launch;
  mlir::Operation *copy = nullptr;
  int64_t scratchUsed = 0;
  mlir::OpBuilder b;
};

/// The blocks that one thread for each of `items` takes.
inline int64_t blocksFor(int64_t items, int64_t block) {
  return std::max<int64_t>(1, llvm::divideCeil(items, block));
}

} // namespace bitpipe::grid

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_LAUNCH_H
