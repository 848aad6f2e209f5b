"""Runs of a toy plan that keep checkpoints, for checkpoints.py and checkpoint_files.py."""

import resource
import shutil
import subprocess

from run import folder, steps_in

kept, saved, metrics = folder / "kept", folder / "out.safetensors", folder / "m.jsonl"
OPTIONS = ["--lr=0.01", "--warmup=3", "--lr-schedule=cosine", "--clip=0.9", "--shuffle", "--seed=3"]
AT_ONCE = "--stop-after=0.001s"  # after the first step


def command(*options, plan=folder, data=folder / "data.safetensors", steps=20):
    return ["bitpipe-run", plan / "plan.mlir", f"--data={data}", f"--steps={steps}", f"--save={saved}", "--threads=1",
            f"--metrics={metrics}", *OPTIONS, *options]


def run(*options, code=0, limit=None, **keywords):
    """What was said: (standard output, errors)."""
    bound = limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    done = subprocess.run(command(*options, **keywords), capture_output=True, text=True, timeout=120, preexec_fn=bound)
    assert done.returncode == code, (done.args, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def keeping(*options, every=3, **keywords):
    return run(f"--checkpoint={kept}", f"--checkpoint-every={every}", *options, **keywords)


def fresh():
    shutil.rmtree(kept, ignore_errors=True)
    for path in (saved, metrics):
        path.unlink(missing_ok=True)


def numbers():
    """What the metrics say of each step, but for the time."""
    return [(s["step"], s["loss"], s["grad_norm"], s["lr"], s.get("skipped")) for s in steps_in(metrics)]


def result():
    return saved.read_bytes(), numbers()


def undisturbed(**keywords):
    fresh()
    run(**keywords)
    return result()


def checkpoints():
    return sorted(p.name for p in kept.glob("step-*"))


def newest():
    return kept / (kept / "latest").read_text().strip()


def check_tidy(keep=3):
    """Nothing is left of what was being written."""
    names = {p.name for p in kept.iterdir()}
    assert names == {*checkpoints(), "latest", ".bitpipe-lock"} and len(checkpoints()) <= keep, names
    assert newest().name == checkpoints()[-1]


def expect(text, *parts):
    assert all(part in text for part in parts), (parts, text)
