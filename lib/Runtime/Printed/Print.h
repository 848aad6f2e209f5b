//===- Print.h - Prints a plan as C++ ------------------------------------------===//
//
// One file for all devices: a struct with the routines that they share, and per device a
// struct with its streams, events and memory, and a step as straight code in the order of
// its list. Program.h is what it is written with. Standard library only.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PRINTED_PRINT_H
#define BITPIPE_RUNTIME_PRINTED_PRINT_H

#include "lib/Runtime/Plan/Links.h"

namespace bitpipe::printed {

/// What blocks and slots are called, which changes nothing but the names of variables.
/// Where there is none they are called by their kind.
struct PlanNames {
  std::vector<std::vector<std::string>> blocks; // by routine
  std::vector<std::vector<std::string>> slots;  // by device
  bool layers = false; // calls stand under the names of their layers
};

/// The file. `program` has been checked and is for GPUs; `plan` is what it was read from.
std::string printProgram(const Program &program, const Links &links, const PlanNames &names,
                         const std::string &plan);

/// Of what is printed without names: the same wherever a plan lies, another one as soon as a
/// printed program would do something else. A printed program holds it, so that it is not run
/// with another plan.
std::string programHash(const Program &program, const Links &links);

} // namespace bitpipe::printed

#endif // BITPIPE_RUNTIME_PRINTED_PRINT_H
