//===- Version.cpp - What --version says ----------------------------------===//

#include "lib/Version/Version.h"

#include "lib/Version/Commit.h"

#include "oneapi/dnnl/dnnl_version.h"

std::string bitpipe::versionText() {
  std::string oneDNN;
  for (int part : {DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH})
    oneDNN += (oneDNN.empty() ? "" : ".") + std::to_string(part);
  return "bitpipe " BITPIPE_VERSION ", commit " BITPIPE_COMMIT "\n"
         "LLVM and MLIR " BITPIPE_LLVM_VERSION "\n"
         "oneDNN " + oneDNN + "\n";
}
