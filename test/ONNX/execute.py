"""Runs level 0 on the CPU through upstream's loops, so that legalisation can be
compared with onnxruntime. Parameters and inputs become constants of the text.
Attention stays in several operations, since there are no loops of it."""

import re
import subprocess

import numpy as np
import onnxruntime

TYPES = {"f32": np.float32, "i64": np.int64, "i32": np.int32, "i8": np.int8, "f64": np.float64}
PARAMETER = re.compile(r'pipe\.parameter @("[^"]+"|\S+) : (tensor<\S+>)(?: trainable)?(?: frozen)?(?: aliases \[[^\]]*\])?'
                       r'(?: file "([^"]+)" offset (\d+))?(?: value (.*))?$')
READ = re.compile(r"(%\S+) = pipe\.get_parameter @(\"[^\"]+\"|\S+) : ")
LOWER = ["--one-shot-bufferize=bufferize-function-boundaries "
         "function-boundary-type-conversion=identity-layout-map",
         "--pipe-compute-to-loops", "--convert-linalg-to-loops", "--convert-scf-to-cf",
         "--convert-vector-to-llvm", "--expand-strided-metadata", "--lower-affine",
         "--convert-math-to-llvm", "--convert-math-to-libm", "--convert-to-llvm",
         "--reconcile-unrealized-casts"]


def session(path):
    """onnxruntime's, which otherwise warns of what it does not fold."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr[-2000:]}")
    return done.stdout


def dense(array):
    if array.dtype == np.bool_:
        text = np.array2string(array, separator=",", threshold=1 << 30).lower()
        return f"dense<{text}>"
    return f'dense<"0x{array.tobytes().hex().upper()}">'


def type_of(array):
    element = "i1" if array.dtype == np.bool_ else next(
        name for name, kind in TYPES.items() if kind == array.dtype)
    return "tensor<" + "".join(f"{d}x" for d in array.shape) + element + ">"


def from_file(type_text, path, offset):
    *shape, element = type_text[len("tensor<"):-1].split("x")
    count = int(np.prod([int(d) for d in shape], dtype=np.int64))
    if element == "i1":
        return dense(np.fromfile(path, np.uint8, count, offset=offset).astype(bool)
                     .reshape([int(d) for d in shape]))
    return dense(np.fromfile(path, TYPES[element], count, offset=offset))


def with_constants(text):
    """The module without parameters: each reading of one is a constant."""
    values, lines = {}, []
    for line in text.splitlines():
        parameter = PARAMETER.search(line.strip())
        if parameter:
            name, type_text, path, offset, value = parameter.groups()
            values[name] = (f"{from_file(type_text, path, int(offset))} : {type_text}"
                            if path else value)
        elif "pipe.model" not in line:
            read = READ.search(line)
            lines.append(f"{read[1]} = arith.constant {values[read[2]]}" if read else line)
    return "\n".join(lines)


def main_function(text, inputs):
    """Calls @forward on `inputs` and prints what it returns."""
    results = re.search(r"func\.func @forward\(.*?\) -> \(?([^{)]*)\)? \{", text)[1].strip().split(", ")
    lines = ["func.func private @printMemrefF32(tensor<*xf32>)", "func.func @main() {"]
    for i, array in enumerate(inputs):
        lines.append(f"%a{i} = arith.constant {dense(array)} : {type_of(array)}")
    arguments = ", ".join(f"%a{i}" for i in range(len(inputs)))
    types = ", ".join(type_of(a) for a in inputs)
    lines.append(f"%r:{len(results)} = call @forward({arguments}) : ({types}) -> ({', '.join(results)})")
    for i, result in enumerate(results):
        lines.append(f"%u{i} = tensor.cast %r#{i} : {result} to tensor<*xf32>")
        lines.append(f"call @printMemrefF32(%u{i}) : (tensor<*xf32>) -> ()")
    return "\n".join(lines + ["return", "}"])


def parse(printed):
    """The numbers of each printed memref, flat."""
    parts = printed.split("data = ")[1:]
    number = re.compile(r"-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)")
    return [np.array([float(x) for x in number.findall(part.split("Unranked")[0])], np.float32)
            for part in parts]


def forward(path, inputs, libraries, options=()):
    """The results of the model in an ONNX file on `inputs`, as flat arrays."""
    text = run(["bitpipe-opt", f"--pipe-import-onnx=path={path}", "--pipe-onnx=decomposed=true", *options, "/dev/null"])
    body = with_constants(text).rstrip()
    maps, module = body.split("module {", 1)
    program = maps + "module {" + module.removesuffix("}") + main_function(text, inputs) + "\n}"
    lowered = run(["bitpipe-opt", *LOWER], input=program)
    shared = ",".join(f"{libraries}/lib{name}.so" for name in ("mlir_runner_utils", "mlir_c_runner_utils"))
    return parse(run(["mlir-runner", "--entry-point-result=void", f"--shared-libs={shared}"], input=lowered))
