//===- Pieces.h - The pieces of a device by their names ---------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_PIECES_H
#define BITPIPE_TRANSFORMS_LOWER_PIECES_H

#include "lib/Transforms/Lower/DeviceProgram.h"

namespace bitpipe::lower {

/// Adds instructions to a program and the pieces that they use.
class Pieces {
public:
  explicit Pieces(DeviceProgram &program) : program(program) {}

  bool has(const PieceName &name) const { return numbers.contains(name); }
  /// What has the name from now on is another piece.
  void forget(const PieceName &name) { numbers.erase(name); }

  /// The piece, which is used by the instruction that is about to be added, or by the one
  /// that was added last.
  unsigned use(const PieceName &name, int64_t bytes, bool byLast = false) {
    int64_t at = int64_t(program.instructions.size()) - byLast;
    auto [entry, isNew] = numbers.try_emplace(name, program.pieces.size());
    if (isNew)
      program.pieces.push_back({name, {bytes, at, at}});
    Lifetime &lifetime = program.pieces[entry->second].lifetime;
    lifetime.bytes = std::max(lifetime.bytes, bytes);
    lifetime.last = at;
    return entry->second;
  }

  Instruction &add(Instruction::Kind kind, mlir::Location loc, int64_t group) {
    Instruction item{kind, loc};
    item.group = group;
    program.instructions.push_back(item);
    return program.instructions.back();
  }

private:
  DeviceProgram &program;
  std::map<PieceName, unsigned> numbers;
};

/// What all slices of a group make up, where the device keeps its own alone: weights from
/// when they are gathered to the last run that reads them, gradients from the first run that
/// adds to them to the scatter behind their own, beside which they travel.
class WholePieces {
public:
  WholePieces(DeviceProgram &program, const ParameterGroups &groups, Pieces &pieces)
      : program(program), groups(groups), pieces(pieces) {}

  /// Of weights that are gathered, or of their copies in bf16, what was gathered last.
  PieceName weights(const RoutineBlock &block) {
    int64_t group = block.number;
    return {{block.role, group}, groups.all()[group].stages.front(), gathers[group]};
  }

  /// What is gathered of weights, or of their copies; 0: nothing is read of them.
  int64_t gatheredBytes(const RoutineBlock &block) const {
    const ParameterGroup &group = groups.all()[block.number];
    if (block.role == Role::Working)
      return group.workingBytes;
    return group.full ? group.fullBytes() : program.slices.at(block.number).bytes();
  }

  /// Copies, and beside them what is read in f32.
  void gather(mlir::Location loc, int64_t group) {
    ++gathers[group];
    for (Role role : {Role::Weights, Role::Working})
      if (int64_t bytes = gatheredBytes({role, group}))
        useByLast(pieces.add(Instruction::AllGather, loc, group), weights({role, group}), bytes);
  }
  void drop(int64_t group) {
    pieces.forget(weights({Role::Weights, group}));
    pieces.forget(weights({Role::Working, group}));
  }

  /// Takes the memory of gradients that are scattered before the first run adds to them.
  void clear(mlir::Location loc, const PieceName &gradients) {
    if (!pieces.has(gradients))
      useByLast(pieces.add(Instruction::Clear, loc, gradients.block.number), gradients, allBytes(gradients));
  }
  void scatter(mlir::Location loc, int64_t group) {
    endTravel();
    PieceName gradients{{Role::Gradients, group}};
    clear(loc, gradients); // if no run has added anything
    useByLast(pieces.add(Instruction::ReduceScatter, loc, group), gradients, allBytes(gradients));
    travelling = program.instructions.back().pieces;
  }
  /// At the next scatter, and before the norm, which waits for all.
  void endTravel() {
    for (unsigned piece : travelling)
      program.pieces[piece].lifetime.last = int64_t(program.instructions.size()) - 1;
    travelling.clear();
  }

private:
  int64_t allBytes(const PieceName &name) const {
    return program.slices.at(name.block.number).bytes();
  }
  void useByLast(Instruction &last, const PieceName &name, int64_t bytes) {
    last.pieces = {pieces.use(name, bytes, /*byLast=*/true)};
  }

  DeviceProgram &program;
  const ParameterGroups &groups;
  Pieces &pieces;
  std::map<int64_t, int64_t> gathers; // so far, by group
  llvm::SmallVector<unsigned> travelling;
};

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_PIECES_H
