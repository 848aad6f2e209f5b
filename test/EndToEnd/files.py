"""Files that the two tools write, in every way that they can go wrong.

    python files.py MODEL_FOLDER

Each test has a folder of its own and says what is in it afterwards.
"""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

MODEL = os.path.abspath(os.path.join(sys.argv[1], "model.onnx"))
DATA = os.path.abspath(os.path.join(sys.argv[1], "data.safetensors"))
COMPILE = ["bitpipe-opt", MODEL, "--pipeline=1f1b", "--devices=2", "--microbatches=4"]
VIEW = ["bitpipe-opt", "--pipeline=1f1b", "--devices=2"]


def files_of(plan):
    stem = plan.removesuffix(".mlir")
    return {plan, f"{stem}.weights.safetensors", f"{stem}.kernels.so"}


def call(command, shell=None, **options):
    """The exit code, standard output, and standard error without the reports of a compilation."""
    if shell:
        command = ["bash", "-c", shell, "-", *command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    errors = "".join(line + "\n" for line in done.stderr.splitlines() if "error" in line.lower())
    return done.returncode, done.stdout, errors


def refused(command, *words, code=1, shell=None):
    got, _, errors = call(command, shell)
    assert got == code and errors.count("\n") == 1, (command, got, errors)
    assert all(word in errors for word in words), (words, errors)


def expect_names(*names):
    assert set(os.listdir(".")) == set(names), sorted(os.listdir("."))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, contents=b"mine\n"):
    with open(path, "wb") as file:
        file.write(contents)


def run(plan, *options):
    return ["bitpipe-run", plan, f"--data={DATA}", "--steps=1", *options]


def two_plans():
    for plan in ("run.v1", "run.v2", "run.mlir"):
        assert call([*COMPILE, "-o", plan])[0] == 0
        assert call(run(plan))[0] == 0, plan
    expect_names(*files_of("run.v1"), *files_of("run.v2"), *files_of("run.mlir"))
    before = {name: os.stat(name).st_ino for name in os.listdir(".")}
    assert call([*COMPILE, "-o", "run.v1"])[0] == 0  # its own files are replaced
    changed = {name for name in before if os.stat(name).st_ino != before[name]}
    assert changed == files_of("run.v1"), changed


def somebodys_files():
    for name in sorted(files_of("p.mlir")):
        write(name)
        refused([*COMPILE, "-o", "p.mlir"], name, "not written by bitpipe", "--force")
        expect_names(name)
        assert read(name) == b"mine\n"
        os.remove(name)
    for kind in ("timeline", "trace", "schedule", "report"):
        write("view")
        refused([*VIEW, f"--emit={kind}", "-o", "view"], "view", "not written by bitpipe", "--force")
        assert read("view") == b"mine\n"
        os.remove("view")
        assert call([*VIEW, f"--emit={kind}", "-o", "view"])[0] == 0
        again = [*VIEW, f"--emit={kind}", "-o", "view"]
        assert call(again)[0] == 0
        other = [*VIEW, f"--emit={kind}", "--microbatches=7", "-o", "view"]
        assert call(other)[0] == (0 if kind in ("timeline", "trace") else 1), kind
        write("view")
        assert call([*again, "--force"])[0] == 0 and read("view") != b"mine\n"
        os.remove("view")
    write("module.mlir", b"module {}\n")
    refused(["bitpipe-opt", "module.mlir", "--canonicalize", "-o", "module.mlir"], "not written by bitpipe")
    assert call(["bitpipe-opt", "module.mlir", "--canonicalize", "-o", "empty.mlir"])[0] == 0
    assert call(["bitpipe-opt", "module.mlir", "--canonicalize", "-o", "empty.mlir"])[0] == 0
    expect_names("module.mlir", "empty.mlir")


def results_of_a_run():
    assert call([*COMPILE, "-o", "p.mlir"])[0] == 0
    outputs = {"--save": "w.safetensors", "--metrics": "m.jsonl", "--trace": "t.json"}
    for option, name in outputs.items():
        write(name)
        refused(run("p.mlir", f"{option}={name}"), name, "not written by bitpipe", "--force")
        assert read(name) == b"mine\n"
    options = [f"{option}={name}" for option, name in outputs.items()]
    assert call(run("p.mlir", "--force", *options))[0] == 0
    assert call(run("p.mlir", *options))[0] == 0
    expect_names(*files_of("p.mlir"), *outputs.values())


def links_and_modes():
    os.mkdir("disk")
    os.symlink("disk/plan", "p.mlir")
    os.symlink("disk/weights", "p.weights.safetensors")
    for _ in range(2):
        assert call([*COMPILE, "-o", "p.mlir"])[0] == 0
        assert os.path.islink("p.mlir") and os.path.islink("p.weights.safetensors")
        assert call(run("p.mlir"))[0] == 0
        os.chmod("disk/plan", 0o600)
        os.chmod("p.kernels.so", 0o640)
    assert os.stat("disk/plan").st_mode & 0o777 == 0o600 and os.stat("p.kernels.so").st_mode & 0o777 == 0o640
    assert call(run("p.mlir", "--save=disk/saved"))[0] == 0
    os.symlink("disk/saved", "saved")
    os.chmod("disk/saved", 0o600)
    assert call(run("p.mlir", "--save=saved"))[0] == 0
    assert os.path.islink("saved") and os.stat("disk/saved").st_mode & 0o777 == 0o600
    expect_names(*files_of("p.mlir"), "saved", "disk")


def long_names():
    longest = "n" * (255 - len(".weights.safetensors"))
    assert call([*COMPILE, "-o", longest])[0] == 0 and call(run(longest))[0] == 0
    expect_names(*files_of(longest))
    refused([*COMPILE, "-o", longest + "n"], "File name too long")


def no_space():
    assert call([*COMPILE, "-o", "p.mlir"])[0] == 0
    before = {name: read(name) for name in files_of("p.mlir")}
    for blocks in (0, 8, 64):
        refused([*COMPILE, "-o", "p.mlir"], "File too large", shell=f'ulimit -f {blocks}; exec "$@"')
    assert before == {name: read(name) for name in files_of("p.mlir")}
    refused([*VIEW, "--emit=timeline", "-o", "t.svg"], "t.svg", "File too large", shell='ulimit -f 0; exec "$@"')
    refused([*VIEW, "--emit=timeline", "-o", "none/t.svg"], "none/t.svg", "No such file or directory")
    refused([*VIEW, "--emit=timeline", "-o", "/dev/full"], "/dev/full", "No space left")
    refused([*COMPILE, "-o", "/dev/full"], "/dev/full", "no regular file")
    os.mkdir("folder")
    refused([*VIEW, "--emit=timeline", "-o", "folder"], "folder", "no regular file")
    expect_names(*files_of("p.mlir"), "folder")


def standard_streams():
    plain = call([*VIEW, "--emit=report"])
    for name in ("-", "/dev/stdout", "/dev/fd/1"):
        assert call([*VIEW, "--emit=report", "-o", name]) == plain, name
    call([*VIEW, "--emit=report", "-o", "/dev/stdout"], shell='echo before > out; "$@" >> out')
    assert read("out").decode() == "before\n" + plain[1]
    refused([*VIEW, "--emit=report"], "standard output", "Bad file descriptor", shell='exec "$@" >&-')
    refused([*VIEW, "--emit=report"], "standard output", "No space left", shell='exec "$@" > /dev/full')
    code, _, errors = call([*VIEW, "--emit=report"], shell='"$@" | true; exit ${PIPESTATUS[0]}')
    assert code in (0, 128 + signal.SIGPIPE) and not errors, (code, errors)  # 0: all fitted into the pipe
    for closed in ("2>&-", "<&- >&- 2>&-", "2> /dev/full", "2> >(true)"):
        assert call([*COMPILE, "-o", "p.mlir"], shell=f'exec "$@" {closed}')[0] == 0, closed
        assert call(run("p.mlir"))[0] == 0, closed
    assert call(run("p.mlir", "--metrics=m.jsonl"), shell='exec "$@" <&- >&- 2>&-')[0] == 0
    assert read("m.jsonl").startswith(b'{"step": 1,') and read("m.jsonl").count(b"\n") == 1
    expect_names(*files_of("p.mlir"), "m.jsonl", "out")


def signals():
    """A compilation is ended at any moment: no plan, or all of it."""
    start = time.monotonic()
    assert call([*COMPILE, "-o", "p.mlir"])[0] == 0
    duration = time.monotonic() - start
    for name in files_of("p.mlir"):
        os.remove(name)
    os.mkdir("tmp")
    moments = random.Random(1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) * 4:
        process = subprocess.Popen([*COMPILE, "-o", "p.mlir"], stderr=subprocess.DEVNULL,
                                   env={**os.environ, "TMPDIR": os.path.abspath("tmp")})
        time.sleep(duration * moments.uniform(0.2, 1))
        process.send_signal(number)
        code = process.wait()
        names = files_of("p.mlir") if code == 0 else set()
        assert code in (0, -number), code
        # The signal may come when all is done but the end.
        left = set(os.listdir(".")) - {"tmp"}
        assert left in (set(), files_of("p.mlir")) and left >= names, (number, left)
        assert not os.listdir("tmp"), os.listdir("tmp")
        for name in left:
            os.remove(name)


def out_of_memory():
    """Less and less memory, down to what the system needs to start the program at all."""
    failed = set()
    for limit in range(300_000, 500_000, 5_000):
        code, _, errors = call([*COMPILE, "-o", "p.mlir"], shell=f'ulimit -v {limit}; exec "$@"')
        if code == 0:
            break
        if code != 127:
            # MLIR follows a null pointer where it gets no memory while it sets its dialects up.
            assert code in (1, -signal.SIGSEGV) and errors.count("\n") == 1, (limit, code, errors)
            failed.add(errors)
        expect_names()
    assert failed, "no limit was too small"
    expect_names(*files_of("p.mlir"))


for test in (two_plans, somebodys_files, results_of_a_run, links_and_modes, long_names, no_space, standard_streams,
             signals, out_of_memory):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        test()
        os.chdir("/")
