//===- PrintedDevice.cpp - A GPU whose steps are a printed program's ----------===//

#include "lib/Runtime/Printed/PrintedDevice.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Printed/Print.h"

using namespace bitpipe;

void PrintedDevice::load(const printed::Table &table, const Program &program,
                         const Links &links, int64_t number, NCCLTransport *nccl) {
  std::string hash = printed::programHash(program, links);
  if (hash != table.hash)
    fail(program.path, ": error: the plan prints as a program of hash ", hash,
         ", this one has ", table.hash, ": print the plan again (bitpipe-opt --emit=cuda)");
  runtime = std::make_unique<printed::Runtime>(program, number, *this, nccl);
  steps = table.make(number, *runtime);
}
