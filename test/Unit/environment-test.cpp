//===- environment-test.cpp - What launchers tell a process -----------------===//

#include "lib/Runtime/Launch/Environment.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Rendezvous.h"

#include <cstdio>
#include <map>

using namespace bitpipe;

namespace {

using Kind = TransportKind;
using Environment = std::map<std::string, std::string>;

/// Everything that is read, as one line, or the error.
std::string read(const Environment &environment, Kind choice = Kind::Auto) {
  auto lookup = [&](const char *name) {
    auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  };
  try {
    Launch launch = readLaunch(choice, lookup);
    const char *kinds[] = {"auto", "inprocess", "mpi", "ucx"};
    std::string line = joined(launch.launcher.empty() ? "alone" : launch.launcher, " ",
                              launch.rank, "/", launch.size, " ",
                              kinds[int(launch.transport)]);
    if (launch.transport == Kind::UCX)
      line += joined(" ", launch.rendezvous.address, ":", launch.rendezvous.port);
    return line;
  } catch (const UserError &error) {
    return error.what();
  }
}

int failures = 0;

void expect(const std::string &got, const std::string &wanted) {
  if (got == wanted)
    return;
  std::printf("got      %s\nexpected %s\n", got.c_str(), wanted.c_str());
  ++failures;
}

Environment operator+(Environment left, const Environment &right) {
  left.insert(right.begin(), right.end());
  return left;
}

const Environment openMPI = {{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "4"},
                             {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"}, {"PMIX_RANK", "2"},
                             {"PMIX_NAMESPACE", "2231894017"}};
const Environment hydra = {{"PMI_RANK", "1"}, {"PMI_SIZE", "3"}, {"MPI_LOCALRANKID", "1"},
                           {"MPI_LOCALNRANKS", "3"}};
const Environment torchrun = {{"RANK", "3"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"},
                              {"LOCAL_WORLD_SIZE", "2"}, {"MASTER_ADDR", "node7"},
                              {"MASTER_PORT", "29500"}, {"TORCHELASTIC_RUN_ID", "none"}};
const Environment batch = {{"SLURM_JOB_ID", "77"}, {"SLURM_PROCID", "0"},
                           {"SLURM_NTASKS", "6"}, {"SLURM_NODELIST", "n[04-05,9]"}};
const Environment srun = batch + Environment{{"SLURM_STEP_ID", "0"},
                                             {"SLURM_STEP_NUM_TASKS", "6"},
                                             {"SLURM_STEP_NUM_NODES", "2"},
                                             {"SLURM_STEP_NODELIST", "n[05,9]"}};

void testLaunchers() {
  expect(read({}), "alone 0/1 inprocess");
  expect(read(openMPI), "mpirun 2/4 mpi");
  expect(read(hydra), "mpiexec 1/3 mpi");
  expect(read({{"PMI_RANK", "1"}, {"PMI_SIZE", "3"}}), "a launcher with PMI 1/3 mpi");
  expect(read({{"PMIX_RANK", "1"}}), "alone 0/0 mpi");
  expect(read(torchrun), "torchrun 3/8 ucx node7:29501");
  expect(read(srun), "srun 0/6 ucx n05:" + read(srun).substr(17));
  Environment oneHost = srun;
  oneHost["SLURM_STEP_NUM_NODES"] = "1";
  expect(read(oneHost), "srun 0/6 ucx 127.0.0.1:" + read(srun).substr(17));
  expect(read(srun + Environment{{"PMIX_RANK", "0"}}), "srun 0/6 mpi");
  Environment old = srun;
  old.erase("SLURM_STEP_NUM_TASKS");
  expect(read(old), read(srun));
  expect(read({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "::1"},
               {"MASTER_PORT", "5000"}}),
         "the environment 1/2 ucx ::1:5001");
  expect(read({{"RANK", "0"}, {"WORLD_SIZE", "1"}}), "the environment 0/1 ucx :0");
}

void testLaunchersInLaunchers() {
  // A script of sbatch and a shell of salloc are no tasks of srun.
  expect(read(batch), "alone 0/1 inprocess");
  expect(read(batch + Environment{{"SLURM_STEP_ID", "4294967290"}}), "alone 0/1 inprocess");
  expect(read(openMPI + batch), "mpirun 2/4 mpi");
  expect(read(openMPI + srun), "mpirun 2/4 mpi");
  expect(read(hydra + srun), "mpiexec 1/3 mpi");
  expect(read(torchrun + srun), "torchrun 3/8 ucx node7:29501");
  expect(read(torchrun + openMPI), "torchrun 3/8 ucx node7:29501");
  expect(read(openMPI + Environment{{"RANK", "2"}, {"WORLD_SIZE", "4"}}), "mpirun 2/4 mpi");
}

void testChoice() {
  expect(read(openMPI, Kind::InProcess), "alone 0/1 inprocess");
  expect(read({{"RANK", "x"}}, Kind::InProcess), "alone 0/1 inprocess");
  expect(read({}, Kind::MPI), "alone 0/0 mpi");
  expect(read(srun, Kind::MPI), "srun 0/6 mpi");
  // One port per run, the same in all of its processes.
  std::string first = read(openMPI, Kind::UCX);
  Environment other = openMPI;
  other["OMPI_COMM_WORLD_RANK"] = "3";
  expect(first.substr(0, 26), "mpirun 2/4 ucx 127.0.0.1:2");
  expect(read(other, Kind::UCX).substr(9), first.substr(9));
  other["PMIX_NAMESPACE"] = "2231894018";
  if (read(other, Kind::UCX).substr(9) == first.substr(9))
    expect("the port of another run", "another port");
  expect(read(torchrun + Environment{{"BITPIPE_PORT", "7000"}}),
         "torchrun 3/8 ucx node7:7000");
  expect(read({}, Kind::UCX),
         "--transport is 'ucx', which connects the processes that a launcher has "
         "started, but there is none: use torchrun --no-python, srun or mpirun");
  expect(read(torchrun, Kind::MPI),
         "--transport is 'mpi', but torchrun brings no MPI, expected 'auto' or 'ucx'");
}

void testNonsense() {
  auto with = [](Environment environment, const char *name, const char *value) {
    environment[name] = value;
    return read(environment);
  };
  expect(with(openMPI, "OMPI_COMM_WORLD_RANK", "4"),
         "error: OMPI_COMM_WORLD_RANK is 4, expected less than OMPI_COMM_WORLD_SIZE, "
         "which is 4");
  expect(with(openMPI, "OMPI_COMM_WORLD_RANK", "-1"),
         "error: OMPI_COMM_WORLD_RANK is '-1', expected a whole number from 0 to 1048576");
  expect(with(openMPI, "OMPI_COMM_WORLD_SIZE", "4x"),
         "error: OMPI_COMM_WORLD_SIZE is '4x', expected a whole number from 1 to 1048576");
  expect(with(openMPI, "OMPI_COMM_WORLD_SIZE", ""),
         "error: OMPI_COMM_WORLD_SIZE is not set, expected both OMPI_COMM_WORLD_RANK and "
         "OMPI_COMM_WORLD_SIZE (or --transport=inprocess)");
  expect(read({{"RANK", "0"}}),
         "error: WORLD_SIZE is not set, expected both RANK and WORLD_SIZE (or "
         "--transport=inprocess)");
  expect(with(openMPI, "WORLD_SIZE", "1"),
         "error: WORLD_SIZE is 1, but mpirun says 4: unset it");
  expect(with(torchrun, "MASTER_ADDR", ""),
         "error: nothing tells on which host rank 0 is: set MASTER_ADDR to it, or use MPI "
         "(mpirun, srun --mpi=pmix)");
  expect(with(torchrun, "MASTER_PORT", "65535"),
         "error: MASTER_PORT is '65535', expected a whole number from 1 to 65534");
}

void testHosts() {
  expect(firstHost("n7"), "n7");
  expect(firstHost("n7,n9"), "n7");
  expect(firstHost("n[04-05,9],login"), "n04");
  expect(firstHost("n[3,9]-ib,x"), "n3-ib");
}

} // namespace

int main() {
  testLaunchers();
  testLaunchersInLaunchers();
  testChoice();
  testNonsense();
  testHosts();
  return failures != 0;
}
