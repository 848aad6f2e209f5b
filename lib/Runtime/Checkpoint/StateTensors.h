//===- StateTensors.h - What a training keeps from step to step ------------===//
//
// Every parameter and both moments of every trained one, by the name of the
// parameter, and all the places in the plan's devices where each of them lives. All
// of it follows from the plan, so that every process knows who saves what.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CHECKPOINT_STATETENSORS_H
#define BITPIPE_RUNTIME_CHECKPOINT_STATETENSORS_H

#include "lib/Runtime/Checkpoint/Manifest.h"

#include <set>

namespace bitpipe {

enum class StateKind { Parameter, Moment1, Moment2 };
constexpr StateKind stateKinds[] = {StateKind::Parameter, StateKind::Moment1,
                                    StateKind::Moment2};

/// How the files of a kind begin: "model", as other programs name parameters,
/// "moment1", "moment2".
const char *stemOf(StateKind kind);
/// The index by which the files of a kind are one.
std::string indexOf(StateKind kind);

/// Bytes of a device's slot, and which ones of the tensor they hold.
struct StatePlace {
  int64_t device, slot, offset;
  int64_t begin, bytes;
};

/// A tensor of f32.
struct StateTensor {
  StateKind kind;
  std::string name; // of the parameter
  std::vector<int64_t> shape;
  int64_t bytes;
  /// Of equal contents where they hold the same bytes, the one that is saved first. None:
  /// a parameter that no device computes with, which every process keeps.
  std::vector<StatePlace> places;

  /// The places that are saved: they make up the tensor, each byte once. That is one, or
  /// the slices that several devices share out among themselves.
  std::vector<StatePlace> saved() const;
};

/// All of them, in the order of the kinds. `constants` are further residents that
/// are no longer what the plan's weights say.
std::vector<StateTensor> stateTensors(const Program &program,
                                      const std::set<std::string> &constants);

/// The model's parameters as a manifest lists them.
std::vector<SavedParameter> savedParameters(const Program &program);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CHECKPOINT_STATETENSORS_H
