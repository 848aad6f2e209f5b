"""The stages whose gradients are checked: one per rule, and a whole block."""

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


# --- compute operations ------------------------------------------------------

@case
def softmax(f):
    x = f.carried(2, 3, 5)
    f.result(f.compute("softmax scale 0.5", [x], x.shape))


@case
def causal_softmax(f):
    x = f.carried(2, 4, 4)
    f.result(f.compute("softmax scale 0.25 causal", [x], x.shape))


@case
def layer_norm(f):
    x, w, b = f.carried(2, 3, 6), f.parameter(6), f.parameter(6)
    f.result(f.compute("layer_norm epsilon 1.0e-5", [x, w, b], x.shape, (2, 3), (2, 3)))


@case
def layer_norm_of_one_parameter(f):
    x, w = f.carried(3, 6), f.parameter(6)
    f.result(f.compute("layer_norm epsilon 1.0e-5", [x, w, w], x.shape, (3,), (3,)))


@case
def layer_norm_with_frozen_weight(f):
    x, w, b = f.carried(3, 6), f.parameter(6, trainable=False), f.parameter(6)
    f.result(f.compute("layer_norm epsilon 1.0e-5", [x, w, b], x.shape, (3,), (3,)))


@case
def gather(f):
    ids, table = f.integers(2, 3, values=[1, 4, 1, 0, -1, 4]), f.parameter(5, 2)
    f.result(f.compute("gather", [table, ids], (2, 3, 2)))


@case
def cross_entropy(f):
    x, labels = f.carried(2, 3, 5), f.integers(2, 3, values=[1, -100, 4, 0, 2, -100])
    f.result(f.compute("cross_entropy", [x, labels], (), (2, 3)))


# --- parameters and stages ---------------------------------------------------

@case
def tied(f):
    ids, table = f.integers(4, values=[1, 4, 1, 0]), f.parameter(5, 2)
    x = f.compute("gather", [table, ids], (4, 2))
    f.result(f.contract("ik,jk->ij", x, table))


@case
def views_of_parameters(f):
    x, w = f.carried(4, 3), f.parameter(5, 6)
    upper = f.transpose(f.slice(w, [0, 0], [3, 6]), 1, 0)
    h = f.contract("ik,jk->ij", x, upper)
    lower = f.collapse(f.slice(w, [3, 0], [2, 6]), "[[0, 1]]", 12)
    pairs = f.expand(lower, "[[0, 1]]", 6, 2)
    f.result(f.contract("ik,kj->ij", h, pairs), f.contract("ik,jk->ij", x, upper))


@case
def scaled_parameter(f):
    x, w = f.carried(4, 3), f.parameter(3, 5)
    scaled = f.generic("ij->ij", [w], lambda op, w: op("math.sin", w))
    f.result(f.contract("ik,kj->ij", x, scaled))


@case
def frozen(f):
    x, w, b = f.carried(4, 3), f.parameter(3, 5, trainable=False), f.parameter(5)
    f.result(f.contract("ik,kj->ij", x, w, f.broadcast("j->ij", b, 4, 5)))


@case
def first_stage(f):
    x, u, v = f.carried(4, 3, gradient=False), f.parameter(3, 5), f.parameter(5, 2)
    h = f.generic("ij->ij", [f.contract("ik,kj->ij", x, u)], gelu)
    f.result(f.contract("ik,kj->ij", h, v))


@case
def handed_on(f):
    x, y, z = f.carried(2, 3), f.carried(2, 3), f.carried(2)
    f.result(x, f.add(x, y))
    f.result(y, gradient=False)


@case
def unused_parameter(f):
    f.parameter(3)
    f.result(f.generic("i->i", [f.carried(2)], unary("math.sin")))


def attention(f, x, heads):
    batch, rows, width = x.shape
    size = width // heads
    w, b = f.parameter(width, 3 * width), f.parameter(3 * width)
    qkv = f.contract("bik,kj->bij", x, w,
                     f.broadcast("j->bij", b, batch, rows, 3 * width))
    q, k, v = (f.expand(f.slice(qkv, [0, 0, i * width], list(x.shape)), "[[0], [1], [2, 3]]",
                        batch, rows, heads, size) for i in range(3))
    scores = f.contract("bihd,bjhd->bhij", q, k)
    p = f.compute(f"softmax scale {size ** -0.5} causal", [scores], scores.shape)
    context = f.contract("bhij,bjhd->bihd", p, v)
    return f.collapse(context, "[[0], [1], [2, 3]]", *x.shape)


def projected(f, x, columns, into=None):
    w = f.parameter(x.shape[-1], columns)
    b = f.broadcast("j->bij", f.parameter(columns), *x.shape[:2], columns)
    start = f.add(into, b) if into else b
    return f.contract("bik,kj->bij", x, w, start)


def normal(f, x):
    w, b = f.parameter(x.shape[-1]), f.parameter(x.shape[-1])
    return f.compute("layer_norm epsilon 1.0e-5", [x, w, b], x.shape, x.shape[:2], x.shape[:2])


@case
def transformer_block(f):
    x = f.carried(2, 3, 4)
    x = projected(f, attention(f, normal(f, x), heads=2), 4, into=x)
    h = f.generic("bij->bij", [projected(f, normal(f, x), 8)], gelu)
    f.result(projected(f, h, 4, into=x))


@case
def largest_of_rows(f):
    f.result(f.extremum("arith.maximumf", f.carried(4, 3), "0xFFF0000000000000"))


@case
def smallest_of_rows(f):
    f.result(f.extremum("arith.minimumf", f.parameter(4, 3), "0x7FF0000000000000"))


# --- the loss together with its gradients --------------------------------------

def linear_cross_entropy(f, x, labels, *parameters, transposed=False):
    f.result(f.compute("linear_cross_entropy" + " transposed" * transposed,
                       [x, parameters[0], labels, *parameters[1:]], ()))
    kinds = [a.value for a in f.arguments if a.kind == "parameter"]
    f.joint = [i for i, value in enumerate(kinds) if value in parameters]


@case
def loss_of_a_linear_layer(f):
    x, labels = f.carried(2, 3, 4), f.integers(2, 3, values=[1, -100, 4, 0, 2, -100])
    linear_cross_entropy(f, x, labels, f.parameter(5, 4))


@case
def loss_in_chunks(f):
    rows = 130  # more than a chunk has
    x, labels = f.carried(rows, 2), f.integers(rows, values=[i % 3 for i in range(rows)])
    w = f.parameter(2, 2)
    h = f.contract("ik,kj->ij", x, w)
    linear_cross_entropy(f, h, labels, f.parameter(2, 3), f.parameter(3), transposed=True)


@case
def loss_of_a_tied_table(f):
    ids, labels = f.integers(4, values=[1, 4, 1, 0]), f.integers(4, values=[4, 0, 2, 1])
    table = f.parameter(5, 2)
    x = f.compute("gather", [table, ids], (4, 2))
    linear_cross_entropy(f, f.generic("ij->ij", [x], unary("math.sin")), labels, table)


@case
def loss_of_a_frozen_layer(f):
    x, labels = f.carried(2, 4), f.integers(2, values=[1, 2])
    w, b = f.parameter(5, 4, trainable=False), f.parameter(5)
    linear_cross_entropy(f, x, labels, w, b)
    f.joint = [1]
