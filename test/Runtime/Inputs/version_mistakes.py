"""Plans that keep versions of weights, with one mistake each: PLAN DATA [--mutants=N] [--seed=S].

First named mistakes, each of which has to be refused; then N random changes of what keeps, steps or reads versions: what
is not refused trains to the bits of the plan as it was."""
import argparse
import hashlib
import pathlib
import random
import re
import subprocess

parser = argparse.ArgumentParser()
parser.add_argument("plan", type=pathlib.Path)
parser.add_argument("data", type=pathlib.Path)
parser.add_argument("--mutants", type=int, default=0)
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()
LINES = arguments.plan.read_text().splitlines()
BROKEN = arguments.plan.with_name("broken.mlir")
SAVED = arguments.plan.with_name("broken.safetensors")


def attempt(lines):
    """What a run says, and the bits that it saves, if it does."""
    BROKEN.write_text("\n".join(lines) + "\n")
    SAVED.unlink(missing_ok=True)
    done = subprocess.run(["bitpipe-run", BROKEN, f"--data={arguments.data}", "--steps=2", "--threads=1", "--poison",
                           "--lr=1e-2", f"--save={SAVED}"], capture_output=True, text=True, timeout=300)
    bits = hashlib.sha256(SAVED.read_bytes()).hexdigest() if SAVED.exists() else None
    assert (done.returncode == 0) == bool(bits), (done.returncode, done.stdout, done.stderr)
    return done.stderr.strip().splitlines(), bits


def first(pattern, after=0):
    return next(i for i in range(after, len(LINES)) if re.search(pattern, LINES[i]))


def moved(begin, end, to):
    """Lines of one place at another."""
    lines = LINES[:begin] + LINES[end:]
    at = to if to <= begin else to - (end - begin)
    return lines[:at] + LINES[begin:end] + lines[at:]


def changed(at, pattern, text):
    line, count = re.subn(pattern, text, LINES[at], count=1)
    assert count, (LINES[at], pattern)
    return LINES[:at] + [line] + LINES[at + 1:]


def mistakes_of_versions():
    """Of a plan that updates after every micro-batch, on one device for each stage."""
    keep = first(r"pipe\.stash stages \[0\]")
    weights, kept = map(int, re.search(r"weights (\d+) into (\d+)", LINES[keep]).groups())
    reader = first(rf"pipe\.execute [FIW] .*[\[ ]{kept}[,\]]", keep)
    step = first(r"pipe\.step stages \[0\] mb", keep)
    later = first(r"pipe\.stash stages \[0\]", keep + 1)
    gradient = max(i for i in range(step) if re.search(r"pipe\.execute W stage 0", LINES[i]))
    return {
        "never kept": LINES[:keep] + LINES[keep + 1:],
        "kept late": moved(keep, keep + 1, step + 1),
        "updated early": moved(step, step + 1, gradient),
        "updated late": moved(step, step + 1, first(r"pipe\.execute W stage 0", step) + 1),
        "never updated": LINES[:step] + LINES[step + 1:],
        "the newest instead": changed(reader, rf"([\[ ]){kept}([,\]])", rf"\g<1>{weights}\2"),
        "freed early": changed(later, r"into \d+", f"into {kept}"),
        "kept under another number": changed(keep, r"version \d+", "version 7"),
        "other versions": changed(step, r"versions \d+", "versions 1"),
        "after another": changed(step, r"mb \d+", "mb 5"),
        "once more": LINES[:step] + [LINES[step]] + LINES[step:],
        "no number": changed(step, r"mb \d+ versions \d+ ", ""),
        "other groups": [line.replace("update_every = 1 ", "update_every = 4 ") for line in LINES],
        "no groups": [line.replace("update_every = 1 ", "update_every = 5 ") for line in LINES],
    }


def mistakes_of_sums():
    """Of a plan in which devices 0 and 1 share stage 0, which shares parameters with stage 1."""
    own, tied = first(r"pipe\.all_reduce stages \[0\]"), first(r"pipe\.all_reduce stages \[0, 1\]")
    step = first(r"pipe\.step stages \[0\] mb", own)
    gradient = max(i for i in range(own) if re.search(r"pipe\.execute W stage 0", LINES[i]))
    slot = re.search(r"slot \d+", LINES[tied])[0]
    return {
        "never summed": LINES[:own] + LINES[own + 1:],
        "summed twice": LINES[:own] + [LINES[own]] + LINES[own:],
        "summed early": moved(own, own + 1, gradient),
        "summed late": moved(own, own + 1, step + 1),
        "ties not summed": LINES[:tied] + LINES[tied + 1:],
        "over fewer devices": changed(tied, r"devices \[0, 1, 2\]", "devices [0, 1]"),
        "of other gradients": changed(own, r"slot \d+", slot),
        "in another order": moved(own, own + 1, tied + 1),
        "another's micro-batch": changed(gradient, r"mb \d+", "mb 1"),
    }


MISTAKES = mistakes_of_sums() if any("pipe.all_reduce" in line for line in LINES) else mistakes_of_versions()
said, right = attempt(LINES)
assert right, said
for name, lines in MISTAKES.items():
    said, bits = attempt(lines)
    assert not bits, f"{name}: trains"
    print(f"{name}: {next(line for line in said if 'error: ' in line)}")

generator = random.Random(arguments.seed)
places = [i for i, line in enumerate(LINES) if re.search(r"pipe\.(stash|step|all_reduce) stages \[[\d, ]+\]", line)]
readers = [i for i, line in enumerate(LINES) if re.search(r"pipe\.execute ", line)]
slots = [int(slot) for slot in re.findall(r"pipe\.slot (\d+) (?:weights|stashed) ", "\n".join(LINES))]
accepted = refused = 0
for number in range(arguments.mutants):
    way = generator.randrange(5)
    at = generator.choice(places)
    if way == 0:
        lines = moved(at, at + 1, max(1, at + generator.randrange(-9, 10)))
    elif way == 1:
        lines = LINES[:at] + LINES[at + 1:]
    elif way == 2:
        lines = changed(at, r"(mb|version|into) \d+", rf"\1 {generator.randrange(12)}")
    elif way == 3:
        at = generator.choice(readers)
        bound = [slot for slot in slots if re.search(rf"[\[ ]{slot}[,\]]", LINES[at].split("@")[1])]
        if not bound:
            continue
        lines = changed(at, rf"([\[ ]){generator.choice(bound)}([,\]])", rf"\g<1>{generator.choice(slots)}\2")
    else:
        other = generator.choice(places)
        lines = list(LINES)
        lines[at], lines[other] = lines[other], lines[at]
    said, bits = attempt(lines)
    assert bits in (None, right), f"mutant {number} of seed {arguments.seed} trains to other bits"
    assert bits or said and any("error: " in line for line in said), (number, said)
    accepted += bits is not None
    refused += bits is None
print(f"{refused} mutants refused, {accepted} train alike")
