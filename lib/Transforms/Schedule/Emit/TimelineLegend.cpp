//===- TimelineLegend.cpp - What a timeline's colours mean -----------------===//

#include "lib/Transforms/Schedule/Emit/TimelineLegend.h"

#include <ostream>

using namespace bitpipe::schedule;

constexpr double legendLeft = 8, rowHeight = 18, boxHeight = 14;

const char *bitpipe::schedule::kindName(Kind kind) {
  constexpr const char *names[kindCount] = {"forward", "backward", "input gradient",
                                            "weight gradient", "recomputation", "update",
                                            "gather of weights", "drop of weights", "scatter of gradients",
                                            "evict", "give back", "keep", "load"};
  return names[int(kind)];
}

std::string bitpipe::schedule::blockStyle(Kind kind, int shade) {
  if (isMove(kind) || isOfShards(kind))
    return "v"; // no block
  return "fbiwru"[int(kind)] + std::to_string(shade + 1);
}

/// What occurs, without places.
static std::vector<LegendEntry> entriesOf(const Schedule &schedule, const RouteShades &shades,
                                          bool overlaps, bool hasSums) {
  bool used[kindCount] = {}, pairs = false, moves = false, copies = false;
  for (const auto &list : schedule.order)
    for (const Action &action : list) {
      used[int(action.kind)] = true;
      bool onHost = isMove(action.kind) &&
                    schedule.placement.isOnHost(action.stage, action.microbatch);
      copies |= onHost;
      moves |= isMove(action.kind) && !onHost;
      pairs |= action.overlapsNext;
    }
  std::vector<LegendEntry> entries;
  for (Kind kind : {Kind::F, Kind::R, Kind::B, Kind::I, Kind::W, Kind::U})
    for (int shade = 0; used[int(kind)] && shade < (shades.isOne() ? 1 : 2); ++shade) {
      std::string name = kindName(kind);
      if (!shades.isOne())
        name += ", " + shades.names[shade];
      entries.push_back({blockStyle(kind, shade), 14, name});
    }
  if (pairs)
    entries.push_back({"o", 28, overlaps ? "a pair, at the same time" : "run as a pair"});
  if (moves)
    entries.push_back({"v", 14, "activation on its way to another device, or back"});
  if (copies)
    entries.push_back({"v", 14, "activation on its way to the host, or back"});
  if (used[int(Kind::A)])
    entries.push_back({"h", 14, "gather of weights"});
  if (hasSums)
    entries.push_back({"u", 14, "sum of gradients"});
  entries.push_back({"", 0, "large: micro-batch; small: kind and stage"});
  return entries;
}

std::vector<LegendEntry>
bitpipe::schedule::makeLegend(const Schedule &schedule, const RouteShades &shades, bool overlaps,
                              bool hasSums, double top, double width) {
  std::vector<LegendEntry> entries = entriesOf(schedule, shades, overlaps, hasSums);
  double x = legendLeft, y = top;
  for (LegendEntry &entry : entries) {
    // Letters of this size are about so wide.
    double taken = entry.boxWidth + 20 + 6.2 * entry.name.size();
    if (x > legendLeft && x + taken > width) {
      x = legendLeft;
      y += rowHeight;
    }
    entry.x = x;
    entry.y = y;
    x += taken;
  }
  return entries;
}

void bitpipe::schedule::drawLegend(std::ostream &stream,
                                   const std::vector<LegendEntry> &legend) {
  for (const LegendEntry &entry : legend) {
    double text = entry.x;
    if (!entry.style.empty()) {
      stream << "<rect class=\"" << entry.style << "\" x=\"" << entry.x
             << "\" y=\"" << entry.y << "\" width=\"" << entry.boxWidth
             << "\" height=\"" << boxHeight << "\"/>";
      text += entry.boxWidth + 4;
    }
    stream << "<text class=\"c\" x=\"" << text << "\" y=\"" << entry.y + 11
           << "\">" << entry.name << "</text>\n";
  }
}
