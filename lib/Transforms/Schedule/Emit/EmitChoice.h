//===- EmitChoice.h - What was chosen, and why -------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_EMIT_EMITCHOICE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_EMIT_EMITCHOICE_H

#include "lib/Transforms/Schedule/Choose/Choose.h"

#include <iosfwd>

namespace bitpipe::schedule {

/// A table of the schedules of a choice, the chosen one first, each with where most of
/// what it takes longer comes from; then some of those that lack memory.
void emitChoice(std::ostream &stream, const Choice &choice);

/// The one that is taken, in one line.
std::string toText(const Choice &choice);

/// The same of one among the families that are meant where none is named, and why the others
/// were not taken.
std::string toDefaultText(const Choice &choice);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_EMIT_EMITCHOICE_H
