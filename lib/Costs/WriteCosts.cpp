//===- WriteCosts.cpp - Costs as a JSON file -------------------------------===//

#include "lib/Costs/CostFile.h"

#include <cstdio>

using namespace bitpipe;
using schedule::Costs;
using schedule::Link;

namespace {

/// A JSON object on one line.
class Line {
public:
  void text(const char *key, const std::string &value) {
    line += line.empty() ? "{" : ", ";
    line += "\"" + std::string(key) + "\": " + value;
  }
  void number(const char *key, double value) {
    char digits[32];
    std::snprintf(digits, sizeof(digits), "%.7g", value);
    text(key, digits);
  }
  /// What is 0 by itself is left out.
  void positive(const char *key, double value) {
    if (value > 0)
      number(key, value);
  }
  std::string end() const { return (line.empty() ? "{" : line) + "}"; }

private:
  std::string line;
};

template <typename Items, typename Write>
std::string list(const Items &items, const char *between, Write write) {
  std::string text;
  for (const auto &item : items)
    text += (text.empty() ? "" : between) + write(item);
  return "[" + text + "]";
}

std::string stageText(const schedule::StageCost &stage) {
  Line line;
  line.number("F", stage.forward);
  line.number("B", stage.backward);
  line.number("I", stage.inputGradient);
  line.number("W", stage.weightGradient);
  line.positive("recompute", stage.recompute);
  line.positive("pair", stage.pair);
  line.positive("activation", stage.activation);
  if (stage.kept >= 0)
    line.number("kept", stage.kept);
  line.positive("input", stage.input);
  line.number("message", stage.message);
  line.positive("state", stage.state);
  line.positive("moments", stage.moments);
  line.positive("weights", stage.weights);
  if (stage.gathered >= 0)
    line.number("gathered", stage.gathered);
  if (stage.gradients >= 0)
    line.number("gradients", stage.gradients);
  line.positive("sum", stage.sum);
  line.positive("holders", stage.holders);
  line.positive("norm", stage.norm);
  line.positive("optimizer", stage.optimizer);
  return line.end();
}

std::string sharedText(const schedule::SharedCost &shared) {
  Line line;
  line.text("stages", list(shared.stages, ", ",
                           [](int stage) { return std::to_string(stage); }));
  line.positive("sum", shared.sum);
  line.positive("holders", shared.holders);
  line.positive("norm", shared.norm);
  line.positive("optimizer", shared.optimizer);
  return line.end();
}

std::string sizes(const std::vector<double> &values) {
  return list(values, ", ", [](double value) {
    char digits[32];
    std::snprintf(digits, sizeof(digits), "%.17g", value);
    return std::string(digits);
  });
}

/// A bandwidth without a limit is left out, or is the greatest that there is where
/// `needed`.
void addLink(Line &line, const Link &link, bool needed) {
  line.number("latency", link.latency);
  if (link.transfer > 0)
    line.number("bandwidth", 1 / link.transfer);
  else if (needed)
    line.number("bandwidth", schedule::mostCost);
}

/// What a pair leaves out it has in common with the others.
std::string linksText(const Costs &costs) {
  std::string pairs;
  for (size_t from = 0; from < costs.links.size(); ++from)
    for (size_t to = 0; to < costs.links.size(); ++to) {
      const Link &link = costs.links[from][to];
      bool same = link.latency == costs.link.latency &&
                  link.transfer == costs.link.transfer;
      if (from == to || same)
        continue;
      Line line;
      line.number("from", double(from));
      line.number("to", double(to));
      addLink(line, link, costs.link.transfer > 0);
      pairs += (pairs.empty() ? "" : ",\n    ") + line.end();
    }
  Line line;
  addLink(line, costs.link, false);
  if (costs.host.latency != costs.link.latency || costs.host.transfer != costs.link.transfer) {
    Line host;
    addLink(host, costs.host, costs.link.transfer > 0);
    line.text("host", host.end());
  }
  if (!pairs.empty())
    line.text("pairs", "[\n    " + pairs + "]");
  return line.end();
}

} // namespace

std::string bitpipe::textOf(const Costs &costs) {
  std::string text = "{\"written_by\":\"bitpipe\",\n \"stages\": " +
                     list(costs.stages, ",\n   ", stageText);
  if (!costs.shared.empty())
    text += ",\n \"shared\": " + list(costs.shared, ",\n   ", sharedText);
  if (!costs.memory.empty())
    text += ",\n \"memory\": " + sizes(costs.memory);
  if (!costs.buffers.empty())
    text += ",\n \"buffers\": " + sizes(costs.buffers);
  if (!costs.model.empty())
    text += ",\n \"model\": \"" + costs.model + "\"";
  if (costs.samples != 1)
    text += ",\n \"samples\": " + std::to_string(costs.samples);
  Line feed;
  feed.number("feed", costs.feed);
  feed.positive("threads", double(costs.threads));
  text += ",\n " + feed.end().substr(1, feed.end().size() - 2);
  return text + ",\n \"links\": " + linksText(costs) + "}\n";
}
