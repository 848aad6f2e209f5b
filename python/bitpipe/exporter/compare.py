"""What was written against the module, with onnxruntime where it is installed."""

import torch

from bitpipe.exporter import training
from bitpipe.exporter.errors import ExportError, describe

TOLERANCE = {torch.float16: 2e-2}


def compare(module, inputs, path, name):
    """The greatest difference between onnxruntime and the module, or why it is
    not known; an error that calls the file `name` if it is more than rounding."""
    try:
        import onnxruntime
    except ImportError:
        return "onnxruntime is not installed"
    kinds = {t.dtype for t in [*module.parameters(), *inputs.values()] if t.is_floating_point()}
    if torch.bfloat16 in kinds:
        return "onnxruntime does not compute in bfloat16 here"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        read = {value.name for value in session.get_inputs()}
        got = session.run(None, {k: v.detach().numpy() for k, v in inputs.items() if k in read})
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented as error:
        return f"onnxruntime lacks a kernel ({describe(error)})"
    with training.as_it_was(module), torch.no_grad():
        module.eval()
        want = training.tensors(module(**inputs))
    worst = 0.0
    for ours, theirs in zip(got, want):
        if not ours.size:
            continue
        theirs = theirs.float().numpy()
        difference = float(abs(ours.astype("float32") - theirs).max())
        allowed = max([TOLERANCE.get(kind, 1e-3) for kind in kinds], default=1e-3)
        if not difference <= allowed * max(1.0, float(abs(theirs).max())):
            raise ExportError(f"{name}: onnxruntime's result differs by {difference}, expected at most {allowed}")
        worst = max(worst, difference)
    return worst
