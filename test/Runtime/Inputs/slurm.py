"""slurm.py COMMAND...: a Slurm of one node for as long as a command runs.

Needs slurmctld, slurmd and their user, root. srun and the like find it by
SLURM_CONF. Exits with the command's code.
"""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

from ports import free_ports

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/none
CredType=cred/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def start(folder):
    for name in ("state", "spool"):
        (folder / name).mkdir()
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(
        host=socket.gethostname(), ports=free_ports(2), folder=folder, cpus=os.cpu_count()))
    os.environ["SLURM_CONF"] = str(configuration)
    return [subprocess.Popen([daemon, "-D"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL) for daemon in ("slurmctld", "slurmd")]


def wait_for_node(folder, daemons, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end and all(daemon.poll() is None for daemon in daemons):
        state = subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True)
        if state.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    logs = "".join(log.read_text() for log in folder.glob("*.log"))
    sys.exit(f"the node of Slurm is not idle after {seconds} s:\n{logs}")


def main(command):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        daemons = start(folder)
        try:
            wait_for_node(folder, daemons)
            return subprocess.run(command).returncode
        finally:
            for daemon in daemons:
                daemon.terminate()
            for daemon in daemons:
                daemon.wait()


sys.exit(main(sys.argv[1:]))
