"""processes.py N COMMAND...: N processes that find each other as under torchrun.

The environment is torchrun's, or with --srun that of a task of srun without PMIx.
Exits with the first code that is not 0.
"""

import os
import subprocess
import sys

from ports import free_port


def torchrun(rank, size, port):
    return {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": size,
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port - 1, "TORCHELASTIC_RUN_ID": port}


def srun(rank, size, port):
    return {"SLURM_JOB_ID": port, "SLURM_STEP_ID": 0, "SLURM_PROCID": rank,
            "SLURM_STEP_NUM_TASKS": size, "SLURM_STEP_NODELIST": "localhost",
            "BITPIPE_PORT": port}


def main(arguments):
    variables = torchrun
    if arguments[0] == "--srun":
        variables = srun
        arguments = arguments[1:]
    size, command = int(arguments[0]), arguments[1:]
    port = free_port()
    processes = []
    for rank in range(size):
        own = {name: str(value) for name, value in variables(rank, size, port).items()}
        processes.append(subprocess.Popen(command, env={**os.environ, **own}))
    codes = [process.wait() for process in processes]
    return next((code for code in codes if code), 0)


sys.exit(main(sys.argv[1:]))
