"""What several tests of equal bits share: which schedules there are, and the parameters that a run saves."""
import hashlib
import re
import subprocess


def schedules(part="1/1"):
    """All that have a name and end a step with its update: those train to one another's numbers. Part K of N of them."""
    listed = subprocess.run(["bitpipe-opt", "--pipeline=?", "--emit=report"], capture_output=True, text=True).stderr
    names = re.search("expected one of (.*)", listed)[1].split(", ")
    which, parts = map(int, part.split("/"))
    return [name for name in names if not name.startswith("pipedream")][which - 1::parts]


def saved(plan, model, target, *flags, processes=0, steps=3):
    """The hash of what a run saves: of threads, or of so many processes. A device has one thread, or is a GPU."""
    target.unlink(missing_ok=True)
    launcher = ["mpirun", "-n", str(processes)] if processes else []
    threads = [] if 'target = "cuda"' in plan.read_text() else ["--threads=1"]
    done = subprocess.run([*launcher, "bitpipe-run", plan, *threads, f"--data={model / 'data.safetensors'}",
                           f"--steps={steps}", f"--save={target}", *flags], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, (plan, processes, done.stdout, done.stderr)
    return hashlib.sha256(target.read_bytes()).hexdigest()
