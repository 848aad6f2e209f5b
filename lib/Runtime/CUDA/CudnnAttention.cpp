//===- CudnnAttention.cpp - One attention as cuDNN runs it --------------------===//

#include "lib/Runtime/CUDA/CudnnAttention.h"

#include <algorithm>

using namespace bitpipe;
using namespace bitpipe::cudnn;

static int64_t padded(int64_t bytes) { return (bytes + 255) / 256 * 256; }

CudnnAttention::CudnnAttention(const AttentionCall &call, const CudnnHandle &handle)
    : handle(handle), graph(call), plan(graph.graph, {handle, nullptr}) {}

int64_t CudnnAttention::scratchBytes() const {
  return padded(graph.rowSums) + plan.workspaceBytes();
}

/// Numbers lie in the graph, on the host.
CudnnDescriptor CudnnAttention::pack(const Addresses &addresses) const {
  std::vector<int64_t> numbers = graph.graph.memory();
  std::vector<const void *> pointers;
  auto add = [&](cuda::Pointer address) { pointers.push_back(reinterpret_cast<void *>(address)); };
  for (size_t i = 0; i < numbers.size(); ++i)
    add(addresses[i]);
  for (const CudnnGraph::Number &number : graph.graph.numbers()) {
    numbers.push_back(number.tensor);
    pointers.push_back(number.value);
  }
  CudnnDescriptor pack(VariantPack);
  pack.set(PackNumbers, Int64Type, numbers).set(PackPointers, PointerType, pointers);
  pack.set(PackWorkspace, PointerType,
           reinterpret_cast<void *>(addresses.back() + cuda::Pointer(padded(graph.rowSums))));
  pack.finalize("operands");
  return pack;
}

void CudnnAttention::run(std::span<const cuda::Pointer> operands, cuda::Pointer scratch,
                         cuda::Stream stream) {
  Addresses addresses{};
  for (size_t i = 0; i < graph.operands.size(); ++i)
    addresses[i] = graph.operands[i] ? operands[*graph.operands[i]] : scratch;
  addresses.back() = scratch;
  auto found = packs.find(addresses);
  if (found == packs.end())
    found = packs.emplace(addresses, pack(addresses)).first;
  check(library().setStream(handle, stream), "set a stream");
  check(library().execute(handle, plan, found->second), "attention");
}
