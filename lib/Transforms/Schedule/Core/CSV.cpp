//===- CSV.cpp - Orders as text, in PyTorch's form -------------------------===//

#include "lib/Transforms/Schedule/Core/CSV.h"

#include "lib/Transforms/Schedule/Core/Limits.h"
#include "lib/Transforms/Schedule/Core/Text.h"

#include <map>
#include <ostream>

using namespace bitpipe::schedule;

void bitpipe::schedule::writeCSV(std::ostream &stream, const Order &order) {
  for (const auto &list : order) {
    for (size_t i = 0; i < list.size(); ++i) {
      stream << (i ? "," : "");
      if (list[i].overlapsNext && i + 1 < list.size()) {
        stream << '(' << toString(list[i]) << ';' << toString(list[i + 1])
               << ")OVERLAP_F_B";
        ++i;
      } else {
        stream << toString(list[i]);
      }
    }
    stream << '\n';
  }
}

namespace {
/// Reads one cell from left to right.
class Cell {
public:
  Cell(std::string_view text) : text(text) {}

  bool done() const { return text.empty(); }
  bool take(std::string_view word) {
    if (!text.starts_with(word))
      return false;
    text.remove_prefix(word.size());
    return true;
  }
  bool take(int &number) {
    std::optional<int> taken = takeNumber(text);
    number = taken.value_or(0);
    // A schedule this large is a typing error, and tables grow with it.
    return taken && number <= 1 << 20;
  }
  bool take(Action &action) {
    if (!take(action.stage))
      return false;
    for (auto [word, kind] : {std::pair("UNSHARD", Kind::A), std::pair("RESHARD", Kind::D),
                              std::pair("REDUCE_GRAD", Kind::S)})
      if (take(word)) {
        action.kind = kind;
        return true;
      }
    if (!take(action.kind) || isOfShards(action.kind) || !take(action.microbatch))
      return false;
    return action.kind != Kind::U || (take("V") && take(action.versions));
  }

private:
  bool take(Kind &kind) {
    size_t found = text.empty() ? std::string_view::npos
                                : kindLetters.find(text.front());
    if (found == std::string_view::npos)
      return false;
    kind = Kind(found);
    text.remove_prefix(1);
    return true;
  }

  std::string_view text;
};
} // namespace

/// True for cells that follow from the order: messages.
static bool isDerived(std::string_view text) {
  Cell cell(text);
  int stage, microbatch;
  if (!cell.take(stage))
    return false;
  for (std::string_view word : {"SEND_F", "RECV_F", "SEND_B", "RECV_B"})
    if (cell.take(word))
      return cell.take(microbatch) && cell.done();
  return false;
}

/// Appends a cell's actions. False if it is not understood.
static bool readCell(std::string_view text, std::vector<Action> &list) {
  if (text.empty() || isDerived(text))
    return true;
  Action first, second;
  Cell single(text);
  if (single.take(first) && single.done()) {
    list.push_back(first);
    return true;
  }
  Cell pair(text);
  if (!pair.take("(") || !pair.take(first) || !pair.take(";") ||
      !pair.take(second) || !pair.take(")OVERLAP_F_B") || !pair.done() ||
      isOfShards(first.kind) || isOfShards(second.kind))
    return false;
  first.overlapsNext = true;
  list.push_back(first);
  list.push_back(second);
  return true;
}

static std::string_view trim(std::string_view text) {
  const char *space = " \t\r\"";
  size_t first = text.find_first_not_of(space);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

/// Names what is of shards by the first micro-batch of the row that its stage runs for. Sums of
/// stages that the row does not run are those of parameters that stages share, and made anew.
static std::optional<Error> nameShards(std::vector<Action> &list) {
  std::map<int, int> first; // by stage
  for (const Action &action : list)
    if (isRun(action.kind)) {
      int &known = first.try_emplace(action.stage, action.microbatch).first->second;
      known = std::min(known, action.microbatch);
    }
  std::erase_if(list, [&](const Action &action) {
    return action.kind == Kind::S && !first.contains(action.stage);
  });
  for (Action &action : list) {
    if (!isOfShards(action.kind))
      continue;
    auto found = first.find(action.stage);
    if (found == first.end())
      return Error{toString(action) + " in a row that runs nothing of stage " +
                   std::to_string(action.stage) + ", expected it where the stage runs"};
    action.microbatch = found->second;
  }
  return {};
}

ErrorOr<Order> bitpipe::schedule::readCSV(std::string_view text) {
  Order order;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (trim(row).starts_with('#'))
      continue;
    order.emplace_back();
    for (int column = 1; !row.empty(); ++column) {
      size_t comma = std::min(row.find(','), row.size());
      std::string_view cell = trim(row.substr(0, comma));
      row.remove_prefix(std::min(comma + 1, row.size()));
      if (!readCell(cell, order.back()))
        return Error{"row " + std::to_string(order.size()) + ", cell " +
                     std::to_string(column) + ": " + quoted(cell) +
                     ", expected an action such as 3F2, 3U2V4, "
                     "0UNSHARD, (0F7;7B3)OVERLAP_F_B or 0SEND_F2"};
    }
    if (std::optional<Error> wrong = nameShards(order.back()))
      return Error{"row " + std::to_string(order.size()) + ": " + wrong->text};
  }
  while (!order.empty() && order.back().empty())
    order.pop_back();
  if (order.empty())
    return Error{"no actions, expected one row per device"};
  if (int64_t(order.size()) > mostDevices)
    return Error{std::to_string(order.size()) +
                 " rows, expected one per device, at most " +
                 std::to_string(mostDevices)};
  return order;
}
