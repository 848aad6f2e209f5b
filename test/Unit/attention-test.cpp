//===- attention-test.cpp - Attention against plain loops in double ---------===//
//
// Random sizes, strides, bands, heads, biases, softcaps and dropouts, forwards and
// in the gradient, by every kernel that this processor has; items in any order, by
// any number of workers, give the same bits.
//
//===----------------------------------------------------------------------===//

#include "test/Unit/attention-cases.h"

#include "lib/Runtime/CPU/Attention.h"

#include <cstdio>
#include <cstring>

using namespace bitpipe;

namespace {

/// The same call by several workers in a random order of items.
void runShuffled(const AttentionLibrary &library, size_t number, void *const *places) {
  std::vector<int64_t> items(library.items(number));
  for (size_t i = 0; i < items.size(); ++i)
    items[i] = int64_t(i);
  std::shuffle(items.begin(), items.end(), draw);
  for (int64_t item : items) {
    Workspace own(library.workspaceBytes(number));
    library.run(number, item, item + 1, places, own.begin);
  }
}

class Trial {
public:
  Trial(const AttentionCall &call, const attention::Kernels *kernels)
      : call(call), kernels(kernels) {}

  bool run(Memory &memory, const Memory &expected) {
    AttentionLibrary library(kernels);
    size_t number = library.add(call);
    Memory again = memory;
    Workspace workspace(library.workspaceBytes(number));
    BrainMemory seen(call, memory), seenAgain(call, again);
    library.run(number, 0, library.items(number), seen.places().data(), workspace.begin);
    runShuffled(library, number, seenAgain.places().data());
    seen.widen(), seenAgain.widen();
    if (!workspace.intact())
      return report("wrote behind its workspace", 0);
    for (size_t part = 0; part < memory.tensors.size(); ++part)
      if (!compare(part, memory, again, expected))
        return false;
    return true;
  }

private:
  bool compare(size_t part, const Memory &got, const Memory &again, const Memory &expected) {
    const std::vector<float> &a = got.tensors[part], &b = expected.tensors[part];
    if (a.size() && std::memcmp(a.data(), again.tensors[part].data(), a.size() * 4))
      return report("depends on the order of items", part);
    if (auto i = findWrong(call, part, a, b, 1e-5)) {
      std::printf("element %zu is %.9g, expected %.9g\n", *i, a[*i], b[*i]);
      return report("is wrong", part);
    }
    return true;
  }

  bool report(const char *what, size_t part) {
    const attention::Sizes &n = call.sizes;
    std::printf("%s of %s by %s: %s: heads %ld of %ld, size %ld and %ld, left %ld, right %ld, "
                "softcap %g, dropout %g, %s\n",
                AttentionCall::names[part], call.name(), kernels->name, what, long(n.heads),
                long(n.kvHeads), long(n.size), long(n.valueSize), long(call.left.value_or(-1)),
                long(call.right.value_or(-1)), call.softcap.value_or(0),
                call.dropout.value_or(-1), nameOf(call.element));
    std::printf("sizes %s\n", text(n).c_str());
    return false;
  }

  const AttentionCall &call;
  const attention::Kernels *kernels;
};

bool runRound(const attention::Kernels *const *kernels, int count) {
  AttentionCall call = makeCall();
  call.element = pick(0, 1) ? StoredFloat::BF16 : StoredFloat::F32;
  int biasForm = int(pick(-8, 15)); // one bit per dimension that is repeated
  std::vector<int64_t> bias = biasStrides(call.sizes, std::max(biasForm, 0));
  for (bool gradient : {false, true}) {
    call.gradient = gradient;
    setOperands(call, biasForm, bias);
    Memory memory = makeMemory(call, biasForm);
    Memory expected = memory;
    compute(call, expected, gradient);
    for (int i = 0; i < count; ++i) {
      Memory own = memory;
      own.spoil(call);
      if (!Trial(call, kernels[i]).run(own, expected))
        return false;
    }
  }
  return true;
}

/// What is no number in one row of q is none in that row's results, and nowhere else.
bool keepsNaN(const attention::Kernels *kernels) {
  AttentionCall call{};
  call.sizes = {1, 1, 1, 20, 20, 8, 8};
  call.scale = 1;
  call.right = 0;
  setOperands(call, -1, {});
  Memory memory(call);
  auto at = [&](Part part, int64_t row, int64_t d) -> float & {
    return memory.tensors[part][row * Memory::stride(call, part, part == Part::Lse ? 2 : 1) + d];
  };
  at(Part::Q, 17, 3) = NAN;
  AttentionLibrary library(kernels);
  size_t number = library.add(call);
  Workspace workspace(library.workspaceBytes(number));
  library.run(number, 0, library.items(number), memory.places().data(), workspace.begin);
  for (int64_t row = 0; row < 20; ++row)
    for (bool isNaN : {std::isnan(at(Part::O, row, 0)), std::isnan(at(Part::O, row, 7)),
                       std::isnan(at(Part::Lse, row, 0))})
      if (isNaN != (row == 17)) {
        std::printf("NaN in row 17, and row %ld is %s by %s\n", long(row),
                    isNaN ? "NaN" : "a number", kernels->name);
        return false;
      }
  return true;
}

} // namespace

int main() {
  const attention::Kernels *kernels[3];
  int count = attention::kernelsOfProcessor(kernels);
  for (int i = 0; i < count; ++i)
    if (!keepsNaN(kernels[i]))
      return 1;
  for (int round = 0; round < 80; ++round)
    if (!runRound(kernels, count)) {
      std::printf("round %d\n", round);
      return 1;
    }
  return 0;
}
