//===- EmitTimeline.cpp - A schedule as a picture --------------------------===//
//
// Hue tells the kind of work and lightness the route (RouteShades.h), so that the picture reads
// without colour vision and in grey print. A frame holds together what is meant to run at
// the same time; where costs say that it does, one block is above the other. Blocks are drawn first; a second
// layer of transparent ones above takes the pointer: hovering shows what a
// block is, what it waits for, and the way of its message.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/MemoryWalk.h"
#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Emit/Emit.h"
#include "lib/Transforms/Schedule/Emit/Print.h"
#include "lib/Transforms/Schedule/Emit/TimelineLegend.h"
#include "lib/Transforms/Schedule/Emit/TimelineTitle.h"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <sstream>

using namespace bitpipe::schedule;

namespace {
constexpr double left = 76, laneHeight = 30, laneGap = 6, sumHeight = 8,
                 replicaGap = 18, titleHeight = 16, curveHeight = 34, curveGap = 12;

class Timeline {
public:
  Timeline(std::ostream &stream, const Simulated &simulated)
      : stream(stream), schedule(simulated.schedule), costs(simulated.costs),
        timing(simulated.timing), use(simulated.use), sums(simulated.sums),
        iterationEnd(simulated.iterationEnd),
        replicas(schedule.placement.replicas()),
        devicesOfOne(schedule.placement.devices() / replicas),
        shades(shadesOf(schedule.placement)),
        curvesTitle("Live activations per device, in " + oneLine(costs.sizeUnit)) {
    double work = 0, actions = 0;
    for (size_t device = 0; device < use.size(); ++device) {
      work += use[device].work;
      actions += schedule.order[device].size();
    }
    // Actions are wide enough on average to hold their numbers.
    scale = work > 0 ? 30 * actions / work : 30;
    // However long messages take, a browser must be able to open it.
    scale = std::min(scale, 1e7 / iterationEnd);
    std::string wholeTitle = titleOf(simulated);
    width = std::max({x(iterationEnd) + 20, 640.0, leastTitleWidth(wholeTitle),
                      headingWidth(curvesTitle)});
    title = wrapTitle(wholeTitle, width);
    legend = makeLegend(schedule, shades, costs.overlapsPairs(), !sums.empty(),
                        12 + title.size() * titleHeight, width);
    top = legend.back().y + 36;
  }

  void draw();

private:
  double x(double time) const { return left + time * scale; }
  double y(size_t device) const {
    return top + device * (laneHeight + laneGap + (sums.empty() ? 0 : sumHeight)) +
           (replicas > 1 ? (device + devicesOfOne) / devicesOfOne * replicaGap : 0);
  }
  /// Whether two go on at the same time, each in a half of the lane.
  bool isHalf(size_t device, size_t i) const {
    const std::vector<Action> &list = schedule.order[device];
    return costs.overlapsPairs() && (beginsPair(list, i) || endsPair(list, i));
  }
  /// Where the block of an action begins and how high it is.
  double blockTop(size_t device, size_t i) const {
    bool isLower = isHalf(device, i) && endsPair(schedule.order[device], i);
    return y(device) + (isLower ? laneHeight / 2 : 0);
  }
  double blockHeight(size_t device, size_t i) const {
    return isHalf(device, i) ? laneHeight / 2 : laneHeight;
  }
  double bottom() const {
    return y(timing.start.size()) - (replicas > 1 ? replicaGap : 0);
  }
  double curvesTop() const { return bottom() + 44; }

  void drawHead(double height);
  void drawTitle();
  void drawAxis();
  void drawReplica(size_t first);
  void drawLane(size_t device);
  void drawBlock(size_t device, size_t i);
  void drawMove(size_t device, size_t i);
  void drawPairs(size_t device);
  void drawBelow(const SumTime &sum, const char *style, const std::string &text);
  void drawSums();
  void drawPointers(size_t device);
  void drawCurve(size_t device, double peak);
  std::string tip(size_t device, size_t i) const;

  std::ostream &stream;
  const Schedule &schedule;
  const Costs &costs;
  const Timing &timing;
  const std::vector<DeviceUse> &use;
  const std::vector<SumTime> &sums;
  const double iterationEnd;
  const size_t replicas, devicesOfOne;
  const RouteShades shades;
  const std::string curvesTitle;
  double scale = 30, width = 0;
  std::vector<std::string> title; // in lines
  std::vector<LegendEntry> legend;
  /// Where the lanes begin: below the legend.
  double top = 0;
};
} // namespace

void Timeline::drawHead(double height) {
  stream << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width
         << "\" height=\"" << height << "\" viewBox=\"0 0 " << width << " "
         << height << "\" font-family=\"Helvetica,Arial,sans-serif\">\n"
         << R"(<style>
.f1{fill:#b5d9f2}.f2{fill:#1b6ca8}.b1{fill:#fdd09a}.b2{fill:#c45a00}
.i1{fill:#f3bcd5}.i2{fill:#a1306f}.w1{fill:#c3e6bd}.w2{fill:#2a7a3f}
.r1{fill:#cfd6dc}.r2{fill:#4a5a68}.u1{fill:#111}.u2{fill:#111}
rect{stroke:#fff;stroke-width:.6}
.t{text-anchor:middle;font-size:11px;font-weight:bold;pointer-events:none}
.s{text-anchor:middle;font-size:7px;pointer-events:none}
.d{fill:#111}.l{fill:#fff}
.p rect{fill:#000;fill-opacity:0;stroke:none}
.p:hover rect{fill-opacity:.15;stroke:#000;stroke-width:1.5}
.p path{display:none;fill:none;stroke:#000;stroke-width:2;pointer-events:none}
.p:hover path{display:inline}
.o{fill:none;stroke:#000;stroke-width:1.6;pointer-events:none}
.g{stroke:#ddd;stroke-width:.6}.e{fill:#f1f1f1;stroke:none}
.u{fill:#555}.v{fill:#111}.h{fill:#9a8fd0}
.m{fill:#d5d5e6;stroke:#44447a;stroke-width:1}
.c{font-size:11px;fill:#222}.r{font-size:9px;fill:#444}
@media print{.p{display:none}}
</style>
)" << "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
}

void Timeline::drawTitle() {
  for (size_t i = 0; i < title.size(); ++i)
    stream << "<text class=\"c\" x=\"8\" y=\"" << 18 + i * titleHeight
           << "\" font-weight=\"bold\">" << xmlText(title[i]) << "</text>\n";
}

void Timeline::drawAxis() {
  double step = std::pow(10, std::ceil(std::log10(60 / scale)));
  if (step * scale > 150)
    step /= 2;
  for (double time = 0; time <= iterationEnd; time += step)
    stream << "<line class=\"g\" x1=\"" << x(time) << "\" x2=\"" << x(time)
           << "\" y1=\"" << top - 6 << "\" y2=\"" << bottom()
           << "\"/><text class=\"r\" text-anchor=\"middle\" x=\"" << x(time)
           << "\" y=\"" << bottom() + 8 << "\">" << time << "</text>\n";
}

/// The heading of a replica's lanes.
void Timeline::drawReplica(size_t first) {
  stream << "<text class=\"c\" x=\"8\" y=\"" << y(first) - 5
         << "\" font-weight=\"bold\">replica " << first / devicesOfOne
         << "</text>\n";
}

void Timeline::drawLane(size_t device) {
  stream << "<text class=\"c\" x=\"8\" y=\"" << y(device) + laneHeight / 2 + 4
         << "\">device " << device << "</text><rect class=\"e\" x=\"" << left
         << "\" y=\"" << y(device) << "\" width=\"" << iterationEnd * scale
         << "\" height=\"" << laneHeight << "\"/>\n";
  const std::vector<Action> &list = schedule.order[device];
  // Last what may take no time, so that no block hides it.
  for (bool last : {false, true})
    for (size_t i = 0; i < list.size(); ++i) {
      bool isMark = list[i].kind == Kind::U || isMove(list[i].kind);
      if (isMark != last || isOfShards(list[i].kind))
        continue; // of shards: see drawSums
      if (isMove(list[i].kind))
        drawMove(device, i);
      else
        drawBlock(device, i);
    }
}

void Timeline::drawBlock(size_t device, size_t i) {
  const Action &action = schedule.order[device][i];
  double start = x(timing.start[device][i]), end = x(timing.end[device][i]);
  std::string colour = blockStyle(action.kind, shades.ofWay[schedule.placement.way(action.microbatch)]);
  const char *ink = colour[1] == '2' || action.kind == Kind::U ? "l" : "d";
  if (action.kind == Kind::U)
    end = std::max(end, start + 3);
  stream << "<rect class=\"" << colour << "\" x=\"" << start << "\" y=\""
         << blockTop(device, i) << "\" width=\"" << end - start << "\" height=\""
         << blockHeight(device, i) << "\"/>\n";
  if (end - start < 14)
    return; // No room for numbers; hovering shows them.
  if (isHalf(device, i)) {
    stream << "<text class=\"t " << ink << "\" x=\"" << (start + end) / 2 << "\" y=\""
           << blockTop(device, i) + 11 << "\">" << action.microbatch
           << "<tspan dx=\"2\" font-size=\"7\" font-weight=\"normal\">" << letterOf(action.kind) << action.stage
           << "</tspan></text>\n";
    return;
  }
  stream << "<text class=\"t " << ink << "\" x=\""
         << (start + end) / 2 << "\" y=\"" << y(device) + 15 << "\">"
         << action.microbatch << "</text><text class=\"s " << ink
         << "\" x=\"" << (start + end) / 2 << "\" y=\"" << y(device) + 25
         << "\">" << letterOf(action.kind) << action.stage << "</text>\n";
}

/// A bar at the foot of the sender's lane, as long as the message takes.
void Timeline::drawMove(size_t device, size_t i) {
  if (!sendsMove(schedule.order[device][i].kind))
    return;
  double start = x(timing.start[device][i]), end = x(timing.arrival[device][i]);
  stream << "<rect class=\"v\" x=\"" << start << "\" y=\"" << y(device) + laneHeight - 4
         << "\" width=\"" << std::max(end - start, 3.0) << "\" height=\"4\"/>\n";
}

/// Frames around actions that are meant to run at the same time.
void Timeline::drawPairs(size_t device) {
  const std::vector<Action> &list = schedule.order[device];
  for (size_t i = 0; i + 1 < list.size(); ++i) {
    if (!list[i].overlapsNext)
      continue;
    double start = x(timing.start[device][i]),
           end = x(timing.end[device][i + 1]);
    stream << "<rect class=\"o\" x=\"" << start + 1 << "\" y=\""
           << y(device) + 1 << "\" width=\"" << end - start - 2
           << "\" height=\"" << laneHeight - 2 << "\"/>\n";
  }
}

/// Below the lanes of the devices that take part.
void Timeline::drawBelow(const SumTime &sum, const char *style, const std::string &text) {
  for (int device : sum.devices)
    stream << "<rect class=\"" << style << "\" x=\"" << x(sum.start) << "\" y=\""
           << y(device) + laneHeight + 1 << "\" width=\""
           << (sum.end - sum.start) * scale << "\" height=\"" << sumHeight
           << "\"><title>" << text << "\n" << sum.start << " to "
           << sum.end << "</title></rect>\n";
}

void Timeline::drawSums() {
  for (const SumTime &gather : timing.gathers)
    drawBelow(gather, "h", gatherText(gather));
  for (const SumTime &sum : sums)
    drawBelow(sum, "u", toString(sum));
}

/// What hovering over an action tells.
std::string Timeline::tip(size_t device, size_t i) const {
  const Action &action = schedule.order[device][i];
  std::ostringstream text;
  text << kindName(action.kind) << ", stage " << action.stage
       << ", micro-batch " << action.microbatch << "\ndevice " << device
       << ", " << timing.start[device][i] << " to " << timing.end[device][i];
  if (schedule.placement.updates())
    text << (action.kind == Kind::U ? "\nmakes version " : "\nreads version ")
         << (action.kind == Kind::U
                 ? groupOf(schedule.placement, action.microbatch) + 1
                 : versionRead(schedule.placement, action.stage, action.microbatch))
         << " of the weights";
  const std::vector<Action> &list = schedule.order[device];
  if (i > 0 && list[i - 1].overlapsNext)
    text << "\npair with " << toString(list[i - 1]);
  if (action.overlapsNext && i + 1 < list.size())
    text << "\npair with " << toString(list[i + 1]);
  int to = receiver(schedule.placement, action);
  if (to == int(device))
    text << (action.kind == Kind::E ? "\ncopy to the host" : "\ncopy from the host");
  else if (to >= 0)
    text << "\nmessage to device " << to;
  if (to >= 0)
    text << ", there at " << timing.arrival[device][i];
  return text.str();
}

void Timeline::drawPointers(size_t device) {
  for (size_t i = 0; i < schedule.order[device].size(); ++i) {
    if (isOfShards(schedule.order[device][i].kind))
      continue;
    double start = x(timing.start[device][i]), end = x(timing.end[device][i]);
    stream << "<g class=\"p\"><title>" << tip(device, i)
           << "</title><rect x=\"" << start << "\" y=\"" << blockTop(device, i)
           << "\" width=\"" << end - start << "\" height=\"" << blockHeight(device, i)
           << "\"/>";
    int to = receiver(schedule.placement, schedule.order[device][i]);
    if (to >= 0) {
      double arrival = x(timing.arrival[device][i]);
      double from = y(device) + laneHeight / 2, there = y(to) + laneHeight / 2;
      stream << "<path d=\"M" << end << " " << from << "L" << arrival << " "
             << there << "m-3 -3l6 6m0 -6l-6 6\"/>";
    }
    stream << "</g>\n";
  }
}

/// The activations alive on a device, as steps.
void Timeline::drawCurve(size_t device, double peak) {
  double base = curvesTop() + (device + 1) * (curveHeight + curveGap);
  double unit = peak > 0 ? curveHeight / peak : 0, alive = 0;
  stream << "<text class=\"c\" x=\"8\" y=\"" << base - 12 << "\">device "
         << device << "</text><text class=\"r\" x=\"8\" y=\"" << base
         << "\">at most ";
  print(stream, "%.4g", use[device].peakActivation); // no more has room
  stream << "</text><path class=\"m\" d=\"M" << left << " " << base;
  auto stepTo = [&](double time, double change) {
    alive += change;
    stream << "H" << x(time) << "V" << base - alive * unit;
  };
  MemoryWalk walk(schedule.placement, costs);
  for (size_t i = 0; i < schedule.order[device].size(); ++i) {
    const Action &action = schedule.order[device][i];
    MemoryChange change = walk.next(action);
    if (change.taken > 0)
      stepTo(timing.start[device][i], change.taken);
    if (change.freed > 0)
      stepTo(timing.end[device][i], -change.freed);
  }
  stream << "H" << x(iterationEnd) << "V" << base << "Z\"/>\n";
}

void Timeline::draw() {
  size_t devices = timing.start.size();
  double peak = 0;
  for (const DeviceUse &row : use)
    peak = std::max(peak, row.peakActivation);
  drawHead(curvesTop() + devices * (curveHeight + curveGap) + 16);
  drawTitle();
  drawLegend(stream, legend);
  drawAxis();
  for (size_t first = 0; replicas > 1 && first < devices; first += devicesOfOne)
    drawReplica(first);
  for (size_t device = 0; device < devices; ++device)
    drawLane(device);
  for (size_t device = 0; device < devices; ++device)
    drawPairs(device);
  drawSums();
  stream << "<text class=\"c\" x=\"8\" y=\"" << curvesTop() - 8
         << "\" font-weight=\"bold\">" << xmlText(curvesTitle) << "</text>\n";
  for (size_t device = 0; device < devices; ++device)
    drawCurve(device, peak);
  for (size_t device = 0; device < devices; ++device)
    drawPointers(device);
  stream << "</svg>\n";
}

void bitpipe::schedule::emitTimeline(std::ostream &stream,
                                     const Simulated &simulated) {
  Timeline(stream, simulated).draw();
}
