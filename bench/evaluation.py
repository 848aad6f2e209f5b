"""Writes the tables of docs/Evaluation.md: published settings, simulated with costs of the published models.

    python bench/evaluation.py [--tables NAME,...] [--check]

All of it takes about a quarter of an hour of one core, --tables some of it. Each table lies in the page between two marks that
name it; the page is replaced when all that is asked for is made. With --check nothing is written, and what differs
from the page is printed and an error."""

import argparse
import dataclasses
import difflib
import functools
import json
import os
import pathlib
import re
import sys

import simulated
from simulated import Failed, Machine, Model

PAGE = simulated.ROOT / "docs" / "Evaluation.md"

# NVIDIA's A100 with 400 instead of 600 GB/s of NVLink in both directions; a port of 200 Gb/s to each.
A800 = Machine("A800", 312e12, 0.45, 80e9, 2039e9, 8, 200e9, 25e9, 0.8, (5e-6, 10e-6))
# DGX-1: 300 GB/s of NVLink in both directions; four ports of 100 Gb/s to eight.
V100 = Machine("V100", 125e12, 0.45, 32e9, 900e9, 8, 150e9, 6.25e9, 0.8, (5e-6, 10e-6))


def model(name, kind, **sizes):
    return Model(name, kind, tuple(sizes.items()))


BERT64 = model("BERT-64", "bert", layers=64, hidden=2560, heads=64, sequence=512, vocabulary=29056, batch=4)
GPT96 = model("GPT-96", "gpt", layers=96, hidden=3072, heads=32, sequence=1024, vocabulary=50304, batch=1)
GPT52B = model("GPT-52B", "gpt", layers=64, hidden=8192, heads=64, sequence=1024, vocabulary=50304, batch=1)
LLAMA70B = model("LLaMA-70B", "llama", layers=80, hidden=8192, heads=64, groups=8, inner=28672, sequence=4096,
                 vocabulary=32000, batch=1)

SMALL = model("GPT-2 medium", "gpt", layers=24, hidden=1024, heads=16, sequence=1024, vocabulary=50304, batch=1)

# BitPipe's paper: its own schedule, and what it is measured against.
ONE_WAY, TWO_WAYS = ["1f1b", "interleaved"], ["mixpipe", "chimera", "bitpipe-published", "bitpipe", "bitpipe-zb"]
COMPARED, OURS = ["1f1b", "interleaved", "mixpipe", "chimera"], ["bitpipe-published", "bitpipe", "bitpipe-zb"]
STRAIGHT = ["1f1b", "mixpipe", "chimera"]  # a stage to a device and direction, the others two
PUBLISHED = 1.05, 1.28
DEPTHS, GPUS, GROUPS = [4, 8], [8, 16, 32], [1, 2, 4]

# PipeDream beside data parallelism alone: a node, and two with a slow link between.
PIPEDREAM, PIPEDREAM_GPUS = [SMALL, BERT64, GPT96], [8, 16]

# Breadth-first: devices and chunks of a pipeline of 64 GPUs, micro-batches per device of it.
LOOPS, BATCHES = [(8, 4), (16, 4), (32, 2)], [1, 2, 4]

# BPipe, twice the micro-batch by the memory that it frees: devices, samples of a step, how much more efficiently.
BPIPE_DEVICES, BPIPE_BATCH, RATIOS = 8, 128, [1.00, 1.05, 1.10, 1.20, 1.40]

# Devices that are emulated on this machine: slow, so that it keeps up with them, and with messages that travel as they do here.
SLOW = Machine("slow", 6e8, 1, 0, 2e8, 4, 1e8, 1e8, 1, (0, 0))
SMALL_MODELS, SMALL_MEMORIES = [Model("gpt2"), Model("bert"), Model("llama")], [None, 1.0e6, 0.75e6]

CHOICES = [(GPT96, 8, 16), (GPT96, 32, 64), (LLAMA70B, 8, 16), (LLAMA70B, 32, 64)]


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines).replace("| --- ", "|---").replace("--- |", "---|")


def marked(ratio):
    """Bold within the published range."""
    return f"**{ratio:.2f}**" if PUBLISHED[0] <= round(ratio, 2) <= PUBLISHED[1] else f"{ratio:.2f}"


def sizes(what):
    """What the compiler says of a model as a whole, in 16 stages."""
    stages = simulated.counted(what, 16)
    total = {key: sum(stage[key] for stage in stages) for key in ("F", "I", "W", "activation", "parameters")}
    done = simulated.counting(what, 16, "adamw")
    return [what.name, f"{total['parameters'] / 1e9:.1f}", *(f"{total[kind] / 1e12:.1f}" for kind in "FIW"),
            f"{total['activation'] / 1e9:.1f}", f"{stages[0]['message'] / 1e6:.1f}",
            f"{done.processor:.0f} s, {done.memory / 2**20:.0f} MiB"]


def models():
    return table(["model", "parameters, 10^9", "F", "I", "W", "activations, GB", "message, MB", "counted in"],
                 [sizes(what) for what in (BERT64, GPT96, GPT52B, LLAMA70B)])


def times(what, depth, gpus, counts, **leaving_out):
    """The rows of all schedules; those of two directions have their gradients on twice as many devices."""
    stages, replicas = simulated.counted(what, 2 * depth), gpus // depth
    found = {}
    for names, ways in ((ONE_WAY, 1), (TWO_WAYS, 2)):
        costs = simulated.cost_file(stages, A800, gpus, ways * replicas, gpus <= A800.node, **leaving_out)
        found |= simulated.compare(names, [count * replicas for count in counts],
                                   [f"--devices={gpus}", f"--data-parallel={replicas}", f"--cost-file={costs}"])
    return {(name, count // replicas): row for (name, count), row in found.items()}


def bitpipe_rows(what, depth, gpus):
    found = times(what, depth, gpus, [group * depth for group in GROUPS])
    state = sum(stage["state"] for stage in simulated.counted(what, 2 * depth))
    for group in GROUPS:
        count = group * depth
        end = {name: found[name, count].end for name in ONE_WAY + TWO_WAYS}
        ratios = [" / ".join(marked(end[name] / end[own]) for name in COMPARED) for own in OURS]
        own = found["bitpipe", count]
        held = own.activations + own.weights * state / (2 * gpus)
        yield [depth, gpus, count, f"{1e3 * end['1f1b']:.0f}", *ratios, f"{held / 1e9:.0f}"]


def bitpipe(what, depths=DEPTHS, gpus=GPUS):
    head = ["D", "GPUs", "N", "1F1B, ms", *(f"`{name}`" for name in OURS), "GB, `bitpipe`"]
    return table(head, [row for depth in depths for count in gpus for row in bitpipe_rows(what, depth, count)])


def level_rows(what, depth, gpus):
    """How BitPipe does beside the best of the others, by how sums go over several nodes."""
    count = 2 * depth
    ratios = {}
    for summed in (simulated.sum_over_one_link, simulated.sum_together, simulated.sum_by_levels):
        found = times(what, depth, gpus, [count], summed=summed)
        end = {name: row.end for (name, _), row in found.items()}
        ratios[summed] = [marked(min(end[name] for name in COMPARED) / end[own]) for own in ("bitpipe", "bitpipe-zb")]
    return [what.name, depth, gpus, count, *(" / ".join(both) for both in ratios.values())]


def levels():
    head = ["model", "D", "GPUs", "N", "all over the slowest link", "all at once", "first within nodes"]
    return table(head, [level_rows(GPT96, depth, 16) for depth in DEPTHS])


def pipeline_time(name, count, time, moved):
    """An iteration of stages that take so long for a forward, whose activation moves in `moved`."""
    costs = simulated.FOLDER / "even.json"
    costs.write_text(json.dumps({"stages": {"F": time, "B": 2 * time, "activation": max(moved, 1e-9), "message": 0},
                                 "links": {"bandwidth": 1}}))
    return simulated.compare([name], [count], [f"--devices={BPIPE_DEVICES}", f"--cost-file={costs}"])[name, count].makespan


def estimated(size, larger, ratio):
    """What the report says of larger micro-batches that stages run more efficiently by a ratio."""
    out = simulated.compiler("--pipeline=bpipe", f"--devices={BPIPE_DEVICES}", f"--microbatches={BPIPE_BATCH // larger}",
                             f"--efficiency={BPIPE_BATCH}:{size}=1,{larger}={ratio}", "--emit=report").out
    return float(re.search(r"samples instead of \d+: ([\d.]+)x as fast", out).group(1))


def pays_row(size, larger):
    before = pipeline_time("1f1b", BPIPE_BATCH // size, size, 0)
    even = 1 / estimated(size, larger, 1)
    cells = []
    for ratio in RATIOS:
        guess = estimated(size, larger, ratio)
        after = [before / pipeline_time("bpipe", BPIPE_BATCH // larger, larger / ratio, moved * larger) for moved in (0, 0.3)]
        for seen in after:
            if abs(guess - 1) > 0.01 and (guess > 1) != (seen > 1):
                raise Failed(f"micro-batches of {larger} instead of {size}: estimated {guess}, simulated {seen}")
        cells.append(" / ".join(f"{value:.2f}" for value in (guess, *after)))
    return [f"{size} to {larger}", f"{even:.2f}", *cells]


def pays():
    """Whether BPipe pays by micro-batches twice as large, by how much more efficiently stages run these."""
    return table(["micro-batches of", "break-even", *(f"{ratio:.2f}" for ratio in RATIOS)],
                 [pays_row(size, 2 * size) for size in (1, 2, 4)])


def steps(what, depth, count):
    """Steps of many on one node: with updates, and backwards in two parts, as plans execute them."""
    found = {}
    for name in ONE_WAY + TWO_WAYS:
        stages = simulated.counted(what, depth if name in STRAIGHT else 2 * depth)
        costs = simulated.cost_file(stages, A800, depth, 2 if name in TWO_WAYS else 1)
        found[name] = simulated.step([f"--pipeline={name}", f"--devices={depth}", f"--microbatches={count}", f"--cost-file={costs}"])
    return found


def reasons():
    """What each cost does to the ratios, on eight GPUs with the published batches."""
    rows = []
    for what, count in ((BERT64, 8), (GPT96, 16)):
        even = simulated.compare(ONE_WAY + TWO_WAYS, [count], ["--devices=8", "--cost=F=1,B=2"])
        cases = {"equal stages, F = 1, B = 2": even,
                 "the model's stages": times(what, 8, 8, [count], messages=False, sums=False),
                 "and messages": times(what, 8, 8, [count], sums=False),
                 "and sums": times(what, 8, 8, [count])}
        ends = {case: {name: found[name, count].end for name in ONE_WAY + TWO_WAYS} for case, found in cases.items()}
        ends["a step of many as plans execute it"] = steps(what, 8, count)
        for case, end in ends.items():
            rows.append([what.name, count, case, *(" / ".join(marked(end[name] / end[own]) for name in COMPARED) for own in OURS)])
    return table(["model", "N", "costs", *(f"`{name}`" for name in OURS)], rows)


def breadth_row(depth, chunks, batch):
    replicas, count = 64 // depth, batch * depth
    stages = simulated.counted(GPT52B, depth * chunks)
    costs = simulated.cost_file(stages, V100, 64, replicas, False)
    common = ["--devices=64", f"--data-parallel={replicas}", f"--chunks={chunks}", f"--cost-file={costs}"]
    names = ["interleaved", "breadth-first"]
    found = simulated.compare(names, [count * replicas], common)
    slow, fast = (found[name, count * replicas] for name in names)
    slower, faster = (simulated.step([f"--pipeline={name}", f"--microbatches={count * replicas}", "--shard=optimizer", *common])
                      for name in names)
    deep, broad = (simulated.sharded([f"--pipeline={name}", f"--microbatches={count * replicas}", "--shard=parameters", *common])
                   for name in names)
    return [f"{depth} x {replicas}", chunks, count, *(f"{row.makespan:.2f} / {row.end:.2f}" for row in (slow, fast)),
            f"{slow.end / fast.end:.2f}", f"{slower / faster:.2f}", f"{deep.gathers:.2f} / {broad.gathers:.2f}",
            f"{deep.step:.2f} / {broad.step:.2f}", f"{deep.step / broad.step:.2f}"]


def breadth_first():
    head = ["devices x replicas", "chunks", "N", "depth-first, s", "breadth-first, s", "gain", "gain, sharded optimizer",
            "in slices: gathers of a stage", "in slices, s", "in slices: gain"]
    return table(head, [breadth_row(*loop, batch) for loop in LOOPS for batch in BATCHES])


def choose(what, devices, count, arguments):
    """The first row of the table of --pipeline=auto, or why there is none; and the processor's seconds for both."""
    try:
        done = simulated.compiler("--pipeline=auto", f"--devices={devices}", f"--microbatches={count}", "--emit=report", *arguments)
    except Failed as why:
        return str(why).split("--pipeline=auto: ")[-1], None
    return next(line for line in done.out.splitlines() if line.endswith(" taken")).split(), done.processor


def taken(row):
    """The schedule of a row of the table of --pipeline=auto."""
    name, _, chunks, _, replicas, recomputed, balanced, sharded = row[:8]
    more = (", balanced" if balanced == "yes" else "") + (f", sharded {sharded}" if sharded != "no" else "")
    return f"`{name}`, chunks {chunks}, replicas {replicas}, recomputed {recomputed}{more}"


def choice_row(what, devices, count, source, arguments, seconds):
    row, processor = choose(what, devices, count, arguments)
    if processor is None:
        return [what.name, devices, count, source, row, "", "", "", "", ""]
    step, idle, messages, sums = (seconds * float(value) for value in row[8:12])
    tokens = count * dict(what.sizes)["sequence"]
    return [what.name, devices, count, source, taken(row), f"{step:.2f}",
            f"{idle:.2f} / {messages:.2f} / {sums:.2f}", f"{float(row[12]) / 1e9:.0f}", f"{tokens / step:.0f}", f"{processor:.0f}"]


def choice_rows(what, devices, count):
    """From the model alone, which knows no links, and for the machine."""
    stages = simulated.counted(what, 2 * devices)
    forward = sum(stage["F"] for stage in stages) / len(stages) / A800.operations / A800.efficiency
    yield choice_row(what, devices, count, "the model", [simulated.file_of(what), "--precision=bf16", f"--memory={A800.memory:.0f}"], forward)
    costs = simulated.cost_file(stages, A800, devices, 2, devices <= A800.node, memory=True)
    yield choice_row(what, devices, count, "A800s", [f"--cost-file={costs}"], 1)


def choices():
    head = ["model", "GPUs", "N", "costs of", "taken", "step, s", "idle / messages / sums and updates, s", "GB", "tokens per second",
            "processor, s"]
    return table(head, [row for case in CHOICES for row in choice_rows(*case)])


def pipedream_row(what, devices, machine):
    """An update for every micro-batch in a pipeline, and for one micro-batch of each GPU where all have the whole model."""
    costs = simulated.cost_file(simulated.counted(what, devices), machine, devices)
    arguments = ["--pipeline=pipedream", f"--devices={devices}", f"--cost-file={costs}", "--emit=report"]
    few, many = (simulated.compiler(*arguments, f"--microbatches={count}").out for count in (devices, 8 * devices))
    sent = re.search(r"^sent in a step: messages (\S+), sums of gradients 0; by data parallelism alone (\S+), of which this is (\S+)$", few, re.M)
    period, bound = map(float, re.search(r"^steady state, per micro-batch: period (\S+), bound (\S+),", many, re.M).groups())
    whole = simulated.cost_file(simulated.counted(what, 1), machine, devices, devices, devices <= machine.node)
    alone = simulated.step(["--pipeline=gpipe", f"--devices={devices}", f"--data-parallel={devices}", f"--microbatches={devices}",
                            f"--cost-file={whole}"]) / devices
    return [what.name, machine.name, devices, f"{float(sent[1]) / 1e9:.2f} / {float(sent[2]) / 1e9:.0f}", sent[3].replace("%", " %"),
            f"{1e3 * period:.1f}", f"{1e3 * bound:.1f}", f"{1e3 * alone:.1f}", f"{alone / period:.2f}"]


def pipedream():
    head = ["model", "machine", "GPUs", "GB sent, pipeline / data parallelism", "share", "period, ms", "bound, ms", "data parallelism, ms", "faster"]
    return table(head, [pipedream_row(what, count, machine) for what in PIPEDREAM for machine in (A800, V100) for count in PIPEDREAM_GPUS])


def emulated_row(what, memory, devices=4, count=8):
    """What --pipeline=auto takes and expects, and what the plan of it takes on emulated devices."""
    machine = dataclasses.replace(SLOW, memory=memory)
    cost_file = functools.partial(simulated.cost_file, machine=machine, devices=devices, holders=2, messages=False)
    costs = cost_file(simulated.counted(what, 2 * devices), memory=bool(memory))
    arguments = [simulated.file_of(what), "--precision=bf16", f"--cost-file={costs}"]
    row, processor = choose(what, devices, count, arguments)
    limit = f"{memory / 1e6:.2f}" if memory else "any"
    if processor is None:
        return [what.name, limit, row, "", "", ""]
    plan = simulated.FOLDER / f"{what.name}.mlir"
    simulated.compiler("--pipeline=auto", f"--devices={devices}", f"--microbatches={count}", "--force", *arguments, "-o", plan)
    stages = 1 + max(int(stage) for stage in re.findall(r"pipe\.execute F stage (\d+)", plan.read_text()))
    predicted, measured = simulated.emulate(plan, cost_file(simulated.counted(what, stages)))
    return [what.name, limit, taken(row), f"{1e3 * float(row[8]):.0f}", f"{predicted:.0f}", f"{measured:.0f}"]


def emulated():
    head = ["model", "memory, MB", "taken", "step expected, ms", "of its plan, ms", "emulated, ms"]
    return table(head, [emulated_row(what, memory) for what in SMALL_MODELS for memory in SMALL_MEMORIES])


TABLES = {
    "models": models,
    "small": lambda: bitpipe(SMALL, [4], [8]),
    "bert-64": lambda: bitpipe(BERT64),
    "gpt-96": lambda: bitpipe(GPT96),
    "reasons": reasons,
    "levels": levels,
    "pipedream": pipedream,
    "bpipe": pays,
    "breadth-first": breadth_first,
    "choices": choices,
    "emulated": emulated,
}


def pattern(name):
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def replace(text, name, made):
    if len(pattern(name).findall(text)) != 1:
        raise SystemExit(f"{PAGE}: the mark '<!-- {name} -->' with its '<!-- end -->' is expected once")
    return pattern(name).sub(lambda found: found[1] + made + found[3], text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default=",".join(TABLES), help="which, with commas between (all)")
    parser.add_argument("--check", action="store_true", help="compare with the page instead of writing it")
    options = parser.parse_args()
    names = options.tables.split(",")
    if unknown := set(names) - set(TABLES):
        parser.error(f"no table named {', '.join(sorted(unknown))}, expected some of {', '.join(TABLES)}")
    before = after = PAGE.read_text()
    for name in names:
        after = replace(after, name, TABLES[name]())
        print(f"{name}: made", file=sys.stderr, flush=True)
    if options.check:
        difference = list(difflib.unified_diff(before.splitlines(), after.splitlines(), str(PAGE), "made", lineterm="", n=0))
        print("\n".join(difference))
        return bool(difference)
    temporary = PAGE.with_suffix(".tmp")
    temporary.write_text(after)
    os.replace(temporary, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
