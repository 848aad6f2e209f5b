"""Compile time and memory for a GPT of 48 layers, hidden 1600, whose 6.5 GB of
weights lie in a sparse file beside the model.

    python bench/compile_time.py [--layers 48] [--devices 4]"""

import argparse
import pathlib

import process
import sparse_models

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=48)
    parser.add_argument("--hidden", type=int, default=1600)
    parser.add_argument("--heads", type=int, default=25)
    parser.add_argument("--vocabulary", type=int, default=50257)
    parser.add_argument("--sequence", type=int, default=1024)
    parser.add_argument("--devices", type=int, default=4)
    parser.add_argument("--pipeline", default="bitpipe")
    parser.add_argument("--emit", default="program", help="'plan-file' also copies the weights")
    parser.add_argument("--folder", type=pathlib.Path,
                        default=ROOT / "build" / "bench" / "compile")
    args = parser.parse_args()
    size = sparse_models.gpt(args.folder, args.layers, args.hidden, args.heads, args.sequence, args.vocabulary)
    out = [] if args.emit == "plan-file" else [f"--emit={args.emit}"]
    done = process.run([
        ROOT / "build/bin/bitpipe-opt", args.folder / "model.onnx",
        f"--pipeline={args.pipeline}", f"--devices={args.devices}", *out,
        "--force", "-o", args.folder / "plan.mlir"])
    (args.folder / "plan.weights.safetensors").unlink(missing_ok=True)  # as large as the weights
    print(f"{args.layers} layers, hidden {args.hidden}, weights {size / 2**30:.1f} GiB: "
          f"compiled in {done.seconds:.2f} s, peak memory {done.memory / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
