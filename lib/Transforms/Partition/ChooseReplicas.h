//===- ChooseReplicas.h - How many devices share each stage ------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_PARTITION_CHOOSEREPLICAS_H
#define BITPIPE_TRANSFORMS_PARTITION_CHOOSEREPLICAS_H

#include "lib/Transforms/Partition/Replicated.h"

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe {

/// A model as a chain, for divideReplicated: no more layers than that takes a moment for, each
/// a few nodes, cut where little is carried. Works are counted operations, all else is bytes.
struct LayerChain {
  std::vector<Layer> layers;
  /// The first node of each layer.
  std::vector<size_t> begins;
  double work = 0, weights = 0; // of all
};

/// The chain of a module with its loss. Emits an error where its function cannot be cut.
mlir::FailureOr<LayerChain> layersOf(mlir::ModuleOp module);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PARTITION_CHOOSEREPLICAS_H
