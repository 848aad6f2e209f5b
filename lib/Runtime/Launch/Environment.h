//===- Environment.h - Who am I ---------------------------------------------===//
//
// mpirun, srun and torchrun tell each process its rank, and how many there are,
// in variables of the environment. One table holds their names.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_ENVIRONMENT_H
#define BITPIPE_RUNTIME_LAUNCH_ENVIRONMENT_H

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace bitpipe {

/// How devices of different processes exchange messages. Auto: as the launcher
/// suggests.
enum class TransportKind { Auto, InProcess, MPI, UCX };

/// "auto", "inprocess", "mpi" or "ucx"; nothing for any other name.
std::optional<TransportKind> transportNamed(const std::string &name);

/// The value of a variable, null if it is not set: std::getenv or a test's own.
using Lookup = std::function<const char *(const char *name)>;

/// Where the other processes find rank 0.
struct Rendezvous {
  std::string address; // a name or an IP address
  uint16_t port = 0;
};

struct Launch {
  std::string launcher; // as users call it; empty: none
  int rank = 0;
  int size = 1; // 0: only the library knows (MPI under a launcher not listed)
  TransportKind transport = TransportKind::InProcess; // never Auto
  Rendezvous rendezvous;                              // for UCX
  std::string job; // the same in all processes of a run, differs from other runs
};

/// Reads who this process is. Throws a UserError that names the variable if one is
/// missing, is no number or contradicts another, and a UsageError if `choice` does
/// not go with the launcher.
Launch readLaunch(TransportKind choice, const Lookup &lookup);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_ENVIRONMENT_H
