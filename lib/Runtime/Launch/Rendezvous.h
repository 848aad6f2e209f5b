//===- Rendezvous.h - Where the processes of a run meet ---------------------===//
//
// MPI's launchers connect their processes; of the others' a process learns at most
// the host of rank 0. There rank 0 listens, and the others connect to it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_RENDEZVOUS_H
#define BITPIPE_RUNTIME_LAUNCH_RENDEZVOUS_H

#include "lib/Runtime/Launch/Variables.h"

namespace bitpipe {

/// MASTER_ADDR and BITPIPE_PORT or else the port after MASTER_PORT, which torchrun's
/// own store uses. Without them: this host if all processes are on it, or Slurm's
/// first; and a port that follows from the run's job. Throws a UserError if that
/// is not known either.
Rendezvous findRendezvous(const Launch &launch, bool sameHost,
                          const Variables &variables);

/// The first host of Slurm's list: "n04" of "n[04-05,7],login".
std::string firstHost(const std::string &list);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_RENDEZVOUS_H
