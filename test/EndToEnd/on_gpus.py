"""Trains a model with plans for GPUs, on doubles of CUDA's libraries, and compares with its reference.

    python on_gpus.py BUILD MODEL_FOLDER --pipeline=bitpipe,1f1b --devices=1,2,4 [--rename OLD=NEW] [--through-cpu]
        [--part K/N] [--checks bits,resumed] [--seeds 2] [--drop STREAMS:WAITS] [--attention cudnn [--cudnn MISTAKE]]
        [--epilogues own | --cublaslt MISTAKE]
        [bitpipe-opt options]

BUILD is the build folder, whose bin/doubles stands for a machine with GPUs. For each schedule (--pipeline=every: all by
name, or a part of them) and number of devices numbers, and what --checks names:

numbers  loss, gradient norm and parameters as reference.py compares them; under --precision=bf16 losses are within 1% of
         the reference.
bits     the same parameters whether a step is one graph or not, whatever the order of streams (so many --seeds of delays), with
         memory of NaNs, and with a GPU for each device. Seeds go on from one schedule to the next.
resumed  the same parameters after a checkpoint.
edges    for each of the first waits of each of the first streams: a run in which it is left out ends with an
         error that names what it put in order, or the wait was not needed: then the bits are the same. At least half of
         the runs must end with an error.
whole    of slices (--shard) and activations on hosts (--offload), the bits of a run without them.
ranks    the reference's numbers with a process for each device, connected by a double of NCCL, and the same bits as graphs, whatever
         the order of streams; with whole, the bits of such
         a run without activations on hosts.
calls    one rank that sums half, that broadcasts what others sum, or that uses connections first in a capture ends the run
         with an error that says so.
times    traces, profiles and predictions of all devices as threads, and with a process for each: messages, arrows and sums as
         many as a run on processors has; the bits of a run without them.
host     what is planned on hosts is what copies touch; times of copies, and arrows from each to the one back and on to the
         gradient.

--attention is what computes attentions (default own), all of them: auto, too, has to take cuDNN for some, and own kernels
for others where --cudnn is a mistake of the double that concerns those.
--epilogues is what adds up bias gradients (default auto), all of them: cuBLASLt, unless own kernels are asked for or --cublaslt
is a mistake of the double.
--through-cpu takes kernels for processors (test/Runtime/Inputs/as_cuda.py) instead of the compiler's for GPUs.
"""
import argparse
import filecmp
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.append(os.path.dirname(__file__))
from reference import compare, compare_run, run  # noqa: E402
from saved_parameters import schedules  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def on_hosts(path):
    """The bytes of each host's memory and those of its slots, in whole cells of the doubles, but for hosts that keep nothing."""
    cell = 64
    with open(path) as file:
        programs = file.read().split("pipe.program device ")[1:]
    hosts = []
    for program in programs:
        slots = [(int(offset), int(offset) + int(size)) for size, offset in re.findall(r'"host" size (\d+) offset (\d+)', program)]
        if slots:
            whole = max(end for _, end in slots)
            cells = {at for begin, end in slots for at in range(begin // cell, -(-end // cell))}
            hosts.append((whole, sum(min(cell, whole - at * cell) for at in cells)))
    return hosts


def doubles(build, **variables):
    folder = os.path.join(build, "bin/doubles")
    return dict(os.environ, BITPIPE_CUDA_DRIVER=os.path.join(folder, "libcuda.so.1"),
                BITPIPE_CUBLASLT=os.path.join(folder, "libcublasLt.so.13"), **variables)


class Model:
    def __init__(self, arguments, options, devices, seeds, scratch):
        self.arguments, self.seeds, self.scratch = arguments, seeds, scratch
        self.folder, self.is_bf16 = arguments.folder, "--precision=bf16" in options
        self.options = [*options, f"--devices={devices}"]
        with open(os.path.join(self.folder, "reference.json")) as file:
            self.reference = json.load(file)
        self.plan = self.compile(f"d{devices}", self.options)
        if "whole" in arguments.checks:
            whole = [option for option in options if not option.startswith(("--shard=", "--offload="))]
            self.whole = self.compile(f"whole{devices}", [*whole, f"--devices={devices}"])
            self.slices = any(option.startswith("--shard=") for option in options)

    def compile(self, name, options):
        plan = self.path(f"{name}.mlir")
        common = [os.path.join(self.folder, "model.onnx"), *options, "-o"]
        if self.arguments.through_cpu:
            cpu = self.path(f"cpu-{name}.mlir")
            run("bitpipe-opt", *common, cpu)
            run(sys.executable, os.path.join(HERE, "../Runtime/Inputs/as_cuda.py"), cpu, plan)
        else:
            run("bitpipe-opt", *common, plan, "--target=cuda", "--arch=emulated")
        return plan

    def path(self, name):
        return os.path.join(self.scratch, name)

    def train(self, name, options, launcher=(), steps=None, plan=None, out=None, **variables):
        """Error text, or None; parameters are saved under the name."""
        steps = steps or len(self.reference["loss"])
        command = [*launcher, "bitpipe-run", plan or self.plan, f"--data={self.folder}/data.safetensors", f"--steps={steps}", "--clip=1.0",
                   f"--save={self.path(name)}", f"--metrics={self.path(name)}.jsonl", "--force",
                   f"--attention={self.arguments.attention}", f"--epilogues={self.arguments.epilogues}", *options]
        if self.arguments.cudnn:
            variables["BITPIPE_DOUBLES_CUDNN"] = self.arguments.cudnn
        if self.arguments.cublaslt:
            variables["BITPIPE_DOUBLES_CUBLASLT"] = self.arguments.cublaslt
        result = subprocess.run(command, capture_output=True, text=True, env=doubles(self.arguments.build, **variables))
        if not result.returncode:
            self.check_attention(result.stdout)
            self.check_gradients(result.stdout)
        if out:
            with open(out, "w") as file:
                file.write(result.stdout)
        return result.stdout + result.stderr if result.returncode else None

    def check_attention(self, output):
        told = re.search(r"attentions of a step: (\d+) by cuDNN.*, (\d+) by own kernels", output)
        by_cudnn, by_own = (int(count) for count in told.groups()) if told else (0, 0)
        expected = {"own": (False, True), "cudnn": (True, False), "auto": (True, True)}[self.arguments.attention]
        if told and (by_cudnn > 0, by_own > 0) != expected:
            sys.exit(f"--attention={self.arguments.attention}: {told.group()}")

    def check_gradients(self, output):
        told = re.search(r"bias gradients of a step: (\d+) in products by cuBLASLt, (\d+) by own kernels", output)
        in_products, by_own = (int(count) for count in told.groups()) if told else (0, 0)
        expected_own = self.arguments.epilogues == "own" or self.arguments.cublaslt == "no gradient"
        if told and (in_products > 0, by_own > 0) != (not expected_own, expected_own):
            sys.exit(f"--epilogues={self.arguments.epilogues}: {told.group()}")
        with open(self.plan) as file:
            if bool(told) != ("bias_gradient" in file.read()):
                sys.exit(f"bias gradients are in the plan or told of, expected both or none: {told}")

    def trained(self, name, options, launcher=(), **more):
        if error := self.train(name, options, launcher, **more):
            sys.exit(f"{name} {options} {more}\n{error}")

    def check_numbers(self, what, name="first"):
        if not self.is_bf16:
            return compare_run(self.reference, self.arguments.renamed, self.path(name) + ".jsonl", self.path(name), what)
        with open(self.path(name) + ".jsonl") as file:
            losses = [json.loads(line)["loss"] for line in file]
        print(f"{what}: loss {compare('loss', losses, self.reference['loss'], 0.01):.1e}")

    def check_bits(self, devices):
        runs = [("graph", ["--share-gpus"], {}), ("poison", ["--share-gpus", "--no-graph", "--poison"], {}),
                ("apart", [], {"BITPIPE_DOUBLES_DEVICES": str(devices)})]
        for seed in self.seeds:
            runs.append((f"graph, seed {seed}", ["--share-gpus"], {"BITPIPE_DOUBLES_DELAYS": seed}))
            runs.append((f"seed {seed}", ["--share-gpus", "--no-graph"], {"BITPIPE_DOUBLES_DELAYS": seed}))
        few = 3  # one walked, one captured, one replayed
        self.trained("few", ["--share-gpus", "--no-graph"], steps=few)
        for name, options, variables in runs:
            self.trained(name, options, steps=few, **variables)
            if not filecmp.cmp(self.path("few"), self.path(name), shallow=False):
                sys.exit(f"{name}: saves other bits than the first run")

    def check_resumed(self, devices):
        checkpoint = [f"--checkpoint={self.path('checkpoint')}", "--share-gpus"]
        self.trained("half", checkpoint, steps=3)
        self.trained("resumed", [*checkpoint, "--resume"])
        if not filecmp.cmp(self.path("first"), self.path("resumed"), shallow=False):
            sys.exit("a run that was interrupted saves other bits")

    def check_whole(self, devices):
        self.trained("whole", ["--share-gpus"], plan=self.whole)
        if not filecmp.cmp(self.path("first"), self.path("whole"), shallow=False):
            sys.exit("slices, or activations on hosts, save other bits than a run without them")

    def check_ranks(self, devices):
        """With a process for each device sums have an order of their own, which is the same in a second run."""
        launcher = ["mpirun", "-n", devices]
        variables = {"BITPIPE_NCCL": os.path.join(self.arguments.build, "bin/doubles/libnccl.so.2"),
                     "BITPIPE_DOUBLES_DEVICES": devices}
        self.trained("ranks", ["--no-graph"], launcher, **variables)
        self.check_numbers(f"{devices} ranks", "ranks")
        for name, more in (("ranks with graphs", {}), ("ranks with graphs and delays", {"BITPIPE_DOUBLES_DELAYS": self.seeds[0]})):
            self.trained(name, [], launcher, **variables, **more)
            if not filecmp.cmp(self.path("ranks"), self.path(name), shallow=False):
                sys.exit(f"{name} save other bits than without")
        if "whole" in self.arguments.checks and not self.slices:  # whose sums have an order of their own
            self.trained("whole ranks", ["--no-graph"], launcher, plan=self.whole, **variables)
            if not filecmp.cmp(self.path("ranks"), self.path("whole ranks"), shallow=False):
                sys.exit("ranks save other bits with activations on hosts than without")

    def check_calls(self, devices):
        launcher = ["mpirun", "-n", devices, "sh", "-c", '[ "$OMPI_COMM_WORLD_RANK" = 1 ] || unset BITPIPE_DOUBLES_NCCL; exec "$@"', "sh"]
        variables = {"BITPIPE_NCCL": os.path.join(self.arguments.build, "bin/doubles/libnccl.so.2"),
                     "BITPIPE_DOUBLES_DEVICES": devices}
        for mistake, options, told in (("short", ["--no-graph"], "which do not match"), ("kind", [], "which do not match"),
                                       ("cold", [], "but connections are made at first use")):
            error = self.train("mistaken", options, launcher, steps=3, BITPIPE_DOUBLES_NCCL=mistake, **variables)
            if not error or told not in error:
                sys.exit(f"rank 1 of {devices} makes the mistake '{mistake}', expected an error with '{told}'\n{error}")
        print(f"{devices} ranks: 3 of 3 mistakes of a rank were found")

    def check_host(self, devices):
        """Pinned memory beside the host's part of a plan is of other sizes."""
        planned = on_hosts(self.plan)
        trace, profile = self.path("trace.json"), self.path("profile.json")
        command = ["bitpipe-run", self.plan, f"--data={self.folder}/data.safetensors", "--steps=3", "--share-gpus",
                   f"--trace={trace}", f"--profile={profile}"]
        done = subprocess.run(command, capture_output=True, text=True, env=doubles(self.arguments.build, BITPIPE_DOUBLES_TOUCHED="1"))
        touched = [tuple(map(int, found)) for found in re.findall(r"touched (\d+) of (\d+) pinned", done.stderr)]
        for bytes, used in planned:
            if (used, bytes) not in touched:
                sys.exit(f"{used} of {bytes} bytes are planned on a host, touched {touched}\n{done.stdout}{done.stderr}")
        rates = re.findall(r"host of device \d+ +([\d.]+) MiB +\1 MiB +copies at [\d.]+ GB/s", done.stdout)
        if len(rates) != len(planned):
            sys.exit(f"{len(planned)} hosts keep something, expected a line for each:\n{done.stdout}")
        run(sys.executable, os.path.join(HERE, "host_link.py"), profile)
        run(sys.executable, os.path.join(HERE, "move_arrows.py"), self.plan, trace)

    def check_times(self, devices):
        """The same plan on processors knows what there is to time."""
        on_cpus, few = self.path(f"cpu-d{devices}.mlir"), 3
        if not self.arguments.through_cpu:
            run("bitpipe-opt", os.path.join(self.folder, "model.onnx"), *self.options, "-o", on_cpus)
        data, cpu = [f"--data={self.folder}/data.safetensors", f"--steps={few}", "--force"], self.path("cpu.json")
        run("bitpipe-run", on_cpus, *data, f"--trace={cpu}")
        launcher = ["mpirun", "-n", devices]
        ranks = {"BITPIPE_NCCL": os.path.join(self.arguments.build, "bin/doubles/libnccl.so.2"),
                 "BITPIPE_DOUBLES_DEVICES": devices}
        for name, options, start, variables in (("threads", ["--share-gpus"], (), {}),
                                                ("threads apart", [], (), {"BITPIPE_DOUBLES_DEVICES": devices,
                                                                           "BITPIPE_DOUBLES_DELAYS": self.seeds[0]}),
                                                ("ranks", [], launcher, ranks)):
            trace, profile, out = (self.path(f"{name}.{kind}") for kind in ("trace.json", "profile.json", "txt"))
            self.trained(f"{name} untimed", options, start, steps=few, **variables)
            timed = [*options, f"--trace={trace}", f"--profile={profile}", "--predict"]
            self.trained(name, timed, start, steps=few, **variables)
            if not filecmp.cmp(self.path(name), self.path(f"{name} untimed"), shallow=False):
                sys.exit(f"{name}: saves other bits when it is timed")
            run(sys.executable, os.path.join(HERE, "gpu_times.py"), self.plan, cpu, trace, profile)
            self.trained(name, [*options, f"--cost-file={profile}", "--predict"], start, out=out, steps=few, **variables)
            run(sys.executable, os.path.join(HERE, "gpu_predictions.py"), out, profile, devices)

    def check_edges(self, devices):
        streams, waits = (int(number) for number in self.arguments.drop.split(":"))
        missed, count = 0, streams * waits
        for number in range(count):
            dropped = f"{number % streams}:{number // streams}"
            error = self.train("dropped", ["--share-gpus", "--no-graph"], BITPIPE_DOUBLES_DROP=dropped)
            if error and "nothing puts one after the other" not in error:
                sys.exit(f"wait {dropped} left out: unexpected error\n{error}")
            missed += error is not None
            if not error and not filecmp.cmp(self.path("first"), self.path("dropped"), shallow=False):
                sys.exit(f"wait {dropped} left out: nothing was found, and the bits are others")
        print(f"{missed} of {count} waits that were left out were missed")
        if missed * 2 < count:
            sys.exit("expected at least half")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("folder")
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--part", default="1/1", help="of every schedule")
    parser.add_argument("--devices", default="2")
    parser.add_argument("--rename", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--drop", default="8:1")
    parser.add_argument("--through-cpu", action="store_true")
    parser.add_argument("--attention", default="own")
    parser.add_argument("--cudnn")
    parser.add_argument("--epilogues", default="auto")
    parser.add_argument("--cublaslt")
    parser.add_argument("--checks", default="bits,resumed")
    arguments, options = parser.parse_known_args()
    arguments.checks = [check for check in arguments.checks.split(",") if check != "numbers"]
    arguments.renamed = dict(pair.split("=") for pair in arguments.rename)
    options.append("--microbatches=8")
    pipelines = schedules(arguments.part) if arguments.pipeline == "every" else arguments.pipeline.split(",")
    works = itertools.product(pipelines, arguments.devices.split(","))
    for number, (pipeline, devices) in enumerate(works):
        seeds = [str(1 + number * arguments.seeds + i) for i in range(arguments.seeds)]
        with tempfile.TemporaryDirectory() as scratch:
            model = Model(arguments, [f"--pipeline={pipeline}", *options], devices, seeds, scratch)
            model.trained("first", ["--share-gpus", "--no-graph"])
            model.check_numbers(f"{pipeline} {' '.join(options)} devices {devices}")
            for check in arguments.checks:
                getattr(model, f"check_{check}")(devices)


main()
