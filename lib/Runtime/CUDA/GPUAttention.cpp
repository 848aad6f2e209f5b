//===- GPUAttention.cpp - One attention as the GPU's kernels take it -----------===//

#include "lib/Runtime/CUDA/GPUAttention.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Plan/AttentionLayout.h"

using namespace bitpipe;
using Part = AttentionCall::Part;

namespace {

constexpr int64_t block = 128; // threads use many registers

/// Whether all that has a head's size can be loaded by 16 bytes.
bool loadsWide(const AttentionCall &call) {
  int64_t count = 16 / sizeOf(call.element);
  if (call.sizes.size % count || call.sizes.valueSize % count)
    return false;
  for (Part part : {Part::Q, Part::K, Part::V, Part::O, Part::DOutput, Part::DQ, Part::DK,
                    Part::DV}) {
    const auto &operand = call.operands[part];
    if (!operand)
      continue;
    if (operand->place.offset % 16)
      return false;
    for (int64_t stride : operand->strides)
      if (stride % count)
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
    : gradient(call.gradient), brain(call.element == StoredFloat::BF16), shape{} {
  const attention::Sizes &n = call.sizes;
  static_assert(attention::mostSizeOnGPU == gpu::laneDims * gpu::mostLanes);
  if (std::max(n.size, n.valueSize) > attention::mostSizeOnGPU)
    fail(where, ": ", call.name(), " has heads of size ", n.size, " and ", n.valueSize,
         ", expected at most ", attention::mostSizeOnGPU, " on a GPU");
  static_cast<attention::Layout &>(shape) = layoutOf(call);
  shape.batch = n.batch, shape.heads = n.heads, shape.kvHeads = n.kvHeads;
  shape.rows = n.rows, shape.columns = n.columns;
  shape.size = n.size, shape.valueSize = n.valueSize;
  shape.scale = float(call.scale);
  shape.softcap = float(call.softcap.value_or(0));
  shape.dropout = call.dropout.has_value();
  shape.lanes = lanesOf(std::max(n.size, n.valueSize));
  shape.wide = loadsWide(call);
  constexpr int64_t mostItems = 1 << 30; // which are counted in 32 bits there
  tensor = brain && shape.wide && std::max(n.size, n.valueSize) <= 128 &&
           std::max(n.rows, n.columns) <= mostItems;
  bool biased = call.operands[Part::Bias] || call.operands[Part::DBias];
  plain = !biased && shape.softcap == 0 && !shape.dropout && shape.scale > 0;
}

int64_t GPUAttention::scratchBytes() const {
  return gradient ? shape.batch * shape.heads * shape.rows * int64_t(sizeof(float)) : 0;
}

/// Threads, or lanes of threads, have a row or a column.
template <typename Element>
void GPUAttention::runByThreads(const OwnKernels &kernels, const gpu::Attention<Element> &a,
                                cuda::Stream stream) const {
  const gpu::AttentionShape &n = shape;
  const OwnKernels::Attention &found = kernels.attention[brain][n.lanes > 1];
  int64_t rows = n.batch * n.heads * n.rows * n.lanes;
  int64_t columns = n.batch * n.kvHeads * n.columns * n.lanes;
  if (!gradient)
    return kernels.launchAll(found.forward, rows, block, stream, a);
  kernels.launchAll(found.query, rows, block, stream, a);
  kernels.launchAll(found.column, columns, block, stream, a);
  addBiasGradient(kernels, a, stream);
}

/// Blocks have `tensorItems` rows or columns.
template <int32_t width>
void GPUAttention::runByTensorCores(const OwnKernels &kernels,
                                    const gpu::Attention<attention::Brain> &a,
                                    cuda::Stream stream) const {
  const gpu::AttentionShape &n = shape;
  const OwnKernels::Attention &found = kernels.tensorAttention[plain][width > 64];
  auto blocks = [](int64_t heads, int64_t size) {
    return heads * ((size + gpu::tensorItems - 1) / gpu::tensorItems);
  };
  auto run = [&](cuda::Function kernel, int64_t grid, int64_t shared) {
    launch(kernel, grid, gpu::tensorThreads, shared, stream, &a, sizeof(a));
  };
  int64_t rows = blocks(n.batch * n.heads, n.rows);
  if (!gradient)
    return run(found.forward, rows, sizeof(gpu::ForwardTiles<width>));
  run(found.query, rows, sizeof(gpu::QueryTiles<width>));
  run(found.column, blocks(n.batch * n.kvHeads, n.columns), sizeof(gpu::ColumnTiles<width>));
  addBiasGradient(kernels, a, stream);
}

template <typename Element>
void GPUAttention::addBiasGradient(const OwnKernels &kernels, const gpu::Attention<Element> &a,
                                   cuda::Stream stream) const {
  if (!a.dBias)
    return;
  const gpu::AttentionShape &n = shape;
  auto own = [](int64_t stride, int64_t size) { return stride ? size : 1; };
  int64_t elements = own(n.dBias.batch, n.batch) * own(n.dBias.head, n.heads) *
                     own(n.dBias.row, n.rows) * own(n.dBias.column, n.columns);
  kernels.launchAll(kernels.attentionBias[brain][n.lanes > 1], elements * n.lanes, block, stream,
                    a);
}

void GPUAttention::run(const OwnKernels &kernels, std::span<const cuda::Pointer> operands,
                       cuda::Pointer scratch, cuda::Stream stream) const {
  auto *delta = reinterpret_cast<float *>(scratch);
  if (!brain)
    return runByThreads(kernels, gpu::Attention<float>{operandsAt<float>(operands.data()), delta, shape},
                        stream);
  gpu::Attention<attention::Brain> a{operandsAt<attention::Brain>(operands.data()), delta, shape};
  if (!tensor)
    return runByThreads(kernels, a, stream);
  if (std::max(shape.size, shape.valueSize) <= 64)
    runByTensorCores<64>(kernels, a, stream);
  else
    runByTensorCores<128>(kernels, a, stream);
}
