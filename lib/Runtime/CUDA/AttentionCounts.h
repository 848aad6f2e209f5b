//===- AttentionCounts.h - What computes a run's attentions --------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_ATTENTIONCOUNTS_H
#define BITPIPE_RUNTIME_CUDA_ATTENTIONCOUNTS_H

#include <cstdint>
#include <set>
#include <string>

namespace bitpipe {

/// How many attentions of a step are computed by what.
struct AttentionCounts {
  int64_t cudnn = 0, own = 0;
  std::set<std::string> versions; // of cuDNN, on several hosts perhaps several
  std::set<std::string> remarks;  // why not by cuDNN

  void add(const AttentionCounts &others) {
    cudnn += others.cudnn, own += others.own;
    versions.insert(others.versions.begin(), others.versions.end());
    remarks.insert(others.remarks.begin(), others.remarks.end());
  }
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_ATTENTIONCOUNTS_H
