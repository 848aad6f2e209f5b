//===- AttentionGraph.cpp - Attention as cuDNN recognises it ------------------===//
//
// Heads come before rows in its dimensions. Which operations there are and in what order
// is what the library's engines know; strides are ours.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CUDA/AttentionGraph.h"

#include <algorithm>
#include <limits>

using namespace bitpipe;
using namespace bitpipe::cudnn;
using Part = AttentionCall::Part;
using Tensor = CudnnGraph::Tensor;

/// 16 bytes, as the engines load them.
constexpr int64_t wide = 8;

/// Of operands that have a head's size.
static std::string faultOfRows(const AttentionCall &call) {
  for (Part part : {Part::Q, Part::K, Part::V, Part::O, Part::DOutput, Part::DQ, Part::DK,
                    Part::DV}) {
    const auto &operand = call.operands[part];
    if (!operand)
      continue;
    std::vector<int64_t> sizes = call.sizesOf(part);
    bool fits = operand->place.offset % (wide * sizeOf(StoredFloat::BF16)) == 0;
    for (size_t i = 0; i < operand->strides.size(); ++i)
      fits &= sizes[i] == 1 || (operand->strides[i] > 0 && operand->strides[i] % wide == 0);
    if (!fits)
      return std::string("rows of ") + AttentionCall::names[part] +
             " that do not begin at multiples of 16 bytes";
  }
  return "";
}

std::string bitpipe::outsideOfCudnn(const AttentionCall &call) {
  const attention::Sizes &n = call.sizes;
  if (call.element != StoredFloat::BF16)
    return "f32";
  if (call.operands[Part::Bias] || call.operands[Part::DBias])
    return "an additive bias";
  if (call.softcap)
    return "a softcap";
  if (call.dropout)
    return "dropout";
  if (n.rows != n.columns && (call.left || call.right))
    return "a band, rows and columns differing in number";
  if (n.size % wide || n.valueSize % wide)
    return "heads whose size is no multiple of 8";
  const AttentionCall::Operand &lse = *call.operands[Part::Lse];
  if ((n.heads > 1 && lse.strides[1] != n.rows) ||
      (n.batch > 1 && lse.strides[0] != n.heads * n.rows) || lse.place.offset % 16)
    return "logarithms of sums that are not contiguous";
  return faultOfRows(call);
}

AttentionGraph::AttentionGraph(const AttentionCall &call) : call(call) {
  const attention::Sizes &n = call.sizes;
  scores = {n.batch, n.heads, n.rows, n.columns};
  rows = {n.batch, n.heads, n.rows, 1};
  if (call.gradient)
    buildGradient();
  else
    buildForward();
}

/// Ours are [batch, sequence, heads, size], where strides of dimensions of 1 may be any.
Tensor AttentionGraph::operand(Part part, bool transposed) {
  std::vector<int64_t> sizes = call.sizesOf(part), strides = call.operands[part]->strides;
  int64_t reach = sizes[3];
  for (size_t i = 0; i < 3; ++i)
    if (sizes[i] > 1)
      reach = std::max(reach, strides[i] * sizes[i]);
  for (size_t i = 0; i < 3; ++i)
    if (sizes[i] == 1)
      strides[i] = reach;
  Sizes theirs = {sizes[0], sizes[2], sizes[1], sizes[3]};
  Sizes steps = {strides[0], strides[2], strides[1], 1};
  if (transposed)
    std::swap(theirs[2], theirs[3]), std::swap(steps[2], steps[3]);
  operands.push_back(part);
  return graph.inMemory({Brain16, theirs, steps});
}

Tensor AttentionGraph::lse() {
  operands.push_back(Part::Lse);
  return graph.inMemory({Float32, rows});
}

Tensor AttentionGraph::scaled(Tensor tensor) {
  return graph.pointwise(Multiply, tensor, graph.number(float(call.scale)));
}

/// Of as many rows as columns, so that the band's middle is the diagonal.
Tensor AttentionGraph::masked(Tensor tensor) {
  Tensor nothing = 0;
  auto without = [&](Tensor condition) {
    nothing = graph.number(-std::numeric_limits<float>::infinity());
    return graph.select(condition, tensor, nothing);
  };
  if (call.right && *call.right < call.sizes.columns) {
    Tensor row = graph.index(tensor, 2), column = graph.index(tensor, 3);
    if (*call.right > 0)
      row = graph.shifted(row, graph.number(int32_t(*call.right)));
    tensor = without(graph.compare(IsAtLeast, row, column));
  }
  if (call.left && *call.left < call.sizes.rows) {
    Tensor row = graph.index(tensor, 2), column = graph.index(tensor, 3);
    column = graph.shifted(column, graph.number(float(*call.left + 1)));
    tensor = without(graph.compare(IsGreater, column, row));
  }
  return tensor;
}

void AttentionGraph::buildForward() {
  Tensor q = operand(Part::Q), k = operand(Part::K, true);
  Tensor s = masked(scaled(graph.matmul(q, k, {Float32, scores})));
  Tensor most = graph.reduce(ReduceMax, s, {Float32, rows});
  Tensor exponentials = graph.pointwise(Exp, graph.pointwise(Subtract, s, most));
  Tensor sum = graph.reduce(ReduceAdd, exponentials, {Float32, rows});
  graph.pointwise(Add, most, graph.pointwise(Log, sum), lse());
  Tensor p = graph.between({Brain16, scores});
  graph.pointwise(Divide, exponentials, sum, p);
  Tensor v = operand(Part::V), o = operand(Part::O);
  graph.matmul(p, v, o);
}

/// left right, summed over the query heads that read one head of k and v.
void AttentionGraph::sumHeads(Tensor left, Tensor right, Part part, int64_t size) {
  const attention::Sizes &n = call.sizes;
  if (n.heads == n.kvHeads) {
    graph.matmul(left, right, operand(part));
    return;
  }
  Tensor all = graph.matmul(left, right, {Brain16, {n.batch, n.heads, n.columns, size}});
  graph.reduce(ReduceAdd, all, operand(part));
}

void AttentionGraph::buildGradient() {
  const attention::Sizes &n = call.sizes;
  Tensor q = operand(Part::Q), k = operand(Part::K, true), v = operand(Part::V, true);
  Tensor o = operand(Part::O), dOutput = operand(Part::DOutput);
  // What the softmax takes off, kept for all columns.
  Tensor products = graph.pointwise(Multiply, dOutput, o);
  Tensor sums = graph.reduce(ReduceAdd, products, {Float32, rows});
  operands.push_back(std::nullopt);
  rowSums = n.batch * n.heads * n.rows * int64_t(sizeof(float));
  Tensor delta = graph.inMemory({Float32, rows});
  graph.pointwise(Multiply, sums, graph.number(1.0f), delta);

  Tensor s = scaled(graph.matmul(q, k, {Float32, scores}));
  Tensor p = graph.pointwise(Exp, masked(graph.pointwise(Subtract, s, lse())));
  sumHeads(graph.flipped(p), dOutput, Part::DV, n.valueSize);

  Tensor dp = graph.matmul(dOutput, v, {Float32, scores});
  dp = graph.pointwise(Multiply, graph.pointwise(Subtract, dp, delta), p);
  Tensor ds = scaled(dp);
  sumHeads(graph.flipped(ds), q, Part::DK, n.size);

  graph.matmul(ds, graph.flipped(k), operand(Part::DQ));
}
