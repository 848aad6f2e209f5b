//===- Rendezvous.cpp - Where the processes of a run meet -------------------===//

#include "lib/Runtime/Launch/Rendezvous.h"

using namespace bitpipe;

std::string bitpipe::firstHost(const std::string &list) {
  size_t bracket = list.find_first_of("[,");
  if (bracket == std::string::npos || list[bracket] == ',')
    return list.substr(0, bracket);
  size_t end = list.find_first_of("-,]", bracket);
  size_t close = list.find(']', bracket);
  if (close == std::string::npos)
    return list;
  size_t next = std::min(list.find(',', close), list.size());
  return list.substr(0, bracket) + list.substr(bracket + 1, end - bracket - 1) +
         list.substr(close + 1, next - close - 1);
}

static std::string findAddress(const Launch &launch, bool sameHost,
                               const Variables &variables) {
  if (variables.has("MASTER_ADDR"))
    return variables.text("MASTER_ADDR");
  if (sameHost)
    return "127.0.0.1";
  if (launch.launcher == "srun")
    for (const char *nodes : {"SLURM_STEP_NODELIST", "SLURM_NODELIST"})
      if (variables.has(nodes))
        return firstHost(variables.text(nodes));
  fail("error: nothing tells on which host rank 0 is: set MASTER_ADDR to it, or use "
       "MPI (mpirun, srun --mpi=pmix)");
}

/// A number of its own for every job, so that two on one host seldom meet.
static uint16_t portOf(const std::string &job) {
  constexpr uint32_t first = 20000, count = 12000; // below what systems hand out
  uint32_t hash = 2166136261u;
  for (unsigned char byte : job)
    hash = (hash ^ byte) * 16777619u;
  return uint16_t(first + hash % count);
}

static uint16_t findPort(const Launch &launch, const Variables &variables) {
  if (variables.has("BITPIPE_PORT"))
    return uint16_t(variables.number("BITPIPE_PORT", 1, 65535));
  if (variables.has("MASTER_PORT"))
    return uint16_t(variables.number("MASTER_PORT", 1, 65534) + 1);
  if (!launch.job.empty())
    return portOf(launch.job);
  fail("error: nothing tells at which port rank 0 is: set BITPIPE_PORT to one that is "
       "free there");
}

Rendezvous bitpipe::findRendezvous(const Launch &launch, bool sameHost,
                                   const Variables &variables) {
  return {findAddress(launch, sameHost, variables), findPort(launch, variables)};
}
