//===- Recompute.cpp - Recomputations are put into an order ----------------===//

#include "lib/Transforms/Schedule/Simulate/Recompute.h"

#include "lib/Transforms/Schedule/Core/Text.h"

#include <algorithm>

using namespace bitpipe::schedule;

/// Takes `2` or `2-3`; the second is the first where there is none.
static std::optional<std::pair<int, int>> takeRange(std::string_view &text) {
  std::optional<int> first = takeNumber(text);
  if (!first || !text.starts_with('-'))
    return first ? std::optional(std::pair(*first, *first)) : std::nullopt;
  text.remove_prefix(1);
  std::optional<int> last = takeNumber(text);
  if (!last || *last < *first)
    return {};
  return std::pair(*first, *last);
}

ErrorOr<StageSet> bitpipe::schedule::parseStageSet(const std::string &text,
                                                   int stages) {
  if (text == "none" || text == "all")
    return StageSet(stages, text == "all");
  StageSet result(stages);
  for (std::string_view rest = text; true; rest.remove_prefix(1)) {
    std::optional<std::pair<int, int>> range = takeRange(rest);
    if (!range || (!rest.empty() && rest.front() != ','))
      return Error{quoted(text) +
                   " are no stages to recompute, expected none, all, or a list such as "
                   "0,2-3"};
    auto [first, last] = *range;
    if (last >= stages)
      return Error{"stage " + std::to_string(last) + " is to recompute, expected 0 to " +
                   std::to_string(stages - 1)};
    for (int stage = first; stage <= last; ++stage) {
      if (result[stage])
        return Error{"stage " + std::to_string(stage) +
                     " is to recompute twice, expected it once"};
      result[stage] = true;
    }
    if (rest.empty())
      return result;
  }
}

std::string bitpipe::schedule::toString(const StageSet &stages) {
  std::string text;
  for (size_t first = 0, end; first < stages.size(); first = end + 1) {
    end = first;
    while (end < stages.size() && stages[end])
      ++end;
    if (end == first)
      continue;
    text += (text.empty() ? "" : ",") + std::to_string(first);
    if (end - first > 1)
      text += "-" + std::to_string(end - 1);
  }
  return text.empty() ? "none" : text;
}

/// A stage that recomputes has nothing saved to move.
static void dropMoves(Schedule &schedule, const StageSet &stages) {
  Placement &placement = schedule.placement;
  if (!placement.moves())
    return;
  StageSet dropped(stages.size());
  std::vector<int> keepers;
  for (int stage = 0; stage < placement.stages(); ++stage)
    for (int m = 0; m < placement.microbatches(); ++m) {
      dropped[stage] = dropped[stage] || (stages[stage] && placement.keeper(stage, m) >= 0);
      keepers.push_back(stages[stage] ? -1 : placement.keeper(stage, m));
    }
  placement.setKeepers(std::move(keepers));
  for (std::vector<Action> &list : schedule.order)
    std::erase_if(list, [&](const Action &action) {
      return isMove(action.kind) && stages[action.stage];
    });
  if (dropped != StageSet(stages.size()))
    schedule.note = "stages " + toString(dropped) + " recompute, so nothing of them is evicted";
}

void bitpipe::schedule::recompute(Schedule &schedule, const StageSet &stages) {
  schedule.placement.setRecomputed(stages);
  if (!schedule.placement.recomputes())
    return;
  dropMoves(schedule, stages);
  for (std::vector<Action> &list : schedule.order) {
    std::vector<Action> result;
    for (size_t i = 0; i < list.size(); ++i) {
      auto add = [&](const Action &action) {
        if (makesInputGradient(action.kind) && stages[action.stage])
          result.push_back({Kind::R, false, action.stage, action.microbatch});
      };
      if (!endsPair(list, i))
        add(list[i]);
      if (beginsPair(list, i))
        add(list[i + 1]);
      result.push_back(list[i]);
    }
    list = std::move(result);
  }
}

std::optional<Error> bitpipe::schedule::recompute(Schedule &schedule,
                                                  const std::string &text) {
  if (text.empty())
    return {};
  ErrorOr<StageSet> asked = parseStageSet(text, schedule.placement.stages());
  if (!asked)
    return Error{oneLine(schedule.name) + ": " + asked.error().text};
  if (!schedule.placement.recomputes()) {
    recompute(schedule, *asked);
    return {};
  }
  StageSet held = schedule.placement.recomputedStages();
  if (held == *asked)
    return {};
  return Error{oneLine(schedule.name) + ": recomputes stages " + toString(held) +
               ", but " + toString(*asked) + " are to"};
}
