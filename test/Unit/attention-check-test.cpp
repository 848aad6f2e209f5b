//===- attention-check-test.cpp - Edited calls of attention -----------------===//
//
// Every number of a call is replaced by others, single ones and pairs: the call is
// refused with a line that names it, or runs within its blocks.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/CPU/Attention.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Plan/Check.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>

using namespace bitpipe;
using Part = AttentionCall::Part;

namespace {

constexpr int64_t guard = 64;

/// A call on blocks of its own, one per operand, and one for the workspace.
AttentionCall makeCall(bool gradient) {
  AttentionCall call{};
  call.gradient = gradient;
  call.sizes = {2, 4, 2, 3, 5, 8, 6};
  call.scale = 0.5;
  call.left = 3;
  call.right = 1;
  call.softcap = 4;
  call.dropout = 0.25;
  auto set = [&](Part part, std::vector<int64_t> strides) {
    call.operands[part] = {{int64_t(part), 0}, std::move(strides)};
  };
  set(Part::Q, {96, 32, 8});
  set(Part::K, {80, 16, 8});
  set(Part::V, {60, 12, 6});
  set(Part::O, {72, 24, 6});
  set(Part::Lse, {12, 3});
  set(Part::Bias, {0, 15, 5, 1});
  set(Part::Key, {});
  if (gradient) {
    set(Part::DOutput, {72, 24, 6});
    set(Part::DQ, {96, 32, 8});
    set(Part::DK, {80, 16, 8});
    set(Part::DV, {60, 12, 6});
    set(Part::DBias, {0, 15, 5, 1});
  }
  call.workspace = {int64_t(AttentionCall::names.size()), 0};
  call.workspaceBytes = attention::workspaceOf(call.sizes, gradient).bytes();
  return call;
}

Program programOf(const AttentionCall &call) {
  const int64_t sizes[] = {768, 640, 480, 576, 96, 240, 8, 576, 768, 640, 480, 240};
  Program program;
  program.path = "plan";
  Routine routine{"r", {std::begin(sizes), std::end(sizes)}, {}, {call}};
  routine.blocks.push_back(attention::workspaceOf(makeCall(call.gradient).sizes, call.gradient).bytes());
  program.routines.push_back(routine);
  return program;
}

/// Runs a call that was not refused; whether all guards are as they were.
bool runGuarded(const AttentionCall &call, const Program &program) {
  std::vector<std::unique_ptr<char, decltype(&std::free)>> blocks;
  for (int64_t size : program.routines[0].blocks) {
    int64_t room = (size + 63) / 64 * 64 + guard;
    blocks.emplace_back(static_cast<char *>(std::aligned_alloc(64, room)), std::free);
    std::memset(blocks.back().get(), 0, room);
    std::memset(blocks.back().get() + size, 77, room - size);
  }
  std::vector<void *> places;
  for (auto &operand : call.operands)
    places.push_back(operand ? blocks[operand->place.block].get() + operand->place.offset : nullptr);
  AttentionLibrary library;
  size_t number = library.add(call);
  library.run(number, 0, library.items(number), places.data(),
              blocks[call.workspace.block].get() + call.workspace.offset);
  for (size_t i = 0; i < blocks.size(); ++i) {
    int64_t size = program.routines[0].blocks[i], room = (size + 63) / 64 * 64 + guard;
    for (int64_t at = size; at < room; ++at)
      if (blocks[i].get()[at] != 77)
        return false;
  }
  return true;
}

/// All whole numbers of a call.
std::vector<int64_t *> numbersOf(AttentionCall &call) {
  attention::Sizes &n = call.sizes;
  std::vector<int64_t *> all = {&n.batch, &n.heads,   &n.kvHeads,    &n.rows,
                                &n.columns, &n.size,  &n.valueSize,  &*call.left,
                                &*call.right, &call.workspaceBytes,
                                &call.workspace.block, &call.workspace.offset};
  for (auto &operand : call.operands) {
    if (!operand)
      continue;
    all.insert(all.end(), {&operand->place.block, &operand->place.offset});
    for (int64_t &stride : operand->strides)
      all.push_back(&stride);
  }
  return all;
}

struct Outcomes {
  int ran = 0, refused = 0;
};

bool attempt(const AttentionCall &call, Outcomes &outcomes) {
  Program program = programOf(call);
  try {
    checkRoutines(program);
  } catch (const UserError &error) {
    ++outcomes.refused;
    if (std::strstr(error.what(), "plan: error: routine r: attention"))
      return true;
    std::printf("refused without a name: %s\n", error.what());
    return false;
  }
  ++outcomes.ran;
  if (runGuarded(call, program))
    return true;
  std::printf("wrote outside of its blocks\n");
  return false;
}

bool tryMutants(bool gradient, Outcomes &outcomes) {
  std::mt19937_64 draw(1);
  const int64_t fixed[] = {-1, 0, 1, 2, 4, 64, 1L << 31, 1L << 40, 1L << 46, 1L << 61, INT64_MAX, INT64_MIN};
  AttentionCall original = makeCall(gradient);
  size_t count = numbersOf(original).size();
  auto edit = [&](AttentionCall &call, size_t number, size_t choice) {
    int64_t &place = *numbersOf(call)[number];
    uint64_t old = place; // which may wrap
    const int64_t near[] = {int64_t(old + 1), int64_t(old - 1), int64_t(2 * old)};
    place = choice < std::size(fixed) ? fixed[choice] : near[choice - std::size(fixed)];
  };
  for (size_t number = 0; number < count; ++number)
    for (size_t choice = 0; choice < std::size(fixed) + 3; ++choice) {
      AttentionCall call = original;
      edit(call, number, choice);
      if (!attempt(call, outcomes))
        return false;
    }
  for (int round = 0; round < 2000; ++round) {
    AttentionCall call = original;
    for (int i = 0; i < 2; ++i)
      edit(call, draw() % count, draw() % (std::size(fixed) + 3));
    if (!attempt(call, outcomes))
      return false;
  }
  return true;
}

/// A call, edited so, is refused with these words.
bool refuses(bool gradient, const std::function<void(AttentionCall &)> &edit, const char *words) {
  AttentionCall call = makeCall(gradient);
  edit(call);
  try {
    checkRoutines(programOf(call));
  } catch (const UserError &error) {
    if (std::strstr(error.what(), words))
      return true;
    std::printf("'%s', expected '%s'\n", error.what(), words);
    return false;
  }
  std::printf("accepted, expected '%s'\n", words);
  return false;
}

bool checkWords() {
  bool good = true;
  auto refused = [&](const char *words, const std::function<void(AttentionCall &)> &edit) {
    good &= refuses(true, edit, words);
  };
  refused("attention_grad has sizes [2, 4, 2, 0, 5, 8, 6], expected 1 to",
          [](AttentionCall &c) { c.sizes.rows = 0; });
  refused("attention_grad has 4 heads of q and 3 of k and v, expected a multiple",
          [](AttentionCall &c) { c.sizes.kvHeads = 3; });
  refused("attention_grad has strides [-1, 16, 8] of k, expected 0 to",
          [](AttentionCall &c) { c.operands[Part::K]->strides[0] = -1; });
  refused("attention_grad has a band of -3 columns to one side, expected 0 or more",
          [](AttentionCall &c) { c.left = -3; });
  refused("attention_grad has scale inf, expected a finite number",
          [](AttentionCall &c) { c.scale = INFINITY; });
  refused("attention_grad has softcap 0, expected a finite number above 0",
          [](AttentionCall &c) { c.softcap = 0; });
  refused("attention_grad has dropout 1, expected 0 or more and below 1",
          [](AttentionCall &c) { c.dropout = 1; });
  refused("attention_grad dq uses bytes 4 to 772 of block 8, which has 768",
          [](AttentionCall &c) { c.operands[Part::DQ]->place.offset = 4; });
  refused("attention_grad dbias uses block 99, expected one below 13",
          [](AttentionCall &c) { c.operands[Part::DBias]->place.block = 99; });
  refused("attention_grad writes dv of sizes [2, 5, 2, 6] with strides [60, 12, 5], expected a "
          "place of its own",
          [](AttentionCall &c) { c.operands[Part::DV]->strides[2] = 5; });
  refused("attention_grad has 5 times the same row of k",
          [](AttentionCall &c) { c.operands[Part::K]->strides[1] = 0; });
  refused("bytes of workspace, expected ", [](AttentionCall &c) { c.workspaceBytes -= 64; });
  refused("attention_grad has its workspace at byte 4 of a block, expected a multiple of 64",
          [](AttentionCall &c) { c.workspace.offset = 4; });
  refused("attention_grad has its v at byte 1 of a block, expected a multiple of 4",
          [](AttentionCall &c) {
            c.operands[Part::V]->place.offset = 1;
            c.sizes.batch = 1;
            c.workspaceBytes = attention::workspaceOf(c.sizes, true).bytes();
          });
  return good;
}

} // namespace

int main() {
  Outcomes outcomes;
  bool good = checkWords() && tryMutants(false, outcomes) && tryMutants(true, outcomes);
  std::printf("%d ran, %d were refused\n", outcomes.ran, outcomes.refused);
  return good && outcomes.ran > 100 && outcomes.refused > outcomes.ran ? 0 : 1;
}
