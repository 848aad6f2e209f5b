//===- LibraryCounts.h - What computes what libraries can -----------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_LIBRARYCOUNTS_H
#define BITPIPE_RUNTIME_CUDA_LIBRARYCOUNTS_H

#include <cstdint>
#include <set>
#include <string>

namespace bitpipe {

/// How many attentions and bias gradients of a step are computed by what.
struct LibraryCounts {
  int64_t cudnn = 0, own = 0;
  std::set<std::string> versions; // of cuDNN, on several hosts perhaps several
  std::set<std::string> remarks;  // why not by cuDNN
  int64_t gradientsInProducts = 0, gradientsByOwn = 0;
  std::set<std::string> gradientRemarks; // why not in products, where the library would

  void add(const LibraryCounts &others) {
    cudnn += others.cudnn, own += others.own;
    gradientsInProducts += others.gradientsInProducts, gradientsByOwn += others.gradientsByOwn;
    versions.insert(others.versions.begin(), others.versions.end());
    remarks.insert(others.remarks.begin(), others.remarks.end());
    gradientRemarks.insert(others.gradientRemarks.begin(), others.gradientRemarks.end());
  }
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_LIBRARYCOUNTS_H
