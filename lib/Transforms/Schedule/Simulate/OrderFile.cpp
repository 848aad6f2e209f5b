//===- OrderFile.cpp - Orders from files -----------------------------------===//

#include "lib/Transforms/Schedule/Simulate/OrderFile.h"

#include "lib/Transforms/Schedule/Core/CSV.h"
#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"

using namespace bitpipe::schedule;

/// Leaves out what shards more than is asked for; a line on it, where sums that are made anew
/// do not stand for it.
static std::string leaveOut(Order &order, Shard asked) {
  size_t gathers = 0;
  for (std::vector<Action> &list : order) {
    if (asked != Shard::Parameters)
      gathers += std::erase_if(list, [](const Action &action) {
        return action.kind == Kind::A || action.kind == Kind::D;
      });
    if (asked < Shard::Gradients)
      std::erase_if(list, [](const Action &action) { return action.kind == Kind::S; });
  }
  return gathers ? std::to_string(gathers) + " UNSHARD and RESHARD of the file are left out "
                   "without --shard=parameters"
                 : "";
}

ErrorOr<Schedule> bitpipe::schedule::readSchedule(const std::string &path, Shard shard) {
  ErrorOr<std::string> text = readText(path);
  if (!text)
    return text.error();
  auto fail = [&](const Error &error) {
    return Error{oneLine(path) + ": " + error.text};
  };
  ErrorOr<Order> order = readCSV(*text);
  if (!order)
    return fail(order.error());
  std::string note = leaveOut(*order, shard);
  ErrorOr<Placement> placement = inferPlacement(*order);
  if (!placement)
    return fail(placement.error());
  Schedule schedule{path, std::move(*placement), std::move(*order), Origin::File,
                    std::move(note)};
  if (std::optional<Error> wrong = checkOrder(schedule))
    return fail(*wrong);
  return schedule;
}
