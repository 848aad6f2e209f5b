"""bitpipe.compile: bitpipe-opt as a function, and as python -m bitpipe.compile."""

import pathlib

from bitpipe import tools


def compile(model, output=None, **options):
    """Compiles `model`, an ONNX file, and returns the path of its plan.

    Options are those of bitpipe-opt with underscores: compile("m.onnx",
    pipeline="1f1b", devices=2, microbatches=8). The plan is written to
    `output`, or beside the model under its name; its weights and kernels are
    beside it, PLAN.weights.safetensors and PLAN.kernels.so. Files that bitpipe
    did not write are replaced only with force=True.
    """
    output = pathlib.Path(output or pathlib.Path(model).with_suffix(".mlir"))
    tools.call("bitpipe-opt", model, "-o", output, **options)
    return output


if __name__ == "__main__":
    tools.become("bitpipe-opt")
