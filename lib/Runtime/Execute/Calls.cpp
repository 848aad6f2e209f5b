//===- Calls.cpp - Routines ready to run ----------------------------------===//

#include "lib/Runtime/Execute/Calls.h"

#include <algorithm>
#include <cctype>

using namespace bitpipe;

/// "softmax_grad_12" belongs to the family "softmax_grad".
static std::string familyOf(std::string kernel) {
  while (!kernel.empty() &&
         (std::isdigit(kernel.back()) || kernel.back() == '_'))
    kernel.pop_back();
  return kernel.empty() ? "kernel" : kernel;
}

static std::vector<bool> usedRoutines(const Program &program, Share share) {
  std::vector<bool> used(program.routines.size());
  for (int64_t d = share.first; d < share.end; ++d)
    for (const Instruction &op : program.devices[d].instructions)
      if (auto *run = std::get_if<Execute>(&op))
        used[run->routine] = true;
  return used;
}

Calls::Calls(const Program &program, const LoadedKernels *kernels, Share share,
             uint32_t members)
    : library(kernels), teamMembers(members), products(members),
      categoryNames{"run", "step", "waiting", "messages", "gradient norm", "optimizer",
                    "matrix products", "emulated runs", "copies", "sums"} {
  std::vector<bool> used = usedRoutines(program, share);
  prepared.resize(program.routines.size());
  for (size_t r = 0; r < prepared.size(); ++r) {
    if (!kernels || !used[r])
      continue;
    PreparedRoutine &routine = prepared[r];
    for (const Call &call : program.routines[r].calls)
      std::visit([&](auto &what) { routine.calls.push_back(prepare(routine, what)); }, call);
  }
}

/// "transformer.h.*.mlp: matmul ..."
static std::string labelOf(const std::string &layer, const std::string &what) {
  return layer.empty() ? what : layer + ": " + what;
}

Calls::Name Calls::nameOf(const Call &call) {
  return std::visit([&](auto &what) { return nameOf(what); }, call);
}
Calls::Name Calls::nameOf(const KernelCall &call) {
  return {addCategory(call.name), addLabel(labelOf(call.layer, call.name))};
}
Calls::Name Calls::nameOf(const MatmulCall &call) {
  return {MatrixProducts, addLabel(labelOf(call.layer, "matmul " + text(shapeOf(call))))};
}
Calls::Name Calls::nameOf(const AttentionCall &call) {
  std::string what = std::string(call.name()) + " " + text(call.sizes);
  return {addCategory(call.name()), addLabel(labelOf(call.layer, what))};
}

/// How many members share a kernel. Handing out takes as long as some kilobytes do.
static uint32_t sharersOf(const Kernel &kernel, uint32_t members) {
  constexpr int64_t leastBytes = 16 << 10;
  int64_t worth = kernel.units[abi::unitsBytes] / leastBytes;
  return uint32_t(std::clamp<int64_t>(
      std::min(worth, kernel.units[abi::unitsCount]), 1, members));
}

PreparedCall Calls::prepare(PreparedRoutine &routine, const KernelCall &call) {
  auto first = uint32_t(routine.places.size());
  auto count = uint32_t(call.arguments.size());
  routine.places.insert(routine.places.end(), call.arguments.begin(),
                        call.arguments.end());
  largestCall = std::max<size_t>(largestCall, count);
  Kernel kernel = library->find(call.name);
  auto [category, label] = nameOf(call);
  return {PreparedCall::Kernel,
          0,
          kernel.function,
          kernel.units[abi::unitsCount],
          kernel.units[abi::unitsFinish] != 0,
          sharersOf(kernel, teamMembers),
          first,
          count,
          category,
          label};
}

PreparedCall Calls::prepare(PreparedRoutine &routine, const MatmulCall &call) {
  auto first = uint32_t(routine.places.size());
  const BlockPlace none{-1, 0};
  routine.places.insert(routine.places.end(),
                        {call.a, call.b, call.c, call.bias.value_or(none),
                         call.residual.value_or(none)});
  auto number = uint32_t(products.add(call));
  const MatmulLibrary::Product &product = products[number];
  auto [category, label] = nameOf(call);
  return {PreparedCall::Matmul,
          number,
          nullptr,
          0,
          false,
          uint32_t(product.parts.size()),
          first,
          5,
          category,
          label};
}

/// Its places are those of all parts, and the workspace.
PreparedCall Calls::prepare(PreparedRoutine &routine, const AttentionCall &call) {
  auto first = uint32_t(routine.places.size());
  for (const auto &operand : call.operands)
    routine.places.push_back(operand ? operand->place : BlockPlace{-1, 0});
  routine.places.push_back(call.workspace);
  auto count = uint32_t(call.operands.size() + 1);
  largestCall = std::max<size_t>(largestCall, count);
  auto [category, label] = nameOf(call);
  auto number = uint32_t(attentionTasks.add(call));
  int64_t items = attentionTasks.items(number);
  return {PreparedCall::Attention,
          number,
          nullptr,
          items,
          false,
          uint32_t(std::min<int64_t>(items, teamMembers)),
          first,
          count,
          category,
          label};
}

uint32_t Calls::addCategory(const std::string &kernel) {
  auto [found, added] =
      categoryNumbers.try_emplace(familyOf(kernel), categoryNames.size());
  if (added)
    categoryNames.push_back(found->first);
  return found->second;
}

uint32_t Calls::addLabel(const std::string &name) {
  auto [found, added] = labelNumbers.try_emplace(name, labelNames.size());
  if (added)
    labelNames.push_back(name);
  return found->second;
}
