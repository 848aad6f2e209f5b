"""Prints plans for GPUs as C++, runs that on doubles of CUDA's libraries, and compares it with bitpipe-run.

    python emit_cuda.py BUILD SOURCE COMPILER MODEL_FOLDER --devices=1,2 [--nvcc FILE] [--attention cudnn] [--epilogues own] [bitpipe-opt options]

For each number of devices: the printed program compiles without a warning (with --nvcc, too, but for 'none'), links, and trains
to the bits of bitpipe-run, both with a process for each device: losses, norms and parameters, as a graph and not, whatever the
order of streams; a wait that is left out is found. With another plan, or as one process for several devices, it does not start.
"""
import argparse
import filecmp
import json
import os
import subprocess
import sys
import tempfile


def run(command, **variables):
    result = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, **variables))
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")


class Printed:
    def __init__(self, arguments, options, devices, scratch):
        self.build, self.folder, self.devices, self.scratch = arguments.build, arguments.folder, devices, scratch
        self.libraries = [f"--attention={arguments.attention}", f"--epilogues={arguments.epilogues}"]
        self.doubles = os.path.join(arguments.build, "bin/doubles")
        # Updates between micro-batches know no norm of all gradients.
        updates_within = any("pipedream" in option for option in options)
        self.clip = [] if updates_within else ["--clip=1.0"]
        self.evaluates = [] if updates_within else [f"--eval-data={self.folder}/data.safetensors", "--eval-every=2"]
        self.plan = self.compile("plan.mlir", options)
        self.print_program(options)
        self.link(arguments.compiler, arguments.source, arguments.nvcc)

    def path(self, name):
        return os.path.join(self.scratch, name)

    def compile(self, name, options, *more):
        run(["bitpipe-opt", f"{self.folder}/model.onnx", *options, f"--devices={self.devices}", "--microbatches=4",
             "--target=cuda", "--arch=emulated", "-o", self.path(name), *more])
        return self.path(name)

    def print_program(self, options):
        run(["bitpipe-opt", self.plan, "--emit=cuda", "-o", self.path("program.cpp")])
        # The same text from the model, but for where it is from.
        texts = []
        for name in ("program.cpp", self.compile("direct.cpp", options, "--emit=cuda")):
            with open(self.path(name)) as file:
                texts.append(file.read().split("\n", 2)[2])
        if texts[0] != texts[1]:
            sys.exit(f"{options}: the model prints as another program than its plan")

    def link(self, compiler, source, nvcc):
        flags = ["-std=c++20", "-I", source, self.path("program.cpp")]
        run([compiler, *flags, "-Wall", "-Wextra", "-Werror", f"@{self.build}/program.link", f"-L{self.doubles}",
             f"-Wl,-rpath,{self.doubles}", "-l:libcuda.so.1", "-l:libcublasLt.so.13", "-l:libnccl.so.2", "-o", self.path("program")])
        if nvcc != "none":
            run([nvcc, *flags, "-c", "-o", self.path("program.o")])

    def command(self, program, name, options, plan=None):
        launcher = ["mpirun", "-n", self.devices] if self.devices != "1" else []
        return [*launcher, program, plan or self.plan, f"--data={self.folder}/data.safetensors", "--steps=4", *self.clip, *self.evaluates,
                "--weight-decay-for=matrices", f"--save={self.path(name)}", f"--metrics={self.path(name)}.jsonl", "--force",
                *self.libraries, *options]

    def variables(self):
        return {"BITPIPE_CUDA_DRIVER": f"{self.doubles}/libcuda.so.1", "BITPIPE_CUBLASLT": f"{self.doubles}/libcublasLt.so.13",
                "BITPIPE_NCCL": f"{self.doubles}/libnccl.so.2", "BITPIPE_LIBRARIES": f"{self.build}/bin",
                "BITPIPE_DOUBLES_DEVICES": self.devices}

    def numbers(self, name):
        with open(self.path(name) + ".jsonl") as file:
            return [(line.get("loss", line.get("eval_loss")), line.get("grad_norm")) for line in map(json.loads, file)]

    def check_bits(self, title):
        run(self.command("bitpipe-run", "walked", ["--no-graph"]), **self.variables())
        for what, options, more in (("printed", ["--no-graph"], {}), ("graph", [], {}),
                                    ("delayed", ["--no-graph"], {"BITPIPE_DOUBLES_DELAYS": "3"})):
            run(self.command(self.path("program"), what, options), **self.variables(), **more)
            if self.numbers(what) != self.numbers("walked"):
                sys.exit(f"{title}, {what}: {self.numbers(what)}, expected {self.numbers('walked')}")
            if not filecmp.cmp(self.path(what), self.path("walked"), shallow=False):
                sys.exit(f"{title}, {what}: saves other bits than bitpipe-run")
        print(f"{title}: the bits of bitpipe-run, last loss {self.numbers('printed')[-1][0]:.6f}")

    def check_refused(self, what, command, expected, **more):
        result = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, **self.variables(), **more))
        if result.returncode == 0 or expected not in result.stderr:
            sys.exit(f"{what}: exit {result.returncode}, expected '{expected}'\n{result.stdout}{result.stderr}")

    def check_ends(self, options):
        program = self.path("program")
        other = self.compile("other.mlir", [*options, "--optimizer=sgd"])
        self.check_refused("another plan", self.command(program, "other", [], other), "print the plan again")
        if any(option.startswith("--offload=") for option in options):
            stays = self.compile("stays.mlir", [option for option in options if not option.startswith("--offload=")])
            self.check_refused("a plan without moves", self.command(program, "other", [], stays), "print the plan again")
        self.check_refused("an option", self.command(program, "other", ["--poison"]), "--poison is given to a printed program")
        if self.devices != "1":
            self.check_refused("one process", self.command(program, "other", [])[3:], "expected a process for each device")
            self.check_refused("a wait less", self.command(program, "other", ["--no-graph"]), "nothing puts one after the other",
                               BITPIPE_DOUBLES_DROP="0:0")


def main():
    parser = argparse.ArgumentParser()
    for name in ("build", "source", "compiler", "folder"):
        parser.add_argument(name)
    parser.add_argument("--nvcc", default="none")
    parser.add_argument("--devices", default="2")
    parser.add_argument("--attention", default="own", help="what computes attentions, in both")
    parser.add_argument("--epilogues", default="auto", help="what adds up bias gradients, in both")
    arguments, options = parser.parse_known_args()
    for devices in arguments.devices.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            printed = Printed(arguments, options, devices, scratch)
            printed.check_bits(f"{' '.join(options)} devices {devices}")
            printed.check_ends(options)


main()
