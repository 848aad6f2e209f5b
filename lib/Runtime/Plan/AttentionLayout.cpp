//===- AttentionLayout.cpp - A call of attention as its kernels take it ----===//

#include "lib/Runtime/Plan/AttentionLayout.h"

#include <algorithm>
#include <cmath>

using namespace bitpipe;
using Part = AttentionCall::Part;

static attention::HeadStrides headStrides(const AttentionCall &call, Part part) {
  const auto &operand = call.operands[part];
  if (!operand)
    return {};
  return {operand->strides[0], operand->strides[1], operand->strides[2]};
}

static attention::ScoreStrides scoreStrides(const AttentionCall &call, Part part) {
  const auto &operand = call.operands[part];
  if (!operand)
    return {};
  const std::vector<int64_t> &s = operand->strides;
  return {s[0], s[1], s[2], s[3]};
}

attention::Layout bitpipe::layoutOf(const AttentionCall &call) {
  attention::Layout layout{};
  layout.q = headStrides(call, Part::Q);
  layout.k = headStrides(call, Part::K);
  layout.v = headStrides(call, Part::V);
  layout.o = headStrides(call, Part::O);
  layout.dOutput = headStrides(call, Part::DOutput);
  layout.dq = headStrides(call, Part::DQ);
  layout.dk = headStrides(call, Part::DK);
  layout.dv = headStrides(call, Part::DV);
  const std::vector<int64_t> &lse = call.operands[Part::Lse]->strides;
  layout.lseBatch = lse[0], layout.lseHead = lse[1];
  layout.bias = scoreStrides(call, Part::Bias);
  layout.dBias = scoreStrides(call, Part::DBias);
  int64_t widest = call.sizes.rows + call.sizes.columns;
  layout.left = std::min(call.left.value_or(widest), widest);
  layout.right = std::min(call.right.value_or(widest), widest);
  if (call.dropout) {
    // As in the kernels of pipe.dropout: a ratio next to 1 must not round to one.
    layout.dropBelow = uint32_t(std::min(std::round(*call.dropout * 0x1p32), 0x1p32 - 1));
    layout.kept = float(1 / (1 - *call.dropout));
  }
  return layout;
}
