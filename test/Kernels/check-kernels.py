"""Compares the kernels of compile-kernels.mlir with PyTorch, and every kernel whole with
the same in parts, in any order: the same bits. With a plan, the same of kernels for an emulated GPU."""

import math
import sys

import torch
import torch.nn.functional as F

from loaded import load

KERNELS = load(*sys.argv[1:])
units_of, run = KERNELS.units_of, KERNELS.run
failures = 0


def as_bytes(storage):
    return torch.empty(0, dtype=torch.uint8).set_(storage)


def storages(tensors):
    return {t.untyped_storage().data_ptr(): t.untyped_storage() for t in tensors}


def call(name, *tensors):
    global failures
    before = {place: storage.clone() for place, storage in storages(tensors).items()}
    run(name, [t.data_ptr() for t in tensors], 1)
    count = units_of(name)[0]
    for parts in {2, 3, count} & set(range(2, count + 1)):
        copies = {place: storage.clone() for place, storage in before.items()}
        pointers = [copies[t.untyped_storage().data_ptr()].data_ptr() + t.storage_offset() * t.element_size()
                    for t in tensors]
        run(name, pointers, parts)
        for place, storage in storages(tensors).items():
            if not torch.equal(as_bytes(storage), as_bytes(copies[place])):
                print(f"{name}: other bits in {parts} parts", file=sys.stderr)
                failures += 1


def check(name, *pairs, tolerance=2e-6):
    """Reports a kernel whose results differ, relative to the largest number."""
    global failures
    for ours, theirs in pairs:
        same = torch.equal(ours.isnan(), theirs.isnan())
        finite = theirs.isfinite()
        same &= torch.equal(ours[~finite & ~theirs.isnan()], theirs[~finite & ~theirs.isnan()].to(ours.dtype))
        difference = (ours[finite].double() - theirs[finite].double()).abs().max()
        bound = tolerance * max(1.0, theirs[finite].double().abs().max())
        if not same or difference > bound:
            print(f"{name}: differs by {difference}, expected at most {bound}", file=sys.stderr)
            failures += 1


torch.manual_seed(0)
shape, rows, columns = (2, 37, 50), (2, 37), (50,)
x, dy = torch.randn(shape), torch.randn(shape)
weight, bias = torch.randn(columns), torch.randn(columns)
strided = torch.randn(2 * 4440 + 7).as_strided(shape, (4440, 120, 1), 7)
ids = torch.randint(-11, 11, rows)
garbage = lambda *size: torch.full(size, float("nan"))


def base(view):
    """A tensor at the beginning of a view's storage: kernels add the offset."""
    return view.as_strided((1,), (1,), 0)


def softmax():
    masked = x.clone()
    masked[0, 3] = -math.inf
    masked[1, 4, :20] = -math.inf
    want = torch.softmax(masked.double() * 0.5, -1).nan_to_num(0)
    y = garbage(*shape)
    call("softmax", masked, y)
    check("softmax", (y, want))

    hidden = torch.ones(37, 50).triu(14).bool()
    want = torch.softmax((masked.double() * 0.5).masked_fill(hidden, -math.inf), -1).nan_to_num(0)
    y = garbage(*shape)
    call("softmax_causal", masked, y)
    check("softmax_causal", (y, want))

    tall = torch.randn(50, 37)
    want = torch.softmax(tall.double().masked_fill(torch.ones(50, 37).triu(-12).bool(), -math.inf), -1)
    y = garbage(50, 37)
    call("softmax_causal_tall", tall, y)
    check("softmax_causal_tall", (y, want.nan_to_num(0)))

    scattered = torch.empty(2 * 3700).as_strided(shape, (3700, 1, 37))
    call("softmax_strided", base(strided), scattered)
    check("softmax_strided", (scattered, torch.softmax(strided, -1)))

    y = x.clone()
    call("softmax_in_place", y)
    check("softmax_in_place", (y, torch.softmax(x, -1)))

    a = x.double().requires_grad_()
    probabilities = torch.softmax(a * 0.5, -1)
    probabilities.backward(dy.double())
    dx = garbage(*shape)
    call("softmax_grad", dy, probabilities.detach().float(), dx)
    check("softmax_grad", (dx, a.grad))


def layer_norm():
    shifted = x + 100  # The variance is small beside the mean.
    a, w, b = (t.double().requires_grad_() for t in (shifted, weight, bias))
    want = F.layer_norm(a, columns, w, b, 1e-5)
    want.backward(dy.double())
    mean = shifted.double().mean(-1)
    rstd = 1 / torch.sqrt(shifted.double().var(-1, unbiased=False) + 1e-5)
    y, m, r = garbage(*shape), garbage(*rows), garbage(*rows)
    call("layer_norm", shifted, weight, bias, y, m, r)
    check("layer_norm", (y, want), (m, mean), (r, rstd), tolerance=5e-6)
    dx = garbage(*shape)
    call("layer_norm_grad_input", dy, shifted, weight, m, r, dx)
    check("layer_norm_grad_input", (dx, a.grad), tolerance=5e-6)
    dw, db = torch.ones(columns), torch.ones(columns)
    call("layer_norm_grad_params", dy, shifted, m, r, dw, db)
    check("layer_norm_grad_params", (dw, w.grad + 1), (db, b.grad + 1), tolerance=1e-5)


def gather():
    table, flat = torch.randn(11, 50), torch.randn(11)
    y = garbage(*shape)
    call("gather", table, ids, y)
    check("gather", (y, table[ids]))
    y = garbage(*rows)
    call("gather_scalars", flat, ids, y)
    check("gather_scalars", (y, flat[ids]))
    truths, y = torch.rand(11, 50) < 0.5, torch.ones(shape, dtype=torch.bool)
    call("gather_truths", truths, ids, y)
    check("gather_truths", (y, truths[ids]))
    dtable = torch.ones(11, 50)
    want = torch.ones(11, 50, dtype=torch.double).index_put((ids,), dy.double(), accumulate=True)
    call("gather_grad", dy, ids, dtable)
    check("gather_grad", (dtable, want))


def cross_entropy():
    labels = torch.randint(0, 50, rows)
    labels[0, 5:20] = -100
    a = x.double().requires_grad_()
    want = F.cross_entropy(a.reshape(-1, 50), labels.reshape(-1), reduction="sum")
    (want * 0.25).backward()
    loss, lse, dx = garbage(), garbage(*rows), garbage(*shape)
    call("cross_entropy", x, labels, loss, lse)
    check("cross_entropy", (loss, want.detach()), (lse, torch.logsumexp(x.double(), -1)))
    call("cross_entropy_grad", torch.tensor(0.25), x, labels, lse, dx)
    check("cross_entropy_grad", (dx, a.grad))
    long_cross_entropy()
    if len(sys.argv) > 2:  # GPUs have no functions of f64
        return
    logits, labels = torch.randn(4, 9, dtype=torch.double), torch.tensor([3, -1, 8, 0])
    loss, lse = garbage().double(), garbage(4).double()
    call("cross_entropy_f64", logits, labels.int(), loss, lse)
    want = F.cross_entropy(logits, labels, reduction="sum", ignore_index=-1)
    check("cross_entropy_f64", (loss, want), (lse, torch.logsumexp(logits, -1)), tolerance=1e-14)


def long_cross_entropy():
    """Rows longer than threads keep in registers: whatever comes first, the largest or nothing."""
    size = 20003
    logits, slope = torch.randn(9, size), torch.linspace(-300, 300, size)
    logits[1], logits[2], logits[3] = slope, -slope, -1e4 + slope
    logits[4] = -math.inf
    logits[5, :9000] = -math.inf
    logits[6, 12345] = math.nan
    logits[7, 17] = math.inf
    logits[8, :-1] = -math.inf
    want = torch.logsumexp(logits.double(), -1)
    want[7] = math.nan  # the distance of infinity to itself
    labels = torch.tensor([3, 5, size - 1, 0, -100, size - 2, -100, -100, size - 1])
    loss, lse = garbage(), garbage(9)
    call("cross_entropy_long", logits, labels, loss, lse)
    counted = labels >= 0
    total = (want[counted] - logits[counted, labels[counted]].double()).sum()
    check("cross_entropy_long", (lse, want), (loss, total))


def odd():
    """One element behind whole vectors: nothing behind it is touched, of other rows or of other arguments."""
    a, y = torch.randn(17), torch.full((18,), 7.0).bfloat16()
    call("round_odd", a, y)
    check("round_odd", (y[:17], a.bfloat16()), (y[17:], torch.tensor([7.0])))
    a, w = torch.randn(3, 33), torch.randn(33)
    y, m, r = torch.full((100,), 7.0).bfloat16(), garbage(3), garbage(3)
    call("norm_odd", a, w, y, m, r)
    check("norm_odd", (y[:99].reshape(3, 33), F.layer_norm(a, (33,), w, w, 1e-5)), tolerance=2.0**-8)
    check("norm_odd's end", (y[99:], torch.tensor([7.0])))


def elementwise():
    y = garbage(*shape)
    call("add_bias", x, bias, y)
    check("add_bias", (y, x + bias))
    narrow, y = torch.randn(37, 3), garbage(37, 3)
    call("add_table", narrow, y)
    check("add_table", (y, narrow + torch.tensor([1.0, -2.0, 3.0])))
    y = x.clone()
    call("add_in_place", y, dy)
    check("add_in_place", (y, x + dy))
    y = torch.zeros(2 * 4440 + 7)
    call("fill", y)
    want = torch.zeros_like(y)
    want.as_strided(shape, (4440, 120, 1), 7).fill_(3)
    check("fill", (y, want))
    y = garbage(*shape)
    call("copy", base(strided), y)
    check("copy", (y, strided))
    y = garbage(1, 1)
    call("single", torch.tensor(2.0), y)
    check("single", (y, torch.full((1, 1), 2.0).exp()))
    y = garbage(37)
    every = torch.randn(74)
    call("odd_elements", every, y)
    check("odd_elements", (y, every[1::2]))
    u = torch.cat([torch.linspace(-10, 10, 1000), torch.tensor([math.inf, -math.inf, math.nan])])
    results = [garbage(1003) for _ in range(7)]
    call("functions", u, *results)
    for got, f in zip(results, (torch.exp, torch.log, torch.tanh, torch.erf, torch.rsqrt,
                                lambda t: t**3)):
        check(f.__name__, (got, f(u.double())), tolerance=4e-7)
    check("sin", (results[6][:1000], torch.sin(u[:1000].double())), tolerance=1e-6)


def ranges():
    """The error of a function in every decade, in units of the last place."""
    functions = (torch.exp, torch.log, torch.tanh, torch.erf, torch.rsqrt, None, torch.sin)
    most = {torch.exp: 2.5, torch.log: 0.51, torch.tanh: 8, torch.erf: 4.5, torch.rsqrt: 2.5, torch.sin: 0.51}
    for decade in range(-45, 39):
        u = ((torch.rand(1003, dtype=torch.double) * 9 + 1) * 10.0**decade).float()
        u[::2] *= -1
        u = u[u.isfinite()][:1003]
        u = torch.cat([u, torch.ones(1003 - len(u))])
        results = [garbage(1003) for _ in functions]
        call("functions", u, *results)
        for got, function in zip(results, functions):
            if not function:
                continue
            want = function(u.double())
            # Below the normal numbers exp is zero, and sums have no last place.
            compared = want.isfinite() & (want.abs() > 1.2e-38) & (want.abs() < 3.4e38)
            place = torch.exp2(torch.floor(torch.log2(want[compared].abs())) - 23)
            error = ((got[compared].double() - want[compared]).abs() / place).max() if compared.any() else 0
            if not error <= most[function]:
                global failures
                print(f"{function.__name__} from 1e{decade} on: off by {error} units, expected at most "
                      f"{most[function]}", file=sys.stderr)
                failures += 1


def reductions():
    y = torch.ones(columns)
    call("sum_rows", x, y)
    check("sum_rows", (y, x.double().sum((0, 1)) + 1))
    y = torch.full(rows, 1.5)
    call("max_columns", x, y)
    check("max_columns", (y, x.amax(-1).clamp_min(1.5)))
    y = torch.ones(())
    call("sum_all", base(strided), y)
    check("sum_all", (y, strided.double().sum() + 1), tolerance=1e-5)
    y, want = torch.ones(rows), torch.ones(rows)
    call("horner", x, y)
    for k in range(50):
        want = want * 0.5 + x[..., k]
    check("horner", (y, want))
    y, c, r = garbage(*shape), torch.ones(columns), torch.ones(rows)
    call("several_results", x, y, c, r)
    check("several_results", (y, 2 * x), (c, 2 * x.double().sum((0, 1)) + 1), (r, 2 * x.double().sum(-1) + 1))
    a, b, product = torch.randn(13, 37), torch.randn(37, 21), torch.ones(13, 21)
    call("product", a, b, product)
    check("product", (product, a @ b + 1))


def rearrangements():
    m, n = torch.randn(37, 50), torch.randn(50, 37)
    y = garbage(50, 37)
    call("transpose", m, y)
    check("transpose", (y, m.T))
    y = garbage(37, 50)
    call("add_transposed", m, n, y)
    check("add_transposed", (y, m + n.T))
    heads = torch.randn(2, 37, 4, 16)
    y = garbage(2, 4, 37, 16)
    call("split_heads", heads, y)
    check("split_heads", (y, heads.transpose(1, 2)))


def integers():
    other = torch.where(torch.rand(rows) < 0.5, ids, ids + 1)
    y = torch.full(rows, True)
    call("equal", ids, other, y)
    check("equal", (y, ids == other))
    m, keep = torch.randn(37, 50), torch.rand(37, 50) < 0.5
    y = garbage(37, 50)
    call("select", keep, m, y)
    check("select", (y, m * keep))
    call("lower_triangle", m, y)
    check("lower_triangle", (y, m.tril()))
    a, b, q = torch.randint(-99, 99, (37,)), torch.randint(1, 9, (37,)), torch.zeros(37, dtype=torch.int64)
    call("divide_integers", a, b, q)
    check("divide_integers", (q, torch.div(a, b, rounding_mode="trunc")))


def division():
    """The loop that is shared: rows, else columns in vectors of 16; sums of everything are not."""
    expected = {"softmax": 74, "softmax_causal_tall": 50, "layer_norm_grad_params": 4, "gather": 74, "gather_grad": 4,
                "gather_scalars": 74, "cross_entropy": 74, "cross_entropy_f64": 4, "add_bias": 74, "fill": 74,
                "functions": 63, "sum_rows": 4, "max_columns": 74, "sum_all": 1, "several_results": 1,
                "single": 1, "product": 13}
    global failures
    for name, count in expected.items():
        if units_of(name)[0] != count:
            print(f"{name} has {units_of(name)[0]} units, expected {count}", file=sys.stderr)
            failures += 1


if len(sys.argv) == 2:  # the CPU's
    division()
for part in (softmax, layer_norm, gather, cross_entropy, odd, elementwise, ranges, reductions, rearrangements, integers):
    part()
sys.exit(failures > 0)
