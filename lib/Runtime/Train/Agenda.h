//===- Agenda.h - What a run does, one thing after the other ----------------===//
//
// Steps, and after some of them an evaluation, batch by batch. All ranks have the same one.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_AGENDA_H
#define BITPIPE_RUNTIME_TRAIN_AGENDA_H

#include <cstdint>
#include <optional>

namespace bitpipe {

/// What the devices do at a time: a step of the training, or a batch of an evaluation.
struct Work {
  int64_t done;       // steps of the training before it
  int64_t batch = -1; // of the evaluation after these, from 0

  bool evaluates() const { return batch >= 0; }
};

class Agenda {
public:
  /// Of `steps`, with an evaluation of so many batches after every `every` of them, and after
  /// the last; 0 batches: none, 0: after the last alone.
  Agenda(int64_t steps, int64_t every, int64_t batches)
      : steps(steps), every(every), batches(batches) {}

  /// Whether an evaluation comes after so many steps.
  bool evaluatesAfter(int64_t done) const {
    return batches > 0 && done > 0 && (done == steps || (every && done % every == 0));
  }
  /// Of a training that goes on after so many steps, and was last evaluated after `evaluated`.
  std::optional<Work> first(int64_t done, int64_t evaluated) const {
    if (evaluatesAfter(done) && evaluated < done)
      return Work{done, 0};
    return step(done);
  }
  std::optional<Work> after(const Work &work) const {
    if (work.evaluates())
      return work.batch + 1 < batches ? Work{work.done, work.batch + 1} : step(work.done);
    if (evaluatesAfter(work.done + 1))
      return Work{work.done + 1, 0};
    return step(work.done + 1);
  }

private:
  std::optional<Work> step(int64_t done) const {
    return done < steps ? std::optional(Work{done}) : std::nullopt;
  }

  int64_t steps, every, batches;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_AGENDA_H
