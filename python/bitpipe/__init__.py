"""Export, compile, run and plot from Python.

    import bitpipe
    plan = bitpipe.compile("model.onnx", pipeline="bitpipe", devices=4)
    metrics = bitpipe.run(plan, data="book.txt", steps=200)
"""

from bitpipe.compile import compile
from bitpipe.run import run

__all__ = ["compile", "run"]
