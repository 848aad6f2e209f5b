"""Trains two steps from the same tokens in every kind of file, and from files
that are wrong: PLAN FOLDER."""

import json
import pathlib
import subprocess
import sys

import numpy
from safetensors.numpy import save_file

plan, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
LENGTH = 128
tokens = numpy.random.default_rng(0).integers(0, 256, 9 * LENGTH + 5)


def run(file, *options):
    metrics = folder / "metrics.jsonl"
    result = subprocess.run(["bitpipe-run", plan, f"--data={folder / file}", "--steps=2", f"--metrics={metrics}", *options],
                            capture_output=True, text=True)
    if result.returncode:
        return result.stderr.strip()
    return [json.loads(line)["loss"] for line in metrics.open()]


(folder / "a.txt").write_bytes(tokens.astype(numpy.uint8).tobytes())
(folder / "b.bin").write_bytes(tokens.astype("<u2").tobytes())
names = ["a.txt", "b.bin"]
for kind in ("u1", "u2", "i4", "i8"):
    numpy.save(folder / f"{kind}.npy", tokens.astype(kind))
    names.append(f"{kind}.npy")
ids = numpy.stack([tokens[i * LENGTH:(i + 1) * LENGTH] for i in range(9)])
labels = numpy.stack([tokens[i * LENGTH + 1:(i + 1) * LENGTH + 1] for i in range(9)])
name = json.loads("[" + open(plan).read().split("inputs = [")[1].split("]")[0] + "]")[0]
save_file({name: ids.astype(numpy.int32), "labels": labels}, folder / "c.safetensors")


def header(magic, version, count=len(tokens)):
    return numpy.array([magic, version, count] + [0] * 253, "<i4").tobytes()


(folder / "llmc.bin").write_bytes(header(20240520, 1) + tokens.astype("<u2").tobytes())
(folder / "llmc4.bin").write_bytes(header(20240801, 7) + tokens.astype("<u4").tobytes())
(folder / "wide.bin").write_bytes(tokens.astype("<u4").tobytes())
results = [run(name) for name in names + ["c.safetensors", "llmc.bin", "llmc4.bin"]]
for kind in (numpy.uint8, numpy.uint16, numpy.int16, numpy.uint32, numpy.int64):
    save_file({name: ids.astype(kind), "labels": labels.astype(kind)}, folder / f"{kind.__name__}.safetensors")
    results.append(run(f"{kind.__name__}.safetensors"))
results += [run("wide.bin", "--token-bytes=4"), run("b.bin", "--token-bytes=2")]
print("all equal" if all(result == results[0] and len(result) == 2 for result in results) else results)



def warnings(title, labels):
    save_file({name: ids.astype(numpy.int32), "labels": labels}, folder / "w.safetensors")
    result = subprocess.run(["bitpipe-run", plan, f"--data={folder / 'w.safetensors'}", "--steps=1"], capture_output=True, text=True)
    print(f"{title}: {result.stderr.strip()}|")


masked = numpy.where(numpy.arange(LENGTH) % 3 == 0, ids, -100)
warnings("copied", ids)
warnings("copied in part", masked)
masked[:, 0] = (ids[:, 0] + 1) % 256
warnings("other", masked)
warnings("nothing counts", numpy.full_like(ids, -100))
(folder / "short.txt").write_bytes(bytes(4 * LENGTH))
print("too short:", run("short.txt"))
(folder / "empty.txt").write_bytes(b"")
print("empty:", run("empty.txt"))
(folder / "large.bin").write_bytes(numpy.full(1000, 300, "<u2").tobytes())
print("out of range:", run("large.bin"))
(folder / "odd.bin").write_bytes(bytes(2001))
print("odd:", run("odd.bin"))
print("wide:", run("wide.bin"))
(folder / "version.bin").write_bytes(header(20240520, 2) + bytes(2000))
print("version:", run("version.bin"))
(folder / "count.bin").write_bytes(header(20240520, 1, 5) + bytes(2000))
print("count:", run("count.bin"))
print("contradiction:", run("llmc.bin", "--token-bytes=4"))
print("no .bin:", run("a.txt", "--token-bytes=2"))
print("width:", run("b.bin", "--token-bytes=3"))
big = ids.astype(numpy.int64)
big[1, 5] += 2**32
save_file({name: big, "labels": labels}, folder / "big.safetensors")
print("beyond 32 bits:", run("big.safetensors"))
numpy.save(folder / "real.npy", tokens.astype("f4"))
print("real numbers:", run("real.npy"))
numpy.save(folder / "table.npy", tokens[:1000].reshape(20, 50))
print("two dimensions:", run("table.npy"))
numpy.save(folder / "cut.npy", tokens[:1000])
(folder / "cut.npy").write_bytes((folder / "cut.npy").read_bytes()[:-9])
print("cut off:", run("cut.npy"))
(folder / "none.npy").write_bytes(b"nothing")
print("no header:", run("none.npy"))
