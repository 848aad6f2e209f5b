"""Feeds the two tools files that are slightly wrong, and holds them to an answer.

    fuzz.py [KIND...] [--count N] [--seed S] [--bin DIR] [--keep DIR]

KIND is one of onnx, operators, ir, plan, weights, tokens, tensors, orders, routes, costs (default: all). Mutant number i of a
kind is drawn from seed S + i alone, so `--seed=S+i --count=1` makes it again. A mutant fails when a tool is killed,
hangs, prints a sanitizer's report or a stack, ends with a code that is none of its own, or refuses without an error
line. What a tool accepts is trained for two steps where there is data for it.
"""
import argparse
import concurrent.futures
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import sources

TRACES = re.compile("Sanitizer|runtime error:|Assertion|Stack dump|terminate called|LLVM ERROR|UNREACHABLE")
SECONDS = 120


def run(binary, *arguments, folder):
    """The exit code and what is wrong with how the tool ended, empty if nothing."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run([binary, *arguments], cwd=folder, capture_output=True, timeout=SECONDS, env=environment)
    except subprocess.TimeoutExpired:
        return None, f"no answer in {SECONDS} s"
    text = (done.stderr + done.stdout).decode(errors="replace")
    said = "\n".join(text.splitlines()[-12:])
    if done.returncode < 0 or done.returncode > 4:
        return done.returncode, f"exit {done.returncode}: {said}"
    if TRACES.search(text):
        return done.returncode, said
    if done.returncode in (1, 2) and "error:" not in text:
        return done.returncode, f"exit {done.returncode} without an error: {said}"
    return done.returncode, ""


def find(tools, tool):
    """The tool in a folder, or that of the plain build where the folder has only the other one."""
    path = os.path.join(tools, tool)
    return path if os.path.exists(path) else os.path.join(sources.BUILT, tool)


def attempt(job):
    """Makes one mutant and runs the tools on it. Returns kind, seed, exit codes, what is wrong."""
    kind, seed, tools, prepared, keep = job
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(prepared, folder, dirs_exist_ok=True)
        commands = sources.KINDS[kind].mutate(random.Random(f"{kind} {seed}"), folder)
        codes = []
        for tool, *arguments in commands:
            code, wrong = run(find(tools, tool), *arguments, folder=folder)
            codes.append(code)
            if wrong:
                if keep:
                    shutil.copytree(folder, os.path.join(keep, f"{kind}-{seed}"), dirs_exist_ok=True)
                return kind, seed, codes, f"{tool} {' '.join(arguments)}\n{wrong}"
            if code:
                break
        return kind, seed, codes, ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--count", type=int, default=100, help="mutants of each kind (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first (%(default)s)")
    parser.add_argument("--bin", default="build/bin", help="folder of the tools (%(default)s)")
    parser.add_argument("--keep", help="folder for mutants that fail")
    options = parser.parse_args()
    tools, kinds, begin = os.path.abspath(options.bin), options.kinds or list(sources.KINDS), time.monotonic()
    failed = total = 0
    with tempfile.TemporaryDirectory() as root, concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        prepared = {kind: os.path.join(root, kind) for kind in kinds}
        for kind, folder in prepared.items():
            os.mkdir(folder)
            sources.KINDS[kind].prepare(folder)
        jobs = ((kind, options.seed + i, tools, prepared[kind], options.keep)
                for i, kind in itertools.product(range(options.count), kinds))
        ends = {kind: {} for kind in kinds}
        for kind, seed, codes, wrong in pool.map(attempt, jobs):
            total += 1
            ends[kind][codes[-1]] = ends[kind].get(codes[-1], 0) + 1
            if wrong:
                failed += 1
                print(f"FAIL {kind} --seed={seed}: {wrong}", flush=True)
    for kind in kinds:
        print(f"{kind}: " + ", ".join(f"{count} ended {code}" for code, count in sorted(ends[kind].items(), key=str)))
    print(f"{total} mutants from seed {options.seed}, {failed} failed, {time.monotonic() - begin:.0f} s")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
