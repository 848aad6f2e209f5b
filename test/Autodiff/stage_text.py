"""Writes stages of level 1 as text, in f64, with little ceremony."""

from dataclasses import dataclass, field


@dataclass
class Value:
    name: str
    shape: tuple
    dtype: str = "f64"

    @property
    def type(self):
        return "tensor<" + "".join(f"{n}x" for n in self.shape) + self.dtype + ">"


@dataclass
class Argument:
    value: Value
    kind: str  # carried, input or parameter
    gradient: bool
    values: list = None  # of an integer input


class Scalars:
    """Lines of a scalar body."""

    def __init__(self):
        self.lines = []

    def line(self, text):
        self.lines.append(f"      %s{len(self.lines)} = {text}")
        return f"%s{len(self.lines) - 1}"

    def __call__(self, op, *operands):
        return self.line(f"{op} {', '.join(operands)} : f64")

    def number(self, value):
        return self.line(f"arith.constant {value:.17e} : f64")


@dataclass
class Stage:
    name: str
    arguments: list = field(default_factory=list)
    lines: list = field(default_factory=list)
    results: list = field(default_factory=list)
    result_gradients: list = field(default_factory=list)
    joint: list = None  # numbers of the parameters whose gradients are computed with the loss
    count: int = 0

    def fresh(self):
        self.count += 1
        return f"%v{self.count}"

    def argument(self, kind, shape, dtype, gradient, values=None):
        value = Value(f"%a{len(self.arguments)}", tuple(shape), dtype)
        self.arguments.append(Argument(value, kind, gradient, values))
        return value

    def carried(self, *shape, gradient=True):
        return self.argument("carried", shape, "f64", gradient)

    def integers(self, *shape, values):
        return self.argument("input", shape, "i64", False, values)

    def parameter(self, *shape, trainable=True):
        return self.argument("parameter", shape, "f64", trainable)

    def emit(self, shape, text):
        value = Value(self.fresh(), tuple(shape))
        self.lines.append(f"    {value.name} = {text.replace('$type', value.type)}")
        return value

    def empty(self, *shape):
        return self.emit(shape, "tensor.empty() : $type")

    def zeros(self, *shape):
        zero = self.emit((), "arith.constant 0.0 : f64")
        empty = self.empty(*shape)
        return self.emit(shape, f"linalg.fill ins({zero.name} : f64) "
                                f"outs({empty.name} : {empty.type}) -> $type")

    def generic(self, spec, inputs, body, into=None, results=1):
        """`spec` as in einsum, 0 for a dimension no loop walks over. The body
        is added to `into` (or zero) if a loop is missing from the result."""
        sources, target = spec.split("->")
        sources = sources.split(",")
        loops = sorted({c for c in spec if c.isalpha()})
        sizes = {c: n for s, v in zip(sources, inputs) for c, n in zip(s, v.shape)}
        shape = [sizes[c] for c in target]
        reduces = any(c not in target for c in loops)
        maps = [f"affine_map<({', '.join(loops)}) -> ({', '.join(s)})>"
                for s in sources + [target] * results]
        kinds = ['"parallel"' if c in target else '"reduction"' for c in loops]
        inits = [into or (self.zeros if reduces else self.empty)(*shape)
                 for _ in range(results)]
        scalars = Scalars()
        values = body(scalars, *[f"%i{n}" for n in range(len(inputs))])
        values = [values] if isinstance(values, str) else values
        if reduces:
            values = [scalars("arith.addf", f"%o{n}", v) for n, v in enumerate(values)]
        outs = [Value(self.fresh(), tuple(shape)) for _ in inits]
        block = [f"%i{n}: {v.dtype}" for n, v in enumerate(inputs)]
        block += [f"%o{n}: f64" for n in range(results)]
        self.lines += [
            f"    {', '.join(v.name for v in outs)} = linalg.generic "
            f"{{indexing_maps = [{', '.join(maps)}], iterator_types = [{', '.join(kinds)}]}} "
            f"{operands('ins', inputs)} {operands('outs', inits)} {{",
            f"    ^bb0({', '.join(block)}):", *scalars.lines,
            f"      linalg.yield {', '.join(values)} : {', '.join(['f64'] * results)}",
            f"    }} -> {', '.join(v.type for v in outs)}" if results == 1 else
            f"    }} -> ({', '.join(v.type for v in outs)})"]
        return outs[0] if results == 1 else outs

    def contract(self, spec, a, b, into=None):
        return self.generic(spec, [a, b], lambda op, x, y: op("arith.mulf", x, y), into)

    def broadcast(self, spec, value, *shape):
        """The value spread over a shape."""
        source, target = spec.split("->")
        empty = self.empty(*shape)
        maps = [f"affine_map<({', '.join(target)}) -> ({', '.join(s)})>"
                for s in (source, target)]
        kinds = ", ".join(['"parallel"'] * len(shape))
        return self.emit(shape, f"linalg.generic {{indexing_maps = [{', '.join(maps)}], "
                         f"iterator_types = [{kinds}]}} {operands('ins', [value])} "
                         f"{operands('outs', [empty])} {{\n    ^bb0(%i: f64, %o: f64):\n"
                         f"      linalg.yield %i : f64\n    }} -> $type")

    def extremum(self, op, value, start):
        """The largest or smallest element of each row of a matrix."""
        shape = value.shape[:1]
        number = self.emit((), f"arith.constant {start} : f64")
        empty = self.empty(*shape)
        filled = self.emit(shape, f"linalg.fill ins({number.name} : f64) outs({empty.name} : {empty.type}) -> $type")
        return self.emit(shape, "linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], "
                         f'iterator_types = ["parallel", "reduction"]}} {operands("ins", [value])} '
                         f"{operands('outs', [filled])} {{\n    ^bb0(%i: f64, %o: f64):\n"
                         f"      %m = {op} %o, %i : f64\n      linalg.yield %m : f64\n    }} -> $type")

    def add(self, a, b):
        dims = "ijklmn"[:len(a.shape)]
        return self.generic(f"{dims},{dims}->{dims}", [a, b],
                            lambda op, x, y: op("arith.addf", x, y))

    def transpose(self, value, *permutation):
        shape = [value.shape[p] for p in permutation]
        empty = self.empty(*shape)
        return self.emit(shape, f"linalg.transpose ins({value.name} : {value.type}) "
                         f"outs({empty.name} : {empty.type}) permutation = {list(permutation)}")

    def expand(self, value, groups, *shape):
        return self.emit(shape, f"tensor.expand_shape {value.name} {groups} output_shape "
                         f"{list(shape)} : {value.type} into $type")

    def collapse(self, value, groups, *shape):
        return self.emit(shape, f"tensor.collapse_shape {value.name} {groups} : "
                         f"{value.type} into $type")

    def slice(self, value, offsets, sizes, strides=None, shape=None):
        strides = strides or [1] * len(sizes)
        return self.emit(shape or sizes, f"tensor.extract_slice {value.name}{offsets} "
                         f"{sizes} {strides} : {value.type} to $type")

    def concat(self, dim, *values):
        shape = list(values[0].shape)
        shape[dim] = sum(v.shape[dim] for v in values)
        return self.emit(shape, f"tensor.concat dim({dim}) {', '.join(v.name for v in values)}"
                         f" : ({', '.join(v.type for v in values)}) -> $type")

    def compute(self, op, inputs, *shapes):
        """A pipe operation with a destination per shape; gives its first result."""
        inits = [self.empty(*shape) for shape in shapes]
        outs = [Value(self.fresh(), tuple(shape)) for shape in shapes]
        self.lines.append(f"    {', '.join(v.name for v in outs)} = pipe.{op} "
                          f"{operands('ins', inputs)} {operands('outs', inits)} -> "
                          f"{', '.join(v.type for v in outs)}")
        return outs[0]

    def result(self, *values, gradient=True):
        self.results += values
        self.result_gradients += [gradient] * len(values)

    def of_kind(self, kind):
        return [a for a in self.arguments if a.kind == kind]

    def text(self, index):
        """The forward function, its parameters and the stage."""
        self.arguments.sort(key=lambda a: ["carried", "input", "parameter"].index(a.kind))
        names = [f"@{self.name}_p{i}" for i, _ in enumerate(self.of_kind("parameter"))]
        parameters = [
            f"  pipe.parameter {n} : {a.value.type} {'trainable ' if a.gradient else ''}"
            f'file "weights" offset 0' for n, a in zip(names, self.of_kind("parameter"))]
        arguments = ", ".join(f"{a.value.name}: {a.value.type}" for a in self.arguments)
        types = ", ".join(v.type for v in self.results)
        flag = lambda gradients: "[" + ", ".join(str(bool(g)).lower() for g in gradients) + "]"
        inputs = [f'"i{i}"' for i, _ in enumerate(self.of_kind("input"))]
        return "\n".join(parameters + [
            f"  func.func @{self.name}({arguments}) -> ({types}) {{", *self.lines,
            f"    return {', '.join(v.name for v in self.results)} : {types}", "  }",
            f"  pipe.stage {index} forward @{self.name} inputs [{', '.join(inputs)}] "
            f"parameters [{', '.join(names)}] "
            f"carried_in {flag(a.gradient for a in self.of_kind('carried'))} "
            f"carried_out {flag(self.result_gradients)} cost [0.0, 0.0, 0.0]"]) + "\n"


def operands(keyword, values):
    return (f"{keyword}({', '.join(v.name for v in values)} : "
            f"{', '.join(v.type for v in values)})")
