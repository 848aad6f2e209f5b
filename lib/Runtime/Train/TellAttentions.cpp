//===- TellAttentions.cpp - What computes attentions, at the start ------------===//

#include "lib/Runtime/Train/TellAttentions.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

using namespace bitpipe;

/// A line each, which says first what it is.
static std::string written(const AttentionCounts &counts) {
  std::ostringstream lines;
  lines << "c" << counts.cudnn << "\no" << counts.own << "\n";
  for (const std::string &version : counts.versions)
    lines << "v" << version << "\n";
  for (std::string remark : counts.remarks) {
    std::ranges::replace(remark, '\n', ' ');
    lines << "r" << remark << "\n";
  }
  return lines.str();
}

static AttentionCounts read(const std::string &text) {
  AttentionCounts counts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::string rest = line.substr(1);
    switch (line[0]) {
    case 'c':
      counts.cudnn = std::stoll(rest);
      break;
    case 'o':
      counts.own = std::stoll(rest);
      break;
    case 'v':
      counts.versions.insert(rest);
      break;
    case 'r':
      counts.remarks.insert(rest);
      break;
    }
  }
  return counts;
}

static std::string joinedBy(const char *between, const std::set<std::string> &texts) {
  std::string all;
  for (const std::string &text : texts)
    all += (all.empty() ? "" : between) + text;
  return all;
}

void bitpipe::tellAttentions(const std::optional<AttentionCounts> &mine, World &world) {
  if (!mine)
    return;
  AttentionCounts all;
  for (const std::string &text : world.allGather(written(*mine)))
    all.add(read(text));
  if (!world.speaks() || all.cudnn + all.own == 0)
    return;
  std::string versions = joinedBy(", ", all.versions), why = joinedBy("; ", all.remarks);
  std::printf("attentions of a step: %ld by cuDNN%s%s, %ld by own kernels%s%s\n",
              long(all.cudnn), versions.empty() ? "" : " ", versions.c_str(), long(all.own),
              why.empty() ? "" : ": ", why.c_str());
}
