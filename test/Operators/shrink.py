"""Makes a failing graph smaller as long as it fails in the same way."""

import numpy as np
import torch

import harness
import interpreter
from case import Case, Variant


def rebuilt(case, nodes, leaves, outputs):
    """The case with fewer nodes; `leaves`: values of what is no longer computed. Null if nothing is left."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed & set(node[2]):
            kept.insert(0, node)
            needed |= set(filter(None, node[1]))
    if not kept:
        return None
    pool = {**case.values, **leaves}
    return Case(
        case.name,
        kept,
        values={n: v for n, v in pool.items() if n in needed},
        opset=case.opset,
        tol=case.tol,
        constants={n: v for n, v in case.constants.items() if n in needed},
        outputs=outputs,
    )


def computed(case):
    """Every value of the graph, as an array."""
    tensors = {n: interpreter.tensor_of(v, torch.float64) for n, v in {**case.values, **case.constants}.items()}
    with interpreter.precision(torch.float64):
        interpreter.run(case.nodes, tensors)
    return {n: t.numpy() for n, t in tensors.items()}


def renamed(nodes, names):
    return [
        (kind, [names.get(i, i) for i in inputs], outputs, attributes) for kind, inputs, outputs, attributes in nodes
    ]


def smaller(case):
    """Cases with less in them, the boldest first."""
    if len(case.outputs) > 1:
        for output in case.outputs:
            yield lambda output=output: rebuilt(case, case.nodes, {}, [output])
        for output in case.outputs:
            yield lambda output=output: rebuilt(case, case.nodes, {}, [o for o in case.outputs if o != output])
    for node in reversed(case.nodes):
        for name in node[2]:
            if name not in case.outputs or len(case.outputs) > 1:
                yield lambda name=name: cut(case, name)
            yield lambda node=node, name=name: bypass(case, node, name)
    sizes = {d for v in {**case.values, **case.constants}.values() for d in v.shape if d > 1}
    for size in sorted(sizes, reverse=True):
        for to in range(1, size):
            yield lambda size=size, to=to: resized(case, size, to)
    for name in case.values:
        yield lambda name=name: fixed(case, name)


def cut(case, name):
    """What computes `name` goes; its value is a parameter."""
    value = computed(case)[name]
    if value.dtype.kind != "f":
        return None
    leaf = f"p_{name}"
    nodes = [node for node in renamed(case.nodes, {name: leaf}) if name not in node[2]]
    outputs = [o for o in case.outputs if o != name and any(o in node[2] for node in nodes)]
    return rebuilt(case, nodes, {leaf: value.astype(np.float32)}, outputs) if outputs else None


def bypass(case, node, name):
    """An operand of the same shape takes the place of a result."""
    values = computed(case)
    for operand in filter(None, node[1]):
        made = any(operand in other[2] for other in case.nodes)
        if (
            values[operand].shape == values[name].shape
            and values[operand].dtype == values[name].dtype
            and (made or name not in case.outputs)
        ):
            nodes = renamed([other for other in case.nodes if other is not node], {name: operand})
            return rebuilt(case, nodes, {}, list(dict.fromkeys(operand if o == name else o for o in case.outputs)))
    return None


def resized(case, size, to):
    """Every dimension of `size`, and every such number in a shape or index, becomes `to`."""

    def shrunk(value):
        value = value[tuple(slice(to) if d == size else slice(None) for d in value.shape)]
        return np.where(value == size, to, value).astype(value.dtype) if value.dtype.kind == "i" else value

    return Case(
        case.name,
        case.nodes,
        values={n: shrunk(v) for n, v in case.values.items()},
        opset=case.opset,
        tol=case.tol,
        constants={n: shrunk(v) for n, v in case.constants.items()},
        outputs=case.outputs,
    )


def fixed(case, name):
    """A parameter or input that is a constant instead."""
    values = dict(case.values)
    return Case(
        case.name,
        case.nodes,
        values=values,
        opset=case.opset,
        tol=case.tol,
        constants={**case.constants, name: values.pop(name)},
        outputs=case.outputs,
    )


def shrink(variant, kind, options, tries=150):
    everything = variant.name.endswith("/parameters")
    found = True
    while found and tries > 0:
        found = False
        for candidate in smaller(variant.case):
            if tries <= 0:
                break
            try:
                case = candidate()
                next_ = case and Variant(case, everything, variant.samples)
                if not next_ or not next_.trained or not harness.well_conditioned(next_):
                    continue
            except (RuntimeError, IndexError, ValueError, KeyError):
                continue  # this part cannot be left out
            tries -= 1
            if any(k == kind for _, k, _ in harness.check([next_], options, seconds=10)):
                variant, found = next_, True
                break
    return variant


def show(variant):
    case, lines = variant.case, []
    for name, value in case.values.items():
        lines.append(
            f"  {name}: {value.dtype} {list(value.shape)}, {'parameter' if name in variant.trained else 'data'}"
        )
    for name, value in case.constants.items():
        text = np.array2string(value, separator=",", threshold=12).replace("\n", "")
        lines.append(f"  {name}: {value.dtype} {list(value.shape)}, constant {text}")
    for kind, inputs, outputs, attributes in case.nodes:
        rest = "".join(f" {k}={v}" for k, v in attributes.items())
        lines.append(f"  {', '.join(outputs)} = {kind}({', '.join(inputs)}){rest}")
    return "\n".join([*lines, f"  outputs {', '.join(case.outputs)}"])
