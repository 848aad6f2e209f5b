"""Kernels of pipe.fused_rows beside the operations in them as kernels of their own, in parts beside whole, and on an
emulated GPU beside the CPU. Formulas are the same, but a product may go unrounded into a sum that another kernel made.

    fused_rows.py FOLDER"""

import os
import subprocess
import sys

import torch

import check_models
from loaded import CPUKernels

TORCH = {"f32": torch.float32, "bf16": torch.bfloat16, "f64": torch.float64, "i64": torch.int64}


class Buffer:
    """A kernel's argument. Of those with padding a row takes so many elements more in memory."""

    def __init__(self, name, shape, element, padding=0, transposed=False):
        self.name, self.shape, self.element = name, shape, element
        self.strides = [1] * len(shape)
        for d in reversed(range(len(shape) - 1)):
            self.strides[d] = self.strides[d + 1] * shape[d + 1] + (padding if d == len(shape) - 2 else 0)
        if transposed:
            self.strides[-2:] = 1, shape[-2]
        self.tensor = "tensor<" + "".join(f"{size}x" for size in shape) + element + ">"
        layout = f", strided<{self.strides}>" if padding or transposed else ""
        self.memref = "memref<" + "".join(f"{size}x" for size in shape) + element + layout + ">"

    def random(self):
        reach = 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides))
        if self.element == "i64":
            return torch.randint(0, 2**62, (reach,))
        return torch.randn(reach, dtype=torch.float64).to(TORCH[self.element])

    def elements(self, memory):
        return memory.as_strided(self.shape, self.strides).reshape(-1)


def listed(group, kind, prefix="%"):
    return ", ".join(prefix + b.name for b in group) + " : " + ", ".join(getattr(b, kind) for b in group)


def dims(rank):
    return ", ".join(f"d{i}" for i in range(rank))


class Elementwise:
    """The sum of all operands times a number, in the type of the rows; an operand's map drops the dimensions it says."""

    def __init__(self, inputs, outputs, computed, dropped=()):
        self.inputs, self.outputs, self.computed, self.dropped = inputs, outputs, computed, dict(dropped)

    def text(self, kind, name):
        rank = len(self.outputs[0].shape)
        maps = []
        for b in self.inputs + self.outputs:
            kept = [f"d{i}" for i in range(rank) if i not in self.dropped.get(b.name, ())]
            maps.append(f"affine_map<({dims(rank)}) -> ({', '.join(kept)})>")
        arguments = ", ".join(f"%{name}i{i}: {b.element}" for i, b in enumerate(self.inputs + self.outputs))
        lines = []
        value = None
        for i, b in enumerate(self.inputs):
            wide = f"%{name}i{i}"
            if b.element != self.computed:
                lines.append(f"%{name}w{i} = arith.extf {wide} : {b.element} to {self.computed}")
                wide = f"%{name}w{i}"
            if value:
                lines.append(f"%{name}s{i} = arith.addf {value}, {wide} : {self.computed}")
                wide = f"%{name}s{i}"
            value = wide
        lines.append(f"%{name}p = arith.mulf {value}, %{name}k : {self.computed}")
        results = []
        for i, b in enumerate(self.outputs):
            results.append(f"%{name}p")
            if b.element != self.computed:
                lines.append(f"%{name}t{i} = arith.truncf %{name}p : {self.computed} to {b.element}")
                results[-1] = f"%{name}t{i}"
        types = ", ".join(b.element for b in self.outputs)
        arrow = "" if kind == "memref" else " -> (" + ", ".join(b.tensor for b in self.outputs) + ")"
        loops = ", ".join(['"parallel"'] * rank)
        return (f"%{name}k = arith.constant 1.25 : {self.computed}\n", f"linalg.generic {{indexing_maps = [{', '.join(maps)}], "
                f"iterator_types = [{loops}]}} ins({listed(self.inputs, kind)}) outs(%OUTS) {{\n^bb0({arguments}):\n"
                + "\n".join(lines) + f"\nlinalg.yield {', '.join(results)} : {types}\n}}{arrow}\n")


class Rows:
    """A row operation."""

    def __init__(self, kind, inputs, outputs):
        self.operation, self.inputs, self.outputs = kind, inputs, outputs

    def text(self, kind, name):
        arrow = "" if kind == "memref" else " -> " + ", ".join(b.tensor for b in self.outputs)
        return "", f"pipe.{self.operation} ins({listed(self.inputs, kind)}) outs(%OUTS){arrow}\n"


def plain(name, operation):
    """A kernel of one operation, and its arguments."""
    arguments = operation.inputs + operation.outputs
    before, text = operation.text("memref", "x")
    text = text.replace("%OUTS", listed(operation.outputs, "memref"))
    declared = ", ".join(f"%{b.name}: {b.memref}" for b in arguments)
    return f"func.func @{name}({declared}) {{\n{before}{text}return\n}}\n", [b.name for b in arguments]


def fused(name, operations, stored, places):
    """A kernel of them all, which stores the buffers `stored`; `places` has those that lie where another one does."""
    made = {b.name for operation in operations for b in operation.outputs}
    taken = {}
    for operation in operations:
        for b in operation.inputs:
            if b.name not in made:
                taken[b.name] = b
    taken = list(taken.values())
    by_name = {b.name: b for b in taken + stored}
    arguments = taken + [b for b in stored if b.name not in places]
    body = ""
    for number, operation in enumerate(operations):
        before, text = operation.text("tensor", f"y{number}")
        for b in operation.outputs:
            body += f"%e{b.name} = tensor.empty() : {b.tensor}\n"
        outs = ", ".join(f"%e{b.name}" for b in operation.outputs) + " : " + ", ".join(b.tensor for b in operation.outputs)
        body += before + (", ".join(f"%{b.name}" for b in operation.outputs)) + " = " + text.replace("%OUTS", outs)
    destinations = [by_name[places.get(b.name, b.name)] for b in stored]
    inner = ", ".join(f"%{b.name}: {b.tensor}" for b in taken)
    declared = ", ".join(f"%a{b.name}: {b.memref}" for b in arguments)
    return (f"func.func @{name}({declared}) {{\npipe.fused_rows ins({listed(taken, 'memref', '%a')}) "
            f"outs({listed(destinations, 'memref', '%a')}) {{\n^bb0({inner}):\n{body}"
            f"pipe.yield {listed(stored, 'tensor')}\n}}\nreturn\n}}\n"), [b.name for b in arguments]


def sum_and_norm(shape, wide, narrow, places, padding=0, dropped=(), keeps=True, transposed=""):
    """The sum of two, or more, then its layer norm."""
    columns = shape[-1:]
    x, y = (Buffer(name, shape, element, padding, name in transposed) for name, element in (("x", wide), ("y", narrow)))
    z = Buffer("z", [s for i, s in enumerate(shape) if i not in dropped], narrow)
    s, h = (Buffer(name, shape, element, padding, name in transposed) for name, element in (("s", wide), ("h", narrow)))
    n = Buffer("n", shape, narrow, 0, "n" in transposed)
    w, b = Buffer("w", columns, wide), Buffer("b", columns, wide)
    m, r = Buffer("m", shape[:-1], wide), Buffer("r", shape[:-1], wide)
    more = [z] if dropped else []
    add = Elementwise([x, y] + more, [s, h], wide, [("z", dropped)])
    return [add, Rows("layer_norm epsilon 1.0e-5", [s, w, b], [n, m, r])], ([s, h] if keeps else [h]) + [n, m, r], places


def gradient_and_sum(shape, wide, narrow, places, padding=0, keeps=False, before=False):
    """The input gradient of a layer norm, then its sum with another gradient; with `before` that of a sum."""
    dy, x, d = (Buffer(name, shape, element, padding) for name, element in (("dy", narrow), ("x", narrow), ("d", wide)))
    w, m, r = Buffer("w", shape[-1:], wide), Buffer("m", shape[:-1], wide), Buffer("r", shape[:-1], wide)
    dx, s, h, g = Buffer("dx", shape, wide), Buffer("s", shape, wide, padding), Buffer("h", shape, narrow, padding), Buffer("g", shape, narrow)
    first = [Elementwise([dy, x], [g], wide)] if before else []
    gradient = Rows("layer_norm_grad_input", [g if before else dy, x, w, m, r], [dx])
    stored = ([g] if before else []) + ([dx] if keeps else []) + [s, h]
    return first + [gradient, Elementwise([d, dx], [s, h], wide)], stored, places


def gradient_and_two_sums(shape, wide, narrow):
    """Two sums of a gradient with one operand, which the first one overwrites."""
    operations, stored, _ = gradient_and_sum(shape, wide, narrow, {})
    dx, d, x = operations[0].outputs[0], operations[1].inputs[0], operations[0].inputs[1]
    t = Buffer("t", shape, wide)
    return operations + [Elementwise([x, dx, d], [t], wide)], stored + [t], {"s": "d"}


def dropout_and_sum(shape, wide, narrow, places):
    """A dropout, then its sum with what it is added to."""
    x, d, y = Buffer("x", shape, narrow), Buffer("d", shape, wide), Buffer("y", shape, narrow)
    key, s = Buffer("key", [], "i64"), Buffer("s", shape, wide)
    return [Rows("dropout ratio 0.25", [x, key], [y]), Elementwise([d, y], [s], wide)], [s], places


def cases():
    """Sizes that vectors divide or not, that threads of a warp, of a block and loops take, of one row and of many."""
    sizes = [3, 37, 50], [2, 128, 1024], [5, 2048], [2, 4096], [1, 9000], [64], [130, 3], [2, 20001]
    for number, shape in enumerate(sizes):
        for wide, narrow in ("f32", "bf16"), ("f32", "f32"):
            places = {"s": "x", "h": "y"} if len(shape) > 1 else {}
            yield f"sum_{number}_{narrow}", sum_and_norm(shape, wide, narrow, places)
            yield f"sum_apart_{number}_{narrow}", sum_and_norm(shape, wide, narrow, {}, keeps=False)
            yield f"gradient_{number}_{narrow}", gradient_and_sum(shape, wide, narrow, {"s": "d", "h": "dy"})
            yield f"gradient_apart_{number}_{narrow}", gradient_and_sum(shape, wide, narrow, {}, keeps=True)
            yield f"gradient_of_sum_{number}_{narrow}", gradient_and_sum(shape, wide, narrow, {"g": "x", "s": "d"}, before=True)
            if narrow == wide:  # over what only another result is made of
                yield f"gradient_over_{number}", gradient_and_sum(shape, wide, narrow, {"g": "d"}, before=True)
            yield f"two_sums_{number}_{narrow}", gradient_and_two_sums(shape, wide, narrow)
            yield f"dropout_{number}_{narrow}", dropout_and_sum(shape, wide, narrow, {"s": "d"})
    for dropped in (0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2):
        yield f"broadcast_{''.join(map(str, dropped))}", sum_and_norm([4, 6, 72], "f32", "bf16", {"s": "x"}, dropped=dropped)
    yield "padded_sum", sum_and_norm([4, 6, 72], "f32", "bf16", {"s": "x", "h": "y"}, padding=5)
    for name in "xyshn":
        yield f"transposed_{name}", sum_and_norm([4, 6, 72], "f32", "bf16", {}, transposed=name)
    yield "padded_gradient", gradient_and_sum([4, 6, 72], "f32", "bf16", {"s": "d"}, padding=5)


def write(path, texts):
    with open(path, "w") as file:
        file.write("module {\nmodule @kernels {\n" + "".join(texts) + "}\n}\n")


def main(folder):
    os.makedirs(folder, exist_ok=True)
    texts, wholes, parts = [], [], {}
    for name, (operations, stored, places) in cases():
        text, arguments = fused(name, operations, stored, places)
        wholes.append(text)
        steps = [plain(f"{name}_{i}", operation) for i, operation in enumerate(operations)]
        texts += [text] + [step[0] for step in steps]
        parts[name] = operations, stored, places, arguments, [step[1] for step in steps]
    both, alone = os.path.join(folder, "both.mlir"), os.path.join(folder, "fused.mlir")
    library = os.path.join(folder, "both.so")
    write(both, texts)
    write(alone, wholes)
    subprocess.run(["bitpipe-opt", both, f"--pipe-compile-kernels=output={library}", "-o", os.devnull], check=True)
    wrong = sum(differs(CPUKernels(library), name, *part) for name, part in parts.items())
    print(f"{len(parts)} fused kernels, {wrong} wrong")
    return wrong != 0 or check_models.check(alone, folder)


def differs(kernels, name, operations, stored, places, arguments, steps):
    torch.manual_seed(0)
    buffers = {b.name: b for operation in operations for b in operation.inputs + operation.outputs}
    before = {b: buffers[b].random() for b in sorted(buffers)}
    expected = {b: value.clone() for b, value in before.items()}
    for i, step in enumerate(steps):
        kernels.run(f"{name}_{i}", [expected[b].data_ptr() for b in step])
    count = kernels.units_of(name)[0]
    whole = None
    for divided in [1] + sorted({2, count} & set(range(2, count + 1))):
        ours = {b: before[b].clone() for b in arguments}
        kernels.run(name, [ours[b].data_ptr() for b in arguments], divided)
        if whole and any(not torch.equal(ours[b].view(torch.uint8), whole[b].view(torch.uint8)) for b in arguments):
            print(f"{name}: other bits in {divided} parts", file=sys.stderr)
            return True
        whole = whole or ours
    for b in stored:
        found, wanted = (b.elements(t) for t in (whole[places.get(b.name, b.name)], expected[b.name]))
        worst = check_models.difference(found, wanted, 2e-6)
        if worst > 1:
            print(f"{name}: {b.name} differs by {worst:.3g} of what is allowed", file=sys.stderr)
            return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
