//===- ParameterGroups.h - Parameters that live and step together ----------===//
//
// A group holds the parameters that are used by exactly the same stages: the
// own parameters of one stage, or those tied between several. Every device
// that runs one of the stages holds the whole group in one piece of memory,
// trainable parameters first, gradients and moments at the same offsets. Of those
// that some stage reads as working weights it holds copies in bf16 besides, in the
// order of the parameters themselves, so that one pass over the trainable ones
// rounds them all. Parameters without copies lie in the middle, so that one range is
// all of them.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_PARAMETERGROUPS_H
#define BITPIPE_TRANSFORMS_LOWER_PARAMETERGROUPS_H

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

#include <map>
#include <optional>

namespace bitpipe::lower {

struct ParameterGroup {
  struct Member {
    pipe::ParameterOp parameter;
    int64_t offset;                        // bytes
    std::optional<int64_t> working = {};   // bytes, of the copy
  };
  llvm::SmallVector<int64_t> stages; // ascending
  llvm::SmallVector<Member> members;
  int64_t bytes = 0;
  int64_t trainableBytes = 0; // at the start
  int64_t workingBytes = 0;   // of the copies
  int64_t workingElements = 0; // how many of the first parameters' have copies
  /// Bytes, from one to before another, that hold all which is read in f32: where some are
  /// gathered as copies, and not all in f32.
  std::optional<std::pair<int64_t, int64_t>> full = {};

  using Elements = std::pair<int64_t, int64_t>; // of four bytes, from one to before another
  /// Those that have copies, which lie one behind the other: of what is trained and of what is not.
  llvm::SmallVector<Elements, 2> copied() const;
  /// How many of the elements before one have copies.
  int64_t copiesBefore(int64_t element) const;
  /// What a routine's block of weights holds.
  int64_t fullBegin() const { return full ? full->first : 0; }
  int64_t fullBytes() const { return full ? full->second - full->first : bytes; }
};

class ParameterGroups {
public:
  /// Finds the groups of a module's stages; fails with a message if a stage
  /// names a parameter that is missing, twice, or trainable and not f32, a copy
  /// of one that it does not name or that is not f32, or bytes that its own group lacks.
  static mlir::FailureOr<ParameterGroups> find(mlir::ModuleOp module);

  /// Of a stage, and of its own group: see pipe.stage.
  void setFull(pipe::StageOp stage, int64_t begin, int64_t end);

  /// All groups, by their stages in lexicographic order.
  llvm::ArrayRef<ParameterGroup> all() const { return groups; }
  /// Numbers (into all()) of the groups of a stage. A routine's blocks
  /// `weights i` and `gradients i` belong to entry i.
  llvm::ArrayRef<int64_t> ofStage(int64_t stage) const;
  /// The group of exactly these stages, or -1.
  int64_t withStages(llvm::ArrayRef<int64_t> stages) const;
  /// Number of the group and offset in it.
  std::pair<int64_t, int64_t> locate(llvm::StringRef parameter) const;
  /// The member that a parameter is of its group.
  const ParameterGroup::Member &member(llvm::StringRef parameter) const;

private:
  llvm::LogicalResult readFull(pipe::StageOp stage);

  llvm::SmallVector<ParameterGroup, 0> groups;
  std::map<int64_t, llvm::SmallVector<int64_t>> byStage;
  llvm::StringMap<std::pair<int64_t, int64_t>> places; // group, position in it
};

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_PARAMETERGROUPS_H
