//===- Print.cpp - Prints a plan as C++ ----------------------------------------===//

#include "lib/Runtime/Printed/Print.h"

#include "lib/Files/Error.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Runtime/Hash.h"
#include "lib/Runtime/Printed/Printers.h"

#include <algorithm>

using namespace bitpipe;

static std::string printBody(const Program &program, const Links &links,
                             const printed::PlanNames &names) {
  std::ostringstream out;
  printed::FileNames file = printed::printRoutines(out, program, names);
  for (size_t d = 0; d < program.devices.size(); ++d)
    printed::printDevice(out, program, links, names, file, d);
  out << "std::unique_ptr<DeviceSteps> make(int64_t device, Runtime &gpu) {\n"
         "  switch (device) {\n";
  for (size_t d = 0; d < program.devices.size(); ++d)
    out << "  case " << d << ":\n    return std::make_unique<Device" << d << ">(gpu);\n";
  out << "  }\n  return nullptr;\n}\n\n";
  return out.str();
}

std::string printed::programHash(const Program &program, const Links &links) {
  std::string body = printBody(program, links, {});
  Hash hash;
  hash.add(body.data(), body.size());
  return hash.digest();
}

/// How it is compiled and run.
static std::string printHead(const Program &program, const std::string &plan) {
  std::ostringstream out;
  out << "// " << printed::commentText(plan) << ": " << program.devices.size()
      << (program.devices.size() == 1 ? " device, " : " devices, ") << program.microbatches
      << " micro-batches, " << program.precision << ", kernels for "
      << printed::commentText(program.arch) << ".\n"
      << "//\n"
         "// A process for each device runs it, with the options of bitpipe-run:\n"
         "//\n"
         "//   clang++ -std=c++20 -I $BITPIPE program.cpp @$BITPIPE/build/program.link "
         "-lcuda -lcublasLt -lnccl -o program\n"
         "//   mpirun -n " << program.devices.size()
      << " ./program plan.mlir --data=data.safetensors --steps=100\n\n";
  return out.str();
}

std::string printed::printProgram(const Program &program, const Links &links,
                                  const PlanNames &names, const std::string &plan) {
  std::ostringstream out;
  out << mark::program << printHead(program, plan)
      << "#include \"lib/Runtime/Printed/Program.h\"\n"
         "#include \"tools/bitpipe-run/Run.h\"\n\n"
         "using namespace bitpipe::printed;\n\n"
         "namespace {\n\n"
      << printBody(program, links, names)
      << "} // namespace\n\n"
         "int main(int argc, char **argv) {\n"
         "  const Table program = {" << quoted(programHash(program, links))
      << ", make};\n"
         "  return bitpipe::runTool(argc, argv, &program);\n"
         "}\n";
  return out.str();
}
