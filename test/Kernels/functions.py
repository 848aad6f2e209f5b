"""Functions of one variable as kernels compute them, in every decade of f32, against
PyTorch in f64: the largest error in units of the last place.

    functions.py FOLDER"""

import ctypes
import subprocess
import sys

import torch

COUNT = 1003
# name in the math dialect: (function, units that it may be off)
FUNCTIONS = {
    "log": (torch.log, 0.51), "log2": (torch.log2, 0.51), "log10": (torch.log10, 0.51),
    "log1p": (torch.log1p, 0.51), "expm1": (torch.expm1, 0.51), "exp2": (torch.exp2, 0.51),
    "sinh": (torch.sinh, 0.51), "cosh": (torch.cosh, 0.51), "asinh": (torch.asinh, 0.51),
    "acosh": (torch.acosh, 0.51), "atanh": (torch.atanh, 0.51), "sin": (torch.sin, 0.51),
    "cos": (torch.cos, 0.51), "tan": (torch.tan, 0.51),
}


def kernel(name):
    memref = f"memref<{COUNT}xf32>"
    return f"""func.func @{name}(%x: {memref}, %y: {memref}) {{
  linalg.generic {{indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}}
    ins(%x : {memref}) outs(%y : {memref}) {{
  ^bb0(%a: f32, %o: f32):
    %r = math.{name} %a : f32
    linalg.yield %r : f32
  }}
  return
}}
"""


def sweep():
    for decade in range(-45, 39):
        u = ((torch.rand(COUNT, dtype=torch.double) * 9 + 1) * 10.0**decade).clamp(max=3.4e38).float()
        u[::2] *= -1
        yield f"from 1e{decade} on", u
    yield "next to 1", 1 + torch.randn(COUNT) * 1e-6
    yield "next to -1", -1 + torch.randn(COUNT) * 1e-6
    yield "next to multiples of pi/2", (torch.randint(-1 << 30, 1 << 30, (COUNT,)).double() * (torch.pi / 2)).float()


def main(folder):
    with open(f"{folder}/functions.mlir", "w") as file:
        file.write("module {\nmodule @kernels {\n" + "".join(map(kernel, FUNCTIONS)) + "}\n}\n")
    subprocess.run(["bitpipe-opt", "functions.mlir", "--pipe-compile-kernels=output=functions.so", "-o",
                    "/dev/null"], cwd=folder, check=True)
    library = ctypes.CDLL(f"{folder}/functions.so")
    torch.manual_seed(0)
    failures = 0
    for where, u in sweep():
        for name, (function, most) in FUNCTIONS.items():
            got = torch.full((COUNT,), 7.0)
            units = ctypes.c_int64.in_dll(library, f"{name}_units")
            library[name]((ctypes.c_void_p * 2)(u.data_ptr(), got.data_ptr()), ctypes.c_int64(0), units)
            want = function(u.double())
            fits = want.abs() < 3.4028235e38
            place = torch.exp2(torch.floor(torch.log2(want.abs().clamp(min=2.0**-126))) - 23)
            error = ((got.double() - want).abs() / place)[fits]
            same = torch.equal(got[~fits].double().nan_to_num(7), want[~fits].float().double().nan_to_num(7))
            if not same or (error.numel() and not error.max() <= most):
                print(f"{name} {where}: off by {error.max() if error.numel() else 0} units at {u[fits][error.argmax()]}, "
                      f"expected at most {most}; infinities and NaNs agree: {same}", file=sys.stderr)
                failures += 1
    sys.exit(bool(failures))


if __name__ == "__main__":
    main(sys.argv[1])
