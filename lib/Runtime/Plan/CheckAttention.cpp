//===- CheckAttention.cpp - What the kernels of attention rely on -----------===//

#include "lib/Runtime/Plan/CheckAttention.h"

#include "lib/Runtime/ABI.h"
#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cmath>

using namespace bitpipe;
using Part = AttentionCall::Part;

namespace {

std::vector<int64_t> stridesOf(const AttentionCall &call, Part part) {
  std::vector<int64_t> strides = call.operands[part]->strides;
  strides.resize(call.sizesOf(part).size(), 1);
  return strides;
}

/// A gradient of the bias adds up where a stride is 0.
bool overlaps(const AttentionCall &call, Part part) {
  std::vector<int64_t> sizes = call.sizesOf(part), strides = stridesOf(call, part);
  if (part == Part::DBias)
    for (size_t i = 0; i < sizes.size(); ++i)
      if (strides[i] == 0)
        sizes[i] = 1;
  return overlapsItself(sizes, strides);
}

template <typename... Parts>
std::string message(const AttentionCall &call, const Parts &...parts) {
  return joined(call.name(), parts...);
}

/// Blocks begin at multiples of the alignment.
std::string faultOfPlaces(const AttentionCall &call) {
  auto faultOf = [&](const char *name, const BlockPlace &place, int64_t unit) {
    return place.offset % unit == 0
               ? std::string()
               : message(call, " has its ", name, " at byte ", place.offset,
                         " of a block, expected a multiple of ", unit);
  };
  std::string fault = faultOf("workspace", call.workspace, abi::alignment);
  for (size_t part = 0; part < call.operands.size() && fault.empty(); ++part)
    if (call.operands[part])
      fault = faultOf(AttentionCall::names[part], call.operands[part]->place,
                      call.elementBytes(Part(part)));
  return fault;
}

} // namespace

bool bitpipe::overlapsItself(const std::vector<int64_t> &sizes,
                             const std::vector<int64_t> &strides) {
  std::vector<std::pair<int64_t, int64_t>> dims; // stride, size
  for (size_t i = 0; i < strides.size(); ++i)
    if (sizes[i] > 1)
      dims.push_back({strides[i], sizes[i]});
  std::ranges::sort(dims);
  int64_t reach = 1;
  for (auto [stride, size] : dims) {
    if (stride < reach)
      return true;
    reach += (size - 1) * stride;
  }
  return false;
}

Checked bitpipe::attentionExtent(const AttentionCall &call, Part part) {
  std::vector<int64_t> sizes = call.sizesOf(part), strides = stridesOf(call, part);
  Checked last = 0;
  for (size_t i = 0; i < sizes.size(); ++i)
    last = last + Checked(sizes[i] - 1) * strides[i];
  return (last + 1) * call.elementBytes(part);
}

std::string bitpipe::faultOfNumbers(const AttentionCall &call, int64_t most) {
  const attention::Sizes &n = call.sizes;
  std::vector<int64_t> sizes = {n.batch, n.heads,   n.kvHeads, n.rows,
                                n.columns, n.size, n.valueSize};
  if (std::ranges::any_of(sizes, [&](int64_t size) { return size < 1 || size > most; }))
    return message(call, " has sizes ", listText(sizes), ", expected 1 to ", most, " each");
  if (n.heads % n.kvHeads != 0)
    return message(call, " has ", n.heads, " heads of q and ", n.kvHeads,
                   " of k and v, expected a multiple");
  for (size_t part = 0; part < call.operands.size(); ++part)
    if (call.operands[part] &&
        std::ranges::any_of(call.operands[part]->strides,
                            [&](int64_t stride) { return stride < 0 || stride > most; }))
      return message(call, " has strides ", listText(call.operands[part]->strides), " of ",
                     AttentionCall::names[part], ", expected 0 to ", most, " each");
  for (auto beside : {call.left, call.right})
    if (beside && *beside < 0)
      return message(call, " has a band of ", *beside, " columns to one side, expected 0 or more");
  if (!std::isfinite(call.scale))
    return message(call, " has scale ", call.scale, ", expected a finite number");
  if (call.softcap && !(*call.softcap > 0 && std::isfinite(*call.softcap)))
    return message(call, " has softcap ", *call.softcap, ", expected a finite number above 0");
  if (call.dropout && !(*call.dropout >= 0 && *call.dropout < 1))
    return message(call, " has dropout ", *call.dropout, ", expected 0 or more and below 1");
  return {};
}

std::string bitpipe::faultOfAttention(const AttentionCall &call) {
  for (size_t part = 0; part < call.operands.size(); ++part)
    if (call.operands[part] && call.writes(Part(part)) && overlaps(call, Part(part)))
      return message(call, " writes ", AttentionCall::names[part], " of sizes ",
                     listText(call.sizesOf(Part(part))), " with strides ",
                     listText(call.operands[part]->strides),
                     ", expected a place of its own for every element");
  // Otherwise k, which is in memory, bounds the time it takes.
  if (call.sizes.columns > 1 && call.operands[Part::K]->strides[1] == 0)
    return message(call, " has ", call.sizes.columns, " times the same row of k");
  int64_t bytes = attention::workspaceOf(call.sizes, call.gradient).bytes();
  if (call.workspaceBytes != bytes)
    return message(call, " has ", call.workspaceBytes, " bytes of workspace, expected ", bytes);
  return faultOfPlaces(call);
}
