//===- Grid.h - Runs emulated kernels as a GPU would -----------------------===//
//
// A kernel that was compiled for the architecture "emulated" is the code of one thread,
// which calls the functions below for what hardware does. Here a grid of such threads
// is run on one thread of the host, and every access is checked.
//
// Standard library only. The program that loads kernels must export these functions
// (a library of its own, loaded before, or -rdynamic).
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_DOUBLES_GRID_H
#define BITPIPE_TEST_DOUBLES_GRID_H

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "lib/Runtime/CUDA/Kernels/EmulatedThread.h" // behind cstdint

namespace bitpipe::doubles {

/// In which order blocks, warps and threads of a warp have their turn: what a kernel
/// computes must not depend on it.
enum class Order { Forward, Backward };

/// A launch: `grid` blocks of `block` threads that each call `entry`, with `shared`
/// bytes of memory per block. Threads wait for each other only if `needsFibers`.
struct Launch {
  const char *name;
  void (*entry)(void *const *arguments);
  void *const *arguments;
  int64_t grid, block, shared;
  bool needsFibers = true;
  Order order = Order::Forward;
};

/// Whether global memory may be accessed there.
using AccessCheck = std::function<bool(const void *address, int64_t bytes, bool writes)>;

/// Runs all blocks, one after the other. Threads of a block are fibers that change at barriers
/// and shuffles. Shared memory begins with what no float is. An access outside of what
/// `allowed` allows and of the block's shared memory, one that nothing puts in order with
/// another's (Races.h), a barrier that not all threads of the block come to, a shuffle that
/// not all threads of a warp come to, or that they come to with other masks, ends the run
/// with an error that names the kernel, the block, the thread and the address.
std::optional<std::string> runGrid(const Launch &launch, const AccessCheck &allowed);

} // namespace bitpipe::doubles

#endif // BITPIPE_TEST_DOUBLES_GRID_H
