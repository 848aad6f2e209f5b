//===- Environment.cpp - Who am I -------------------------------------------===//

#include "lib/Runtime/Launch/Environment.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Rendezvous.h"
#include "lib/Runtime/Launch/Variables.h"

using namespace bitpipe;

namespace {

using Kind = TransportKind;

struct Launcher {
  std::string name;
  std::string mark; // what this launcher alone sets; empty: rank or size will do
  std::string rank;
  std::string size;
  std::string sameHost; // tells whether all processes are on one host, or empty
  std::string job;      // the same in all processes of a run, or empty
  Kind transport;

  bool isTorchrun() const { return name == "torchrun"; }
  bool isSlurm() const { return name == "srun"; }
};

// The first that has started this process counts, so those that others start come
// first: torchrun is started once per host by whatever there is; mpirun runs in a
// job of Slurm, whose variables all of its processes inherit.
const Launcher launchers[] = {
    {"torchrun", "TORCHELASTIC_RUN_ID", "RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE",
     "TORCHELASTIC_RUN_ID", Kind::UCX},
    {"mpirun", "", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
     "OMPI_COMM_WORLD_LOCAL_SIZE", "PMIX_NAMESPACE", Kind::MPI},
    {"mpiexec", "MPI_LOCALRANKID", "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", "", Kind::MPI},
    {"srun", "SLURM_STEP_ID", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS",
     "SLURM_STEP_NUM_NODES", "SLURM_JOB_ID", Kind::UCX},
    {"a launcher with PMI", "", "PMI_RANK", "PMI_SIZE", "", "", Kind::MPI},
    {"the environment", "", "RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "", Kind::UCX},
};

constexpr int64_t mostProcesses = 1 << 20;
/// The script of sbatch and the shell of salloc are steps as well, numbered from
/// here on, without being tasks of srun.
constexpr int64_t firstReservedStep = 0xfffffff0;

bool hasStarted(const Launcher &launcher, const Variables &variables) {
  if (launcher.mark.empty())
    return variables.has(launcher.rank) || variables.has(launcher.size);
  if (!variables.has(launcher.mark))
    return false;
  return !launcher.isSlurm() ||
         variables.number(launcher.mark, 0, INT64_MAX) < firstReservedStep;
}

const Launcher *findLauncher(const Variables &variables) {
  for (const Launcher &launcher : launchers)
    if (hasStarted(launcher, variables))
      return &launcher;
  return nullptr;
}

/// Old versions of Slurm tell the size as that of the job.
std::string sizeName(const Launcher &launcher, const Variables &variables) {
  bool old = launcher.isSlurm() && !variables.has(launcher.size);
  return old ? "SLURM_NTASKS" : launcher.size;
}

void readRank(const Launcher &launcher, const Variables &variables, Launch &launch) {
  std::string size = sizeName(launcher, variables);
  for (const std::string &name : {launcher.rank, size})
    if (!variables.has(name))
      fail("error: ", name, " is not set, expected both ", launcher.rank, " and ", size,
           " (or --transport=inprocess)");
  launch.size = int(variables.number(size, 1, mostProcesses));
  launch.rank = int(variables.number(launcher.rank, 0, mostProcesses));
  if (launch.rank >= launch.size)
    fail("error: ", launcher.rank, " is ", launch.rank, ", expected less than ", size,
         ", which is ", launch.size);
}

/// Scripts set RANK and WORLD_SIZE from what a launcher tells; if they differ, they
/// are left over from something else.
void checkAgreement(const Launcher &launcher, const Variables &variables,
                    const Launch &launch) {
  if (launcher.isTorchrun())
    return;
  for (auto [name, expected] : {std::pair("RANK", launch.rank), {"WORLD_SIZE", launch.size}})
    if (variables.has(name) && variables.number(name, 0, mostProcesses) != expected)
      fail("error: ", name, " is ", variables.text(name), ", but ", launcher.name,
           " says ", expected, ": unset it");
}

Kind chooseTransport(Kind choice, const Launcher *launcher, const Variables &variables) {
  if (choice == Kind::Auto) {
    // Whatever speaks PMIx serves MPI, srun with --mpi=pmix as well.
    bool pmix = variables.has("PMIX_RANK") && (!launcher || launcher->isSlurm());
    return pmix ? Kind::MPI : launcher ? launcher->transport : Kind::InProcess;
  }
  if (choice == Kind::UCX && !launcher)
    failUsage("--transport is 'ucx', which connects the processes that a launcher has "
              "started, but there is none: use torchrun --no-python, srun or mpirun");
  if (choice == Kind::MPI && launcher && launcher->rank == "RANK")
    failUsage("--transport is 'mpi', but ", launcher->name,
              " brings no MPI, expected 'auto' or 'ucx'");
  return choice;
}

/// As far as the launcher tells. Slurm counts hosts, the others processes on a host.
bool areOnOneHost(const Launcher &launcher, const Variables &variables, int size) {
  if (!variables.has(launcher.sameHost))
    return false;
  int64_t count = variables.number(launcher.sameHost, 1, mostProcesses);
  return count == (launcher.isSlurm() ? 1 : size);
}

std::string jobOf(const Launcher &launcher, const Variables &variables) {
  std::string job = variables.text(launcher.job);
  return launcher.isSlurm() ? job + "." + variables.text("SLURM_STEP_ID") : job;
}

} // namespace

std::optional<TransportKind> bitpipe::transportNamed(const std::string &name) {
  for (auto [known, kind] : {std::pair("auto", Kind::Auto), {"inprocess", Kind::InProcess},
                             {"mpi", Kind::MPI}, {"ucx", Kind::UCX}})
    if (name == known)
      return kind;
  return std::nullopt;
}

Launch bitpipe::readLaunch(TransportKind choice, const Lookup &lookup) {
  Launch launch;
  if (choice == Kind::InProcess)
    return launch;
  Variables variables(lookup);
  const Launcher *launcher = findLauncher(variables);
  launch.transport = chooseTransport(choice, launcher, variables);
  if (!launcher) {
    launch.size = launch.transport == Kind::MPI ? 0 : 1;
    return launch;
  }
  launch.launcher = launcher->name;
  readRank(*launcher, variables, launch);
  checkAgreement(*launcher, variables, launch);
  launch.job = jobOf(*launcher, variables);
  if (launch.transport != Kind::UCX || launch.size == 1) // nobody to meet
    return launch;
  launch.rendezvous =
      findRendezvous(launch, areOnOneHost(*launcher, variables, launch.size), variables);
  return launch;
}
