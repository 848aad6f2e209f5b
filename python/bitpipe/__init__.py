"""Export, compile, run and plot from Python.

    import bitpipe
    plan = bitpipe.compile("model.onnx", pipeline="bitpipe", devices=4)
    metrics = bitpipe.run(plan, data="book.txt", steps=200)
"""

import warnings

# python -m bitpipe.run finds the module loaded, by the lines below.
warnings.filterwarnings("ignore", "'bitpipe.(run|compile)' found in sys.modules", RuntimeWarning)

from bitpipe.compile import compile
from bitpipe.run import run

__all__ = ["compile", "run"]
