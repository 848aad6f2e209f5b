//===- OrderFile.cpp - Orders from files -----------------------------------===//

#include "lib/Transforms/Schedule/Simulate/OrderFile.h"

#include "lib/Transforms/Schedule/Core/CSV.h"
#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Simulate/CheckOrder.h"

using namespace bitpipe::schedule;

ErrorOr<Schedule> bitpipe::schedule::readSchedule(const std::string &path) {
  ErrorOr<std::string> text = readText(path);
  if (!text)
    return text.error();
  auto fail = [&](const Error &error) {
    return Error{oneLine(path) + ": " + error.text};
  };
  ErrorOr<Order> order = readCSV(*text);
  if (!order)
    return fail(order.error());
  ErrorOr<Placement> placement = inferPlacement(*order);
  if (!placement)
    return fail(placement.error());
  Schedule schedule{path, std::move(*placement), std::move(*order), Origin::File};
  if (std::optional<Error> wrong = checkOrder(schedule))
    return fail(*wrong);
  return schedule;
}
