//===- Carried.h - What passes over a cut ----------------------------------===//
//
// A value made before a cut and used after it is carried. Views are rebuilt
// after the cut from whichever values of their root carry fewer bytes: the
// root, or only those views of it that are still used.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_PARTITION_CARRIED_H
#define BITPIPE_TRANSFORMS_PARTITION_CARRIED_H

#include "lib/Transforms/Partition/ForwardGraph.h"

namespace bitpipe {

/// What each cut of the line of nodes would carry.
class Carried {
public:
  explicit Carried(const ForwardGraph &graph);

  /// For every node the bytes that a cut before it carries.
  std::vector<double> bytes() const;
  /// The values that a cut before `node` carries, in program order.
  llvm::SmallVector<mlir::Value> values(unsigned node) const;

private:
  /// A result of a node, or a view of one.
  struct Entry {
    mlir::Value value;
    double bytes;
    unsigned parent;  ///< In its family; a root is its own parent.
    int lastUse = -1; ///< The last node that reads it.
  };
  /// A root, first, and all its views; parents come before their views.
  struct Family {
    unsigned madeBy; ///< The root's node.
    std::vector<Entry> members;
  };
  /// The members of a family that a cut before `node` carries.
  static llvm::SmallVector<unsigned> choose(const Family &family, int node);

  void add(mlir::Operation *op, const ForwardGraph &graph);

  unsigned nodes;
  std::vector<Family> families;
  llvm::DenseMap<mlir::Value, std::pair<unsigned, unsigned>> places;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_PARTITION_CARRIED_H
