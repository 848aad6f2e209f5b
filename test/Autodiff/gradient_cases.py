"""The stages whose gradients are checked, one per rule: scalar operations, linalg.generic and views. gradient_cases_model.py adds
what models are made of."""

import math

from stage_text import Stage

CASES = []


def case(build):
    stage = Stage(build.__name__)
    build(stage)
    CASES.append(stage)


# --- scalar operations -------------------------------------------------------

def unary(op):
    return lambda s, x: s(op, x)


def positive(op):
    return lambda s, x: s(op, s("arith.addf", s("arith.mulf", x, x), s.number(0.5)))


def compared(predicate):
    def body(s, x, y):
        chosen = s(f"arith.cmpf {predicate},", x, y)
        return s("arith.select", chosen, s("arith.mulf", x, y), s("arith.addf", x, y))
    return body


def through_f32(s, x):
    narrow = s.line(f"arith.truncf {x} : f64 to f32")
    wide = s.line(f"arith.extf {narrow} : f32 to f64")
    # The value is rounded, its slope is not: subtracting leaves the slope's part.
    return s("arith.addf", s("arith.mulf", s.number(0), wide), s("arith.mulf", x, x))


def gelu(s, x):
    inner = s("math.erf", s("arith.mulf", x, s.number(math.sqrt(0.5))))
    return s("arith.mulf", s("arith.mulf", x, s.number(0.5)),
             s("arith.addf", inner, s.number(1)))


SCALARS = {
    "add": lambda s, x, y: s("arith.addf", x, y),
    "sub": lambda s, x, y: s("arith.subf", x, y),
    "mul": lambda s, x, y: s("arith.mulf", x, y),
    "div": lambda s, x, y: s("arith.divf", x, s("math.exp", y)),
    "div_by": lambda s, x, y: s("arith.divf", s("math.exp", y), s("math.exp", x)),
    "maximum": lambda s, x, y: s("arith.maximumf", x, y),
    "minimum": lambda s, x, y: s("arith.minimumf", x, y),
    "maxnum": lambda s, x, y: s("arith.maxnumf", x, y),
    "minnum": lambda s, x, y: s("arith.minnumf", x, y),
    "relu": lambda s, x: s("arith.maximumf", s.number(0), x),
    "select": compared("olt"),
    "fma": lambda s, x, y: s("math.fma", x, y, x),
    "pow": lambda s, x, y: s("math.powf", s("math.exp", x), y),
    "square": lambda s, x: s("math.powf", x, s.number(2)),
    "cube": lambda s, x: s("math.powf", x, s.number(3)),
    "power": lambda s, x: s("math.powf", s("math.exp", x), s.number(-1.5)),
    "fpowi": lambda s, x: s.line(
        f"math.fpowi {x}, {s.line('arith.constant 4 : i32')} : f64, i32"),
    "neg": unary("arith.negf"), "exp": unary("math.exp"), "exp2": unary("math.exp2"),
    "expm1": unary("math.expm1"), "tanh": unary("math.tanh"), "erf": unary("math.erf"),
    "sin": unary("math.sin"), "cos": unary("math.cos"), "atan": unary("math.atan"),
    "abs": unary("math.absf"), "log": positive("math.log"), "log2": positive("math.log2"),
    "log1p": positive("math.log1p"), "sqrt": positive("math.sqrt"),
    "rsqrt": positive("math.rsqrt"), "gelu": gelu, "cast": through_f32,
    "floor": lambda s, x: s("arith.mulf", x, s("math.floor", x)),
}

for name, body in SCALARS.items():
    stage = Stage("scalar_" + name)
    count = body.__code__.co_argcount - 1
    inputs = [stage.carried(2, 3) for _ in range(count)]
    stage.result(stage.generic(",".join(["ij"] * count) + "->ij", inputs, body))
    CASES.append(stage)


# --- linalg.generic ----------------------------------------------------------

@case
def linear(f):
    x, w, b = f.carried(4, 3), f.parameter(3, 5), f.parameter(5)
    f.result(f.contract("ik,kj->ij", x, w, f.broadcast("j->ij", b, 4, 5)))


@case
def residual(f):
    x, w = f.carried(4, 3), f.parameter(3, 3)
    f.result(f.contract("ik,jk->ij", x, w, x))


@case
def batched(f):
    q, k = f.carried(2, 3, 2, 4), f.carried(2, 3, 2, 4)
    f.result(f.contract("bihd,bjhd->bhij", q, k))


@case
def product_with_itself(f):
    x = f.carried(4, 3)
    f.result(f.contract("ik,jk->ij", x, x))


@case
def shared_operand(f):
    x, u, v = f.carried(4, 3), f.parameter(3, 5), f.parameter(5, 3)
    h = f.contract("ik,kj->ij", x, u)
    y = f.contract("ik,kj->ij", h, v, x)
    f.result(f.contract("ik,kj->ij", y, u), f.add(x, y))


@case
def chain_with_bias(f):
    x, b, s = f.carried(4, 3), f.parameter(3), f.parameter(3)
    f.result(f.generic("ij,j,j->ij", [x, b, s], lambda op, x, b, s: op(
        "arith.mulf", s, gelu(op, op("arith.addf", x, b)))))


@case
def shifted(f):
    x, b = f.carried(4, 3), f.parameter(3)
    f.result(f.generic("ij,j->ij", [x, b], lambda op, x, b: op("arith.addf", x, b)))


@case
def weighted_sum(f):
    x, w = f.carried(4, 3), f.parameter(3)
    f.result(f.generic("ij,j->i", [x, w], lambda op, x, w: op(
        "arith.mulf", w, op("math.tanh", x))))


@case
def sum_of_sums(f):
    x, w = f.carried(4), f.carried(3)
    f.result(f.generic("i,j->i", [x, w], lambda op, x, w: op("arith.addf", x, w)))


@case
def sum_of_all(f):
    f.result(f.generic("ij->", [f.carried(4, 3)], lambda op, x: op("math.sin", x)))


@case
def unit_dimension(f):
    x, b = f.carried(4, 3), f.parameter(1, 3)
    f.result(f.generic("ij,0j->ij", [x, b], lambda op, x, b: op("arith.mulf", x, b)))


@case
def transposed_operand(f):
    x, y = f.carried(4, 3), f.carried(3, 4)
    f.result(f.generic("ij,ji->ij", [x, y], lambda op, x, y: op("arith.mulf", x, y)))


@case
def two_results(f):
    x, y = f.carried(4, 3), f.carried(4, 3)
    f.result(*f.generic("ij,ij->ij", [x, y], lambda op, x, y: (
        op("arith.mulf", x, y), op("math.sin", x)), results=2))


@case
def accumulating_chain(f):
    """The destination takes part in the chain."""
    x, y = f.carried(4, 3), f.carried(4, 3)
    f.result(f.generic("ij->ij", [x], lambda op, x: op("arith.mulf", x, "%o0"), into=y))


@case
def factor_in_product(f):
    a, b = f.carried(2, 3), f.carried(3, 2)
    f.result(f.generic("ik,kj->ij", [a, b], lambda op, a, b: op(
        "arith.mulf", op("arith.mulf", a, b), op.number(0.125))))


# --- views -------------------------------------------------------------------

@case
def transpose(f):
    f.result(f.transpose(f.carried(2, 3, 4), 2, 0, 1))


@case
def reshape(f):
    x = f.carried(6, 2)
    f.result(f.collapse(f.expand(x, "[[0, 1], [2]]", 2, 3, 2), "[[0], [1, 2]]", 2, 6))


@case
def split(f):
    x = f.carried(2, 6)
    a, b, c = (f.slice(x, [0, i], [2, 2]) for i in (0, 2, 4))
    f.result(f.contract("ij,kj->ik", a, b), c)


@case
def split_in_part(f):
    x = f.carried(2, 7)
    f.result(f.slice(x, [0, 1], [2, 2]), f.slice(x, [0, 4], [2, 2]))


@case
def overlapping_slices(f):
    x = f.carried(2, 4)
    f.result(f.slice(x, [0, 0], [2, 3]), f.slice(x, [0, 1], [2, 3]))


@case
def slice_of_two_dimensions(f):
    f.result(f.slice(f.carried(3, 4), [1, 1], [2, 2]))


@case
def strided_slice(f):
    f.result(f.slice(f.carried(3, 4), [0, 1], [3, 2], [1, 2]))


@case
def first_row(f):
    f.result(f.slice(f.carried(2, 3, 4), [0, 0, 0], [2, 1, 4], shape=(2, 4)))


@case
def concat(f):
    x, y = f.carried(2, 3), f.carried(2, 4)
    f.result(f.concat(1, x, y, x))
