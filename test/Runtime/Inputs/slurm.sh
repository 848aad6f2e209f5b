# Every way in which a program can be started by Slurm; see network-slurm.test.
set -e
echo "srun:"
srun -n 3 --overcommit network-test
echo "srun --mpi=pmix:"
srun --mpi=pmix -n 2 network-test
echo "srun in a job:"
salloc -Q -n 2 srun network-test
echo "mpirun in a job:"
salloc -Q -n 2 mpirun network-test
echo "a job's own script:"
salloc -Q -n 2 network-test 2>&1 || true
