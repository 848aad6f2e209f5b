//===- Features.cpp - Can this processor run the kernels? ------------------===//

#include "lib/Runtime/Plan/Features.h"

#include "lib/Runtime/Error.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

using namespace bitpipe;

void bitpipe::checkFeatures(const std::string &plan,
                            const std::string &features) {
  llvm::StringMap<bool, llvm::MallocAllocator> here =
      llvm::sys::getHostCPUFeatures();
  llvm::SmallVector<llvm::StringRef> needed, lacking;
  llvm::StringRef(features).split(needed, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef name : needed)
    if (!here.lookup(name))
      lacking.push_back(name);
  if (lacking.empty())
    return;
  std::string cpu = llvm::sys::getHostCPUName().str();
  fail(plan, ": error: the kernels need ", llvm::join(lacking, ", "),
       ", which this processor (", cpu, ") lacks: compile the model again here, "
       "or with bitpipe-opt --arch=", cpu);
}
