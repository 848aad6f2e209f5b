//===- GPUAttention.cpp - One attention as the GPU's kernels take it -----------===//

#include "lib/Runtime/CUDA/GPUAttention.h"

#include "lib/Runtime/Error.h"

#include <cmath>

using namespace bitpipe;
using Part = AttentionCall::Part;

namespace {

gpu::AttentionStrides headStrides(const AttentionCall &call, Part part) {
  const auto &operand = call.operands[part];
  if (!operand)
    return {};
  return {operand->strides[0], operand->strides[1], operand->strides[2]};
}

gpu::AttentionScoreStrides scoreStrides(const AttentionCall &call, Part part) {
  const auto &operand = call.operands[part];
  if (!operand)
    return {};
  const std::vector<int64_t> &s = operand->strides;
  return {s[0], s[1], s[2], s[3]};
}

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

void setDropout(gpu::AttentionShape &shape, double ratio) {
  // A ratio next to 1 must not round to one.
  shape.dropout = 1;
  shape.dropBelow = uint32_t(std::min(std::round(ratio * 0x1p32), 0x1p32 - 1));
  shape.kept = float(1 / (1 - ratio));
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
  shape.batch = n.batch, shape.heads = n.heads, shape.kvHeads = n.kvHeads;
  shape.rows = n.rows, shape.columns = n.columns;
  shape.size = n.size, shape.valueSize = n.valueSize;
  shape.q = headStrides(call, Part::Q);
  shape.k = headStrides(call, Part::K);
  shape.v = headStrides(call, Part::V);
  shape.o = headStrides(call, Part::O);
  shape.dOutput = headStrides(call, Part::DOutput);
  shape.dq = headStrides(call, Part::DQ);
  shape.dk = headStrides(call, Part::DK);
  shape.dv = headStrides(call, Part::DV);
  const std::vector<int64_t> &lse = call.operands[Part::Lse]->strides;
  shape.lseBatch = lse[0], shape.lseHead = lse[1];
  shape.bias = scoreStrides(call, Part::Bias);
  shape.dBias = scoreStrides(call, Part::DBias);
  shape.scale = float(call.scale);
  shape.softcap = float(call.softcap.value_or(0));
  int64_t widest = n.rows + n.columns;
  shape.left = std::min(call.left.value_or(widest), widest);
  shape.right = std::min(call.right.value_or(widest), widest);
  if (call.dropout)
    setDropout(shape, *call.dropout);
  shape.lanes = lanesOf(std::max(n.size, n.valueSize));
  shape.quads = loadsQuads(call);
}

int64_t GPUAttention::scratchBytes() const {
  return gradient ? shape.batch * shape.heads * shape.rows * int64_t(sizeof(float)) : 0;
}

void GPUAttention::run(const OwnKernels &kernels, std::span<const cuda::Pointer> operands,
                       cuda::Pointer scratch, cuda::Stream stream) const {
  constexpr int64_t block = 128; // threads use many registers
  auto floats = [&](Part part) { return reinterpret_cast<float *>(operands[part]); };
  gpu::Attention a{floats(Part::Q),
                   floats(Part::K),
                   floats(Part::V),
                   floats(Part::Bias),
                   reinterpret_cast<const uint64_t *>(operands[Part::Key]),
                   floats(Part::O),
                   floats(Part::Lse),
                   floats(Part::DOutput),
                   floats(Part::DQ),
                   floats(Part::DK),
                   floats(Part::DV),
                   floats(Part::DBias),
                   reinterpret_cast<float *>(scratch),
                   shape};
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
