//===- TellLibraries.cpp - What computes what libraries can, at the start ------===//

#include "lib/Runtime/Train/TellLibraries.h"

#include "lib/Runtime/Transport/Packing.h"

#include <algorithm>
#include <cstdio>

using namespace bitpipe;

static std::string written(const LibraryCounts &counts) {
  return packed({std::to_string(counts.cudnn), std::to_string(counts.own),
                 packed({counts.versions.begin(), counts.versions.end()}),
                 packed({counts.remarks.begin(), counts.remarks.end()}),
                 std::to_string(counts.gradientsInProducts),
                 std::to_string(counts.gradientsByOwn),
                 packed({counts.gradientRemarks.begin(), counts.gradientRemarks.end()})});
}

static LibraryCounts read(const std::string &text) {
  std::vector<std::string> parts = *unpacked(text);
  std::vector<std::string> versions = *unpacked(parts[2]), remarks = *unpacked(parts[3]),
                           ofGradients = *unpacked(parts[6]);
  return {std::stoll(parts[0]), std::stoll(parts[1]), {versions.begin(), versions.end()},
          {remarks.begin(), remarks.end()}, std::stoll(parts[4]), std::stoll(parts[5]),
          {ofGradients.begin(), ofGradients.end()}};
}

static std::string joinedBy(const char *between, const std::set<std::string> &texts) {
  std::string all;
  for (const std::string &text : texts)
    all += (all.empty() ? "" : between) + text;
  return all;
}

void bitpipe::tellLibraries(const std::optional<LibraryCounts> &mine, World &world) {
  if (!mine)
    return;
  LibraryCounts all;
  for (const std::string &text : world.allGather(written(*mine)))
    all.add(read(text));
  if (!world.speaks())
    return;
  if (all.gradientsInProducts + all.gradientsByOwn > 0) {
    std::string why = joinedBy("; ", all.gradientRemarks);
    std::printf("bias gradients of a step: %ld in products by cuBLASLt, %ld by own kernels%s%s\n",
                long(all.gradientsInProducts), long(all.gradientsByOwn), why.empty() ? "" : ": ",
                why.c_str());
  }
  if (all.cudnn + all.own == 0)
    return;
  std::string versions = joinedBy(", ", all.versions), why = joinedBy("; ", all.remarks);
  std::ranges::replace(why, '\n', ' ');
  std::printf("attentions of a step: %ld by cuDNN%s%s, %ld by own kernels%s%s\n",
              long(all.cudnn), versions.empty() ? "" : " ", versions.c_str(), long(all.own),
              why.empty() ? "" : ": ", why.c_str());
}
