//===- MemoryNeed.cpp - What devices need beside what they have ------------===//

#include "tools/bitpipe-opt/MemoryNeed.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace bitpipe;

std::string bitpipe::lackText(llvm::ArrayRef<int64_t> needed, int64_t memory) {
  auto most = llvm::max_element(needed);
  return llvm::formatv("--memory is {0} bytes, but device {1} needs {2}", memory,
                       most - needed.begin(), *most);
}

std::string bitpipe::needText(llvm::ArrayRef<int64_t> needed, int64_t memory, double longer) {
  auto most = llvm::max_element(needed);
  std::string slower;
  if (longer > 0)
    slower = llvm::formatv("the iteration takes {0:f1}% longer as simulated, ", 100 * longer);
  return slower + llvm::formatv("device {0} needs {1} of {2} bytes", most - needed.begin(), *most,
                                memory)
                      .str();
}
