"""More stages whose gradients are checked: compute operations, what stages do with parameters, a whole block, and the loss."""

from gradient_cases import case, gelu, unary

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
