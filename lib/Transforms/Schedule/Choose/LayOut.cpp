//===- LayOut.cpp - Which candidates are laid out --------------------------===//

#include "lib/Transforms/Schedule/Choose/LayOut.h"

#include <algorithm>
#include <sstream>
#include <tuple>

using namespace bitpipe::schedule;

/// So many look for the fastest one. Then those that need least are laid out, as many again; and
/// as many where none fits, to know which needs least.
static constexpr size_t mostLayOuts = 12;

/// On few devices many schedules are one.
const Candidate *LayOuts::likeOne(const Candidate &candidate) const {
  auto marks = [](const Candidate &one) {
    return std::tuple(one.time, one.work, one.memory, one.withMessages, one.weights,
                      one.request.samples, one.request.replicas, one.request.shard, one.recomputes());
  };
  auto found = std::find_if(refused.begin(), refused.end(), [&](const Candidate &one) {
    return one.time > 0 && marks(one) == marks(candidate); // without a time it has no order
  });
  return found == refused.end() ? nullptr : &*found;
}

double LayOuts::expected(const Candidate &candidate) const {
  if (candidate.laidOut > 0)
    return candidate.laidOut;
  if (const Candidate *like = likeOne(candidate))
    return like->laidOut;
  // Without an order it needs at least so much.
  return candidate.time > 0 ? candidate.withMessages + beyond : candidate.memory;
}

bool LayOuts::mayFit(const Candidate &candidate) const {
  return count < mostLayOuts && expected(candidate) <= layout->memory();
}

bool LayOuts::mayLearn() const { return count < 3 * mostLayOuts; }

/// All from `first` on.
void LayOuts::move(std::vector<Candidate> &from, std::vector<Candidate>::iterator first,
                   std::vector<Candidate> &to) {
  std::move(first, from.end(), std::back_inserter(to));
  from.erase(first, from.end());
}

void LayOuts::readmit(std::vector<Candidate> &fitting) {
  auto first = std::stable_partition(late.begin(), late.end(),
                                     [&](const Candidate &one) { return !mayFit(one); });
  move(late, first, fitting);
}

bool LayOuts::putOff(std::vector<Candidate> &fitting) {
  auto first = std::stable_partition(fitting.begin(), fitting.end(),
                                     [&](const Candidate &one) { return mayFit(one); });
  bool isAny = first != fitting.end();
  move(fitting, first, late);
  return isAny;
}

std::optional<Candidate> LayOuts::take(std::vector<Candidate> &fitting) {
  bool isLate = fitting.empty();
  std::vector<Candidate> &from = isLate ? late : fitting;
  if (from.empty() || count >= 2 * mostLayOuts)
    return {};
  auto taken = from.begin();
  if (isLate)
    taken = std::min_element(from.begin(), from.end(), [&](const auto &one, const auto &other) {
      return one.withMessages < other.withMessages;
    });
  Candidate result = std::move(*taken);
  from.erase(taken);
  return result;
}

void LayOuts::refuse(Candidate &candidate, double need, const char *how) const {
  std::ostringstream text;
  text.precision(15);
  text << how << " a device needs " << need << " of " << layout->memory() << " bytes";
  candidate.exceeds = Error{text.str()};
  candidate.excess = need / layout->memory();
}

std::optional<Error> LayOuts::layOut(Candidate &candidate) {
  ErrorOr<double> need = layout->need(candidate.request);
  if (!need)
    return need.error();
  double own = *need - candidate.withMessages;
  beyond = count++ ? std::min(beyond, own) : own;
  candidate.laidOut = *need;
  if (*need <= layout->memory())
    return {};
  refused.push_back(candidate);
  refuse(candidate, *need, "laid out");
  return {};
}

void LayOuts::giveUp(std::vector<Candidate> &exceeding) {
  move(late, late.begin(), exceeding);
}

void LayOuts::explain(std::vector<Candidate> &exceeding) const {
  for (Candidate &candidate : exceeding)
    if (!candidate.exceeds)
      refuse(candidate, expected(candidate), "by those that were laid out");
}
