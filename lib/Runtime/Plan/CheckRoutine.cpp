//===- CheckRoutine.cpp - Do calls stay in their blocks? -------------------===//

#include "lib/Runtime/CPU/LoadedKernels.h"
#include "lib/Runtime/Plan/Check.h"
#include "lib/Runtime/Plan/CheckAttention.h"
#include "lib/Runtime/Plan/Checked.h"
#include "lib/Runtime/Error.h"

#include <algorithm>
#include <functional>

using namespace bitpipe;

namespace {

/// No block, and no stride in one, is larger than what a process can address.
constexpr int64_t mostBytes = int64_t(1) << 47;

using List = std::vector<int64_t>;

/// Elements from an operand's first to behind its last.
Checked extent(const MatmulCall &call, const List &strides, size_t row,
               size_t column) {
  const List &sizes = call.sizes;
  size_t batch = sizes.size() - 3;
  Checked last = Checked(sizes[row] - 1) * strides[batch] +
                 Checked(sizes[column] - 1) * strides[batch + 1];
  for (size_t i = 0; i < batch; ++i)
    last = last + Checked(sizes[i] - 1) * strides[i];
  return last + 1;
}

/// How many bytes each argument of a kernel reaches.
using Extents = std::function<std::span<const int64_t>(const std::string &kernel)>;

class RoutineChecker {
public:
  /// Without extents, all but the arguments of kernels is checked.
  RoutineChecker(const Program &program, const Routine &routine, const Extents &extentsOf)
      : program(program), routine(routine), extentsOf(extentsOf) {}

  void check() {
    for (int64_t size : routine.blocks)
      if (size < 0 || size > mostBytes)
        failHere("a block has ", size, " bytes, expected 0 to ", mostBytes);
    for (const Call &call : routine.calls)
      std::visit(*this, call);
  }

  void operator()(const KernelCall &call) {
    if (!extentsOf) {
      for (const BlockPlace &place : call.arguments)
        checkPlace(call.name, place, 0);
      return;
    }
    std::span<const int64_t> extents = extentsOf(call.name);
    if (call.arguments.size() != extents.size())
      failHere("kernel '", call.name, "' has ", call.arguments.size(),
               " arguments, expected ", extents.size());
    for (size_t i = 0; i < extents.size(); ++i)
      checkPlace("kernel '" + call.name + "'", call.arguments[i], extents[i]);
  }

  void operator()(const MatmulCall &call) {
    auto outside = [](int64_t stride) { return stride < 0 || stride > mostBytes; };
    for (auto *strides : {&call.aStrides, &call.bStrides, &call.cStrides})
      if (std::ranges::any_of(*strides, outside))
        failHere("matmul has strides ", listText(*strides), ", expected 0 to ",
                 mostBytes, " each");
    if (std::ranges::any_of(call.sizes, [](int64_t size) { return size < 1; }))
      failHere("matmul has sizes ", listText(call.sizes),
               ", expected at least 1 each");
    size_t m = call.sizes.size() - 3, n = m + 1, k = m + 2;
    checkOperand(call.a, extent(call, call.aStrides, m, k), call.operands);
    checkOperand(call.b, extent(call, call.bStrides, k, n), call.operands);
    checkOperand(call.c, extent(call, call.cStrides, m, n), call.result);
    if (call.residual)
      checkOperand(*call.residual, extent(call, call.cStrides, m, n), call.result);
    if (call.bias)
      checkOperand(*call.bias, call.sizes[n], StoredFloat::F32);
    if (call.biasGradient) {
      if (!program.isForGPUs())
        failHere("matmul has a bias_gradient, expected none in a plan for ", program.target);
      checkOperand(*call.biasGradient, call.sizes[call.gradientOfA ? m : n], StoredFloat::F32);
    }
    List written = call.sizes;
    written.pop_back();
    if (overlapsItself(written, call.cStrides))
      failHere("matmul writes [", "m, n] of sizes ", listText(call.sizes),
               " with strides ", listText(call.cStrides),
               ", expected a place of its own for every element");
    // Otherwise its operands, which are in memory, bound the time it takes.
    if (call.sizes[k] > 1 && call.aStrides[m + 1] == 0 && call.bStrides[m] == 0)
      failHere("matmul sums ", call.sizes[k], " times the same product");
  }

  void operator()(const AttentionCall &call) {
    auto check = [&](const std::string &fault) {
      if (!fault.empty())
        failHere(fault);
    };
    check(faultOfNumbers(call, mostBytes));
    for (size_t part = 0; part < call.operands.size(); ++part)
      if (call.operands[part])
        checkPlace(std::string(call.name()) + " " + AttentionCall::names[part],
                   call.operands[part]->place,
                   attentionExtent(call, AttentionCall::Part(part)));
    check(faultOfAttention(call));
    checkPlace(std::string(call.name()) + " workspace", call.workspace, call.workspaceBytes);
  }

private:
  template <typename... Parts>
  [[noreturn]] void failHere(const Parts &...parts) {
    fail(program.path, ": error: routine ", routine.name, ": ", parts...);
  }

  void checkOperand(const BlockPlace &place, Checked elements, StoredFloat type) {
    checkPlace("matmul", place, elements * sizeOf(type));
    if (place.offset % sizeOf(type))
      failHere("matmul uses byte ", place.offset, " of block ", place.block,
               ", expected a multiple of ", sizeOf(type));
  }

  void checkPlace(const std::string &what, const BlockPlace &place, Checked bytes) {
    if (place.block < 0 || place.block >= int64_t(routine.blocks.size()))
      failHere(what, " uses block ", place.block, ", expected one below ",
               routine.blocks.size());
    int64_t size = routine.blocks[place.block];
    Checked end = bytes + place.offset;
    if (place.offset < 0 || !bytes.within(size) || !end.within(size))
      failHere(what, " uses bytes ", place.offset, " to ",
               end.get() ? std::to_string(*end.get()) : "beyond 2^63",
               " of block ", place.block, ", which has ", size);
  }

  const Program &program;
  const Routine &routine;
  const Extents &extentsOf;
};

} // namespace

static void checkRoutines(const Program &program, const Extents &extentsOf) {
  for (const Routine &routine : program.routines)
    RoutineChecker(program, routine, extentsOf).check();
}

void bitpipe::checkRoutines(const Program &program) { ::checkRoutines(program, nullptr); }

void bitpipe::checkGPUKernels(const Program &program) {
  ::checkRoutines(program, [&](const std::string &name) -> std::span<const int64_t> {
    auto found = program.gpuKernels.find(name);
    if (found == program.gpuKernels.end())
      fail(program.path, ": error: does not tell how kernel '", name, "' is launched");
    return found->second.extents;
  });
}

void bitpipe::checkKernels(const Program &program,
                           const LoadedKernels &library) {
  ::checkRoutines(program,
                  [&](const std::string &name) { return library.find(name).extents; });
}
