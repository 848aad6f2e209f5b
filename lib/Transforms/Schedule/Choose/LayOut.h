//===- LayOut.h - Which candidates are laid out ------------------*- C++ -*-===//
//
// A layout takes long beside a simulation, and knows what a schedule can only estimate. So the
// fastest candidate that is expected to fit is laid out, until one does. What layouts need
// beyond the estimate (memory to compute in, gaps) is learnt from them: the least that any
// needed is expected of all. Candidates that do not fit with that, and those that are as one
// that did not, under another name, are put off until no others are left, and none is
// refused by another one's layout.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_LAYOUT_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_LAYOUT_H

#include "lib/Transforms/Schedule/Choose/Candidate.h"

namespace bitpipe::schedule {

class LayOuts {
public:
  explicit LayOuts(const Layout *layout) : layout(layout) {}

  /// Gives those back that are expected to fit by now.
  void readmit(std::vector<Candidate> &fitting);
  /// Takes those out that are not expected to fit; whether there were any.
  bool putOff(std::vector<Candidate> &fitting);
  /// Takes out the next to lay out: the first, or where there are none the one put off that
  /// needs least; nothing where none are left, or so many were laid out that no more are.
  std::optional<Candidate> take(std::vector<Candidate> &fitting);
  /// Lays a candidate out, which says then what it needs.
  std::optional<Error> layOut(Candidate &candidate);
  /// Whether one more is laid out to learn what the least need is.
  bool mayLearn() const;
  /// What a candidate needs, by its layout or, as all that is known, by those of others.
  double expected(const Candidate &candidate) const;
  /// Adds those that are still put off.
  void giveUp(std::vector<Candidate> &exceeding);
  /// Says of those of them that were given up what they would need.
  void explain(std::vector<Candidate> &exceeding) const;

private:
  bool mayFit(const Candidate &candidate) const;
  static void move(std::vector<Candidate> &from, std::vector<Candidate>::iterator first,
                   std::vector<Candidate> &to);
  /// The one that was laid out and did not fit, and is the same under another name; or null.
  const Candidate *likeOne(const Candidate &candidate) const;
  void refuse(Candidate &candidate, double need, const char *how) const;

  const Layout *layout;
  std::vector<Candidate> late, refused;
  double beyond = 0; // the estimate
  size_t count = 0;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_LAYOUT_H
