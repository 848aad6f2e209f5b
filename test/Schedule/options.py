"""Random command lines without a model: each is heeded or refused in one line, at once.

    python options.py [ROUNDS [SEED]]

A file of routes or an order is made, sometimes a wrong one, and options are drawn of which some contradict it, are empty,
too large or unknown. bitpipe-opt must end by itself: with 0 and something printed that agrees with what was asked, or with
1 or 2 and one line that begins with a place."""
import json
import random
import re
import subprocess
import sys
import tempfile
import xml.dom.minidom

NAMES = ["1f1b", "bpipe", "gpipe", "zb-v", "bitpipe", "dualpipe", "interleaved", "chimera"]


def number(draw, low, high):
    """Mostly a number that fits."""
    odd = ["0", "-1", "", "x", "1e3", "1073741824", "2147483647", "99999999999999999999", "1025", "65537"]
    return draw.choice(odd) if draw.random() < 0.12 else str(draw.randint(low, high))


def routes(draw, folder):
    size = draw.randint(1, 4)
    lines = [" ".join(str(draw.randrange(size)) for _ in range(4)) for _ in range(draw.randint(1, 3))]
    if draw.random() < 0.3:
        lines.append(draw.choice([": 0 1", "0 1 2 3 :", "0 999999", "a", "\x1b[2J", "# " + "x" * 999]))
    with open(folder + "/f.routes", "w") as file:
        file.write("\n".join(lines) + "\n")
    return "--routes=" + folder + "/f.routes"


def order(draw, folder):
    made = subprocess.run(["bitpipe-opt", "--pipeline=" + draw.choice(NAMES), "--devices=2", "--microbatches=4", "--emit=schedule"],
                          capture_output=True, text=True, check=True).stdout
    rows = [row.split(",") for row in made.splitlines()]
    if draw.random() < 0.4:
        row = draw.choice(rows)
        row[draw.randrange(len(row))] = draw.choice(["0F0", "0I0", "", "9B9", "?", "(0F0;0B0)OVERLAP_F_B", "\x07"])
    path = folder + draw.choice(["/f.csv", "/a&b.csv", "/c\x02.csv"])
    with open(path, "w") as file:
        file.write("\n".join(",".join(row) for row in rows) + "\n")
    return "--schedule=" + path


def draw_line(draw, folder):
    emit = draw.choice(["report", "schedule", "timeline", "trace"])
    line = ["--emit=" + emit]
    source = draw.random()
    if source < 0.3:
        line.append(order(draw, folder))
    elif source < 0.6:
        line.append(routes(draw, folder))
    for option, chance, value in [
            ("pipeline", 0.4, lambda: draw.choice(NAMES + ["", "no\nsuch"])),
            ("devices", 0.5, lambda: number(draw, 1, 6)),
            ("microbatches", 0.5, lambda: number(draw, 1, 12)),
            ("chunks", 0.2, lambda: number(draw, 1, 3)),
            ("down", 0.1, lambda: number(draw, 0, 4)),
            ("activations", 0.1, lambda: number(draw, 1, 20)),
            ("cost", 0.3, lambda: draw.choice(["F=1", "B=4", "F=2,B=3,comm=0.5", "I=1", "I=1,W=2", "F=-1", "F=1,", "", "F=1e400", "\n"])),
            ("recompute", 0.2, lambda: draw.choice(["none", "all", "0", "1-2", "0,2-3", "9", "0,", "auto", "x\n"])),
            ("balance", 0.2, lambda: "true"),
            ("memory", 0.05, lambda: draw.choice(["1G", "0", ""]))]:
        if draw.random() < chance:
            line.append(f"--{option}={value()}")
    return emit, line


def asked(line, option):
    return next((arg.split("=", 1)[1] for arg in line if arg.startswith(f"--{option}=")), None)


def wrong_with(emit, line, done):
    if done.returncode not in (0, 1, 2):
        return f"exit {done.returncode}"
    error = done.stderr.decode(errors="replace")
    if done.returncode:
        fits = re.fullmatch(r"[^\x00-\x09\x0b-\x1f\n]+\n", error) and not done.stdout
        return "" if fits else "more or less than one line, or something beside it: " + repr(error[:300])
    if not done.stdout:
        return "nothing printed"
    if emit == "trace":
        json.loads(done.stdout)
    if emit == "timeline":
        xml.dom.minidom.parseString(done.stdout)
    if emit == "report":
        sizes = re.search(r"(\d+) devices, \d+ stages, (\d+) micro-batches", done.stdout.decode()).groups()
        for got, option in zip(sizes, ("devices", "microbatches")):
            if asked(line, option) not in (None, got):
                return f"{got} {option}"
        stages = re.search(r"recomputed stages: (\S+)", done.stdout.decode())
        if asked(line, "recompute") in ("0", "1-2", "0,2-3") and (not stages or stages[1] != asked(line, "recompute")):
            return f"{stages} recomputed"
    return ""


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    refused = 0
    for seed in range(first, first + rounds):
        draw = random.Random(seed)
        with tempfile.TemporaryDirectory() as folder:
            emit, line = draw_line(draw, folder)
            done = subprocess.run(["bitpipe-opt", *line], capture_output=True, timeout=60)
            refused += done.returncode != 0
            wrong = wrong_with(emit, line, done)
            if wrong:
                sys.exit(f"seed {seed}: {wrong}: bitpipe-opt {line}")
    print(f"{rounds} command lines from seed {first}: {refused} refused, the others heeded")


main()
