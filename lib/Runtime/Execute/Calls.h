//===- Calls.h - Routines ready to run ------------------------------------===//
//
// Before step 1 every name in a routine is looked up, every matrix product becomes a
// primitive and every attention a task; what is left is flat lists of functions and
// places.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_CALLS_H
#define BITPIPE_RUNTIME_EXECUTE_CALLS_H

#include "lib/Runtime/CPU/Attention.h"
#include "lib/Runtime/CPU/LoadedKernels.h"
#include "lib/Runtime/CPU/Matmul.h"
#include "lib/Runtime/Launch/Share.h"
#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

struct PreparedCall {
  enum Kind : uint32_t { Kernel, Matmul, Attention } kind;
  uint32_t number;            // of the product or attention
  abi::KernelFunction kernel; // null for the other kinds
  int64_t units;              // of a kernel, or items of an attention
  bool finishes;              // a kernel that has something left to do after all units
  uint32_t members;           // of the team that share the work
  uint32_t firstPlace, places;
  uint32_t category; // see Calls::categories
  uint32_t label;    // see Calls::labels
};

struct PreparedRoutine {
  std::vector<PreparedCall> calls;
  std::vector<BlockPlace> places; // block -1: none
};

/// The routines that devices of this process run, shared by them.
class Calls {
public:
  /// Kinds of work that are not kernels have fixed numbers.
  enum Category : uint32_t {
    Runs,  // enclose other work, take no time themselves
    Steps, // enclose runs; labelled with their number instead of a label
    Waiting, Messages, Norm, Optimizer, MatrixProducts, Emulated,
    Copies, // to the host of a GPU and back, beside other work
    Sums    // and gathers of GPUs, likewise
  };

  /// For teams of `members` threads. Without kernels no routine is prepared: devices do
  /// not compute.
  Calls(const Program &program, const LoadedKernels *kernels, Share share,
        uint32_t members);

  const PreparedRoutine &routine(int64_t number) const {
    return prepared[number];
  }
  const MatmulLibrary &matmuls() const { return products; }
  const AttentionLibrary &attentions() const { return attentionTasks; }
  /// Names of kinds of work: the fixed ones, then families of kernels.
  const std::vector<std::string> &categories() const { return categoryNames; }
  const std::vector<std::string> &labels() const { return labelNames; }
  uint32_t addLabel(const std::string &name);
  /// What a call is told as.
  struct Name {
    uint32_t category, label;
  };
  Name nameOf(const Call &call);
  /// Of a family of kernels.
  uint32_t addCategory(const std::string &kernel);
  size_t mostPlaces() const { return largestCall; }
  /// Of the team of each device.
  uint32_t members() const { return teamMembers; }
  /// Null if devices do not compute.
  const LoadedKernels *kernels() const { return library; }

private:
  Name nameOf(const KernelCall &call);
  Name nameOf(const MatmulCall &call);
  Name nameOf(const AttentionCall &call);
  PreparedCall prepare(PreparedRoutine &routine, const KernelCall &call);
  PreparedCall prepare(PreparedRoutine &routine, const MatmulCall &call);
  PreparedCall prepare(PreparedRoutine &routine, const AttentionCall &call);

  const LoadedKernels *library;
  const uint32_t teamMembers;
  MatmulLibrary products;
  AttentionLibrary attentionTasks;
  std::vector<PreparedRoutine> prepared;
  std::vector<std::string> categoryNames, labelNames;
  std::map<std::string, uint32_t> categoryNumbers, labelNumbers;
  size_t largestCall = 5; // places of a matrix product
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_CALLS_H
