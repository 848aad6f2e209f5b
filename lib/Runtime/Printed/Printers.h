//===- Printers.h - The parts of a printed program ------------------------------===//

#ifndef BITPIPE_RUNTIME_PRINTED_PRINTERS_H
#define BITPIPE_RUNTIME_PRINTED_PRINTERS_H

#include "lib/Runtime/Printed/Names.h"
#include "lib/Runtime/Printed/Print.h"

#include <ostream>

namespace bitpipe::printed {

/// What all devices call the same.
struct FileNames {
  Names scope;
  std::map<std::string, std::string> kernels; // by entry
  std::vector<std::string> routines;          // those that are used
};

/// The struct of the routines, whose names it chooses.
FileNames printRoutines(std::ostream &out, const Program &program, const PlanNames &names);

/// The struct of a device.
void printDevice(std::ostream &out, const Program &program, const Links &links,
                 const PlanNames &names, const FileNames &file, size_t number);

/// What a slot is called where the plan has no name for it.
std::string kindOf(const Program &program, const Slot &slot);

/// What `gpu.update` is called with for a step, given the slots' names and its number in the
/// device's list: UpdateOperands (Program.h), in braces.
std::vector<std::string> updateArguments(const Step &op, size_t instruction,
                                         const std::vector<std::string> &slots);

} // namespace bitpipe::printed

#endif // BITPIPE_RUNTIME_PRINTED_PRINTERS_H
