//===- Program.cpp - Names of things in a plan ----------------------------===//

#include "lib/Runtime/Plan/Program.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <limits>

using namespace bitpipe;

int64_t bitpipe::sizeOf(ElementType type) {
  switch (type) {
  case ElementType::F32:
  case ElementType::I32:
    return 4;
  case ElementType::I64:
    return 8;
  case ElementType::Bool:
    return 1;
  }
  return 0;
}

const char *bitpipe::nameOf(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return "F32";
  case ElementType::I64:
    return "I64";
  case ElementType::I32:
    return "I32";
  case ElementType::Bool:
    return "BOOL";
  }
  return "?";
}

int64_t Slot::end() const {
  int64_t end = 0;
  bool isTooMuch = __builtin_add_overflow(offset, size, &end);
  return isTooMuch ? std::numeric_limits<int64_t>::max() : end;
}

std::string bitpipe::text(const RunName &run) {
  return std::string(1, run.kind) + " stage " + std::to_string(run.stage) +
         " mb " + std::to_string(run.microbatch);
}

namespace {
struct InstructionText {
  std::string operator()(const Execute &op) const { return text(op.run); }
  std::string operator()(const Transmit &op) const {
    return "send " + text(op.run) + " to " + std::to_string(op.to);
  }
  std::string operator()(const Receive &op) const {
    return "receive " + text(op.run) + " from " + std::to_string(op.from);
  }
  std::string operator()(const Collective &op) const {
    const char *names[] = {"reduce stages ", "reduce slices of stages ",
                           "gather slices of stages "};
    return names[op.kind] + listText(op.stages);
  }
  std::string operator()(const GradNorm &) const { return "gradient norm"; }
  std::string operator()(const Step &op) const {
    return "update stages " + listText(op.stages) +
           (op.isBetween() ? " after mb " + std::to_string(op.microbatch) : "");
  }
  std::string operator()(const Stash &op) const {
    return "stash version " + std::to_string(op.version) + " of stages " +
           listText(op.stages);
  }
  std::string operator()(const Clear &op) const {
    return "clear gradients of stages " + listText(op.stages);
  }
  std::string operator()(const Round &op) const {
    return "round stages " + listText(op.stages);
  }
};
} // namespace

Resident::Part Resident::partIn(int64_t slotSize) const {
  int64_t bytes = type.bytes();
  if (!sliceBegin)
    return {0, bytes, offset};
  int64_t begin = std::clamp<int64_t>(*sliceBegin - offset, 0, bytes);
  int64_t end = std::clamp<int64_t>(*sliceBegin + slotSize - offset, begin, bytes);
  return {begin, end - begin, offset + begin - *sliceBegin};
}

int64_t bitpipe::countBefore(const std::vector<Range> &ranges, int64_t element) {
  int64_t count = 0;
  for (auto [begin, end] : ranges)
    count += std::clamp(element, begin, end) - begin;
  return count;
}

std::string bitpipe::text(const Instruction &instruction) {
  return std::visit(InstructionText(), instruction);
}

std::vector<int64_t> AttentionCall::sizesOf(Part part) const {
  const attention::Sizes &n = sizes;
  switch (part) {
  case Q:
  case DQ:
    return {n.batch, n.rows, n.heads, n.size};
  case K:
  case DK:
    return {n.batch, n.columns, n.kvHeads, n.size};
  case V:
  case DV:
    return {n.batch, n.columns, n.kvHeads, n.valueSize};
  case O:
  case DOutput:
    return {n.batch, n.rows, n.heads, n.valueSize};
  case Lse:
    return {n.batch, n.heads, n.rows};
  case Bias:
  case DBias:
    return {n.batch, n.heads, n.rows, n.columns};
  case Key:
    return {};
  }
  return {};
}

std::set<int64_t> bitpipe::recomputedStages(const DeviceList &device) {
  std::set<int64_t> stages;
  for (const Instruction &op : device.instructions)
    if (auto *run = std::get_if<Execute>(&op); run && run->run.kind == 'R')
      stages.insert(run->run.stage);
  return stages;
}
