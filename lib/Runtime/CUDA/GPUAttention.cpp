//===- GPUAttention.cpp - One attention as the GPU's kernels take it -----------===//

#include "lib/Runtime/CUDA/GPUAttention.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Plan/AttentionLayout.h"

using namespace bitpipe;
using Part = AttentionCall::Part;

namespace {

/// Whether four dimensions at a time can be loaded from all that has a head's size.
bool loadsQuads(const AttentionCall &call) {
  if (call.sizes.size % 4 || call.sizes.valueSize % 4)
    return false;
  for (Part part : {Part::Q, Part::K, Part::V, Part::O, Part::DOutput}) {
    const auto &operand = call.operands[part];
    if (!operand)
      continue;
    if (operand->place.offset % 16)
      return false;
    for (int64_t stride : operand->strides)
      if (stride % 4)
        return false;
  }
  return true;
}

int32_t lanesOf(int64_t size) {
  int32_t lanes = 1;
  while (lanes * gpu::laneDims < size)
    lanes *= 2;
  return lanes;
}

} // namespace

GPUAttention::GPUAttention(const AttentionCall &call, const std::string &where)
    : gradient(call.gradient), shape{} {
  const attention::Sizes &n = call.sizes;
  constexpr int64_t mostSize = gpu::laneDims * gpu::mostLanes;
  if (n.size > mostSize || n.valueSize > mostSize)
    fail(where, ": ", call.name(), " has heads of size ", n.size, " and ", n.valueSize,
         ", expected at most ", mostSize, " on a GPU");
  static_cast<attention::Layout &>(shape) = layoutOf(call);
  shape.batch = n.batch, shape.heads = n.heads, shape.kvHeads = n.kvHeads;
  shape.rows = n.rows, shape.columns = n.columns;
  shape.size = n.size, shape.valueSize = n.valueSize;
  shape.scale = float(call.scale);
  shape.softcap = float(call.softcap.value_or(0));
  shape.dropout = call.dropout.has_value();
  shape.lanes = lanesOf(std::max(n.size, n.valueSize));
  shape.quads = loadsQuads(call);
}

int64_t GPUAttention::scratchBytes() const {
  return gradient ? shape.batch * shape.heads * shape.rows * int64_t(sizeof(float)) : 0;
}

void GPUAttention::run(const OwnKernels &kernels, std::span<const cuda::Pointer> operands,
                       cuda::Pointer scratch, cuda::Stream stream) const {
  constexpr int64_t block = 128; // threads use many registers
  gpu::Attention a{operandsAt(operands.data()), reinterpret_cast<float *>(scratch), shape};
  const gpu::AttentionShape &n = shape;
  bool lanes = n.lanes > 1;
  int64_t rows = n.batch * n.heads * n.rows * n.lanes;
  int64_t columns = n.batch * n.kvHeads * n.columns * n.lanes;
  if (!gradient)
    return kernels.launchAll(kernels.attention[lanes], rows, block, stream, a);
  kernels.launchAll(kernels.attentionQuery[lanes], rows, block, stream, a);
  kernels.launchAll(kernels.attentionColumn[lanes], columns, block, stream, a);
  if (!a.dBias)
    return;
  auto own = [](int64_t stride, int64_t size) { return stride ? size : 1; };
  int64_t elements = own(n.dBias.batch, n.batch) * own(n.dBias.head, n.heads) *
                     own(n.dBias.row, n.rows) * own(n.dBias.column, n.columns);
  kernels.launchAll(kernels.attentionBias[lanes], elements * n.lanes, block, stream, a);
}
