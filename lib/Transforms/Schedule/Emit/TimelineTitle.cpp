//===- TimelineTitle.cpp - What stands above a timeline --------------------===//

#include "lib/Transforms/Schedule/Emit/TimelineTitle.h"

#include "lib/Transforms/Schedule/Core/Text.h"

#include <algorithm>
#include <sstream>

using namespace bitpipe::schedule;

double bitpipe::schedule::headingWidth(const std::string &line) {
  // Bold letters of a wide font are about so wide; the margins are equal.
  return 16 + 7.8 * double(line.size());
}

std::string bitpipe::schedule::titleOf(const Simulated &simulated) {
  const Placement &placement = simulated.schedule.placement;
  std::ostringstream percent, title;
  percent.precision(3);
  percent << 100 * bubble(simulated.use, simulated.timing);
  title << oneLine(simulated.schedule.name) << ": ";
  if (placement.replicas() > 1)
    title << placement.replicas() << " replicas, ";
  title << placement.devices() << " devices, " << placement.stages() << " stages, "
        << placement.microbatches() << " micro-batches, makespan " << simulated.timing.makespan
        << ", bubble " << percent.str() << "%";
  if (!simulated.sums.empty())
    title << ", with gradient sums " << simulated.iterationEnd;
  title << "; times in " << oneLine(simulated.costs.timeUnit);
  return title.str();
}

double bitpipe::schedule::leastTitleWidth(const std::string &title) {
  double width = 0;
  for (const std::string &word : wrapTitle(title, 0))
    width = std::max(width, headingWidth(word));
  return width;
}

std::vector<std::string> bitpipe::schedule::wrapTitle(const std::string &title, double width) {
  std::istringstream words(title);
  std::vector<std::string> lines;
  for (std::string word; words >> word;)
    if (lines.empty() || headingWidth(lines.back() + ' ' + word) > width)
      lines.push_back(word);
    else
      lines.back() += ' ' + word;
  return lines;
}
