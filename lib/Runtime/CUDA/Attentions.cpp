//===- Attentions.cpp - Attentions of a GPU, by cuDNN or own kernels -----------===//

#include "lib/Runtime/CUDA/Attentions.h"

#include "lib/Runtime/CPU/Attention.h"
#include "lib/Runtime/CUDA/AttentionTrial.h"
#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

using namespace bitpipe;

/// Whether they differ in nothing but where they lie.
static bool areAlike(const AttentionCall &a, const AttentionCall &b) {
  const attention::Sizes &n = a.sizes, &m = b.sizes;
  auto all = [](const AttentionCall &c) {
    return std::tie(c.gradient, c.scale, c.left, c.right, c.softcap, c.dropout, c.element);
  };
  if (all(a) != all(b) ||
      std::tie(n.batch, n.heads, n.kvHeads, n.rows, n.columns, n.size, n.valueSize) !=
          std::tie(m.batch, m.heads, m.kvHeads, m.rows, m.columns, m.size, m.valueSize))
    return false;
  constexpr int64_t alignment = 16;
  return std::ranges::equal(a.operands, b.operands, [](const auto &x, const auto &y) {
    return x.has_value() == y.has_value() &&
           (!x || (x->strides == y->strides &&
                   x->place.offset % alignment == y->place.offset % alignment));
  });
}

Attentions::Attentions(const GPU &gpu, const OwnKernels &kernels, const CUDAStream &stream,
                       AttentionChoice choice, int64_t most)
    : gpu(gpu), kernels(kernels), stream(stream), choice(choice), most(most) {}

/// Whoever names a library does not want it left out.
static bool isLibraryGiven() {
  const char *given = std::getenv("BITPIPE_CUDNN");
  return given && *given;
}

size_t Attentions::add(const AttentionCall &call, const std::string &where) {
  for (size_t i = 0; i < entries.size(); ++i)
    if (areAlike(entries[i].call, call))
      return i;
  Entry entry{call, GPUAttention(call, where), nullptr};
  scratch = std::max(scratch, entry.own.scratchBytes());
  if (choice != AttentionChoice::Own)
    try {
      entry.cudnn = tryCudnn(call);
      scratch = std::max(scratch, entry.cudnn->scratchBytes());
    } catch (const UserError &error) {
      std::string_view why = error.what(), prefix = "error: ";
      if (why.starts_with(prefix))
        why.remove_prefix(prefix.size());
      if (choice == AttentionChoice::Auto && !noLibrary.empty() && isLibraryGiven())
        throw;
      if (choice == AttentionChoice::Cudnn)
        fail(where, ": ", call.name(), " ", text(call.sizes), " cannot be cuDNN's (--attention): ",
             why);
      said.insert(std::string(why));
    }
  entries.push_back(std::move(entry));
  return entries.size() - 1;
}

std::unique_ptr<CudnnAttention> Attentions::tryCudnn(const AttentionCall &call) {
  if (std::string outside = outsideOfCudnn(call); !outside.empty())
    fail("it has ", outside);
  if (!noLibrary.empty())
    throw UserError(noLibrary);
  if (!handle)
    try {
      gpu.use();
      handle = std::make_unique<CudnnHandle>();
    } catch (const UserError &error) {
      noLibrary = error.what();
      throw;
    }
  auto attention = std::make_unique<CudnnAttention>(call, *handle);
  if (choice == AttentionChoice::Auto && attention->scratchBytes() > most)
    fail("it needs ", attention->scratchBytes() >> 20, " MiB of workspace, at most ", most >> 20,
         " are taken unless it is asked for");
  if (std::string fault = faultOfTrial(call, gpu, kernels, stream, *attention); !fault.empty())
    fail("it does not agree with our own kernels: ", fault);
  return attention;
}

void Attentions::run(size_t number, std::span<const cuda::Pointer> operands,
                     cuda::Pointer scratchMemory, cuda::Stream into) {
  Entry &entry = entries[number];
  if (entry.cudnn)
    entry.cudnn->run(operands, scratchMemory, into);
  else
    entry.own.run(kernels, operands, scratchMemory, into);
}
