//===- DescribeKernels.cpp - What the runtime must know of a kernel --------===//

#include "lib/Transforms/Kernels/GPU/DescribeKernels.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Transforms/Kernels/LowerToLLVM.h"
#include "lib/Transforms/Kernels/Passes.h"

using namespace mlir;
using namespace bitpipe;
using namespace bitpipe::grid;

void grid::describeKernel(OpBuilder &b, func::FuncOp function, const Kernel &kernel) {
  SmallVector<int64_t> extents, grids, blocks, shared;
  SmallVector<StringRef> entries;
  SmallVector<std::string> names;
  for (Type type : function.getArgumentTypes())
    extents.push_back(extentOf(cast<MemRefType>(type)));
  for (Launch launch : kernel.launches) {
    names.push_back(launch.entry());
    grids.push_back(launch.grid);
    blocks.push_back(launch.block);
    shared.push_back(launch.shared);
  }
  entries.assign(names.begin(), names.end());
  pipe::GPUKernelOp::create(b, function.getLoc(), b.getStringAttr(kernel.name),
                            b.getDenseI64ArrayAttr(extents), b.getI64IntegerAttr(movedBytes(function)),
                            b.getStrArrayAttr(entries), b.getDenseI64ArrayAttr(grids),
                            b.getDenseI64ArrayAttr(blocks), b.getDenseI64ArrayAttr(shared),
                            b.getI64IntegerAttr(kernel.scratch));
}
