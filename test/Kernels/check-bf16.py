"""Compares the kernels of bf16-kernels.mlir with PyTorch in float64: a result of bf16 is off by no more than its rounding."""

import sys

import torch
import torch.nn.functional as F

from loaded import load

KERNELS = load(*sys.argv[1:])
BF16, ROUNDING = torch.bfloat16, 2.0**-8  # of a number, half of its last place
failures = 0


def call(name, *tensors):
    """Calls a kernel for its units in two parts, and for what is left behind them."""
    KERNELS.run(name, [t.data_ptr() for t in tensors], parts=min(2, KERNELS.units_of(name)[0]))


def check(name, ours, want, tolerance=1e-5):
    global failures
    allowed = tolerance * max(1.0, float(want.abs().max())) + (ROUNDING * want.abs() if ours.dtype == BF16 else 0)
    worst = ((ours.double() - want).abs() - allowed).max()
    if not worst <= 0:
        print(f"{name}: differs by {worst} more than rounding does", file=sys.stderr)
        failures += 1


def same(name, ours, want):
    """Bit for bit, but that any NaN is as good as another."""
    global failures
    if not torch.equal(ours.isnan(), want.isnan()) or not torch.equal(ours[~ours.isnan()], want[~want.isnan()]):
        print(f"{name}: is not what PyTorch makes", file=sys.stderr)
        failures += 1


torch.manual_seed(0)
shape = (37, 50)
x, dy = torch.randn(shape).to(BF16), torch.randn(shape).to(BF16)
weight, bias, row = torch.randn(50), torch.randn(50), torch.randn(37).to(BF16)
ids = torch.randint(-11, 11, (37,))
garbage = lambda *size, dtype=BF16: torch.full(size, float("nan"), dtype=dtype)
X, DY = x.double(), dy.double()


def conversions():
    # Every upper half, with lower halves around and on ties; NaNs whose upper half is that of infinity, too.
    upper = torch.arange(65536, dtype=torch.int64) << 16
    for lower in 0, 1, 0x7fff, 0x8000, 0x8001, 0xffff:
        numbers = (upper | lower).to(torch.int32).view(torch.float32)
        y = garbage(65536)
        call("round", numbers, y)
        same(f"round {lower:x}", y, numbers.to(BF16))
    y = garbage(65536, dtype=torch.float32)
    halves = upper.__rshift__(16).to(torch.int16).view(BF16)
    call("extend", halves, y)
    same("extend", y, halves.float())
    y = garbage(50, 37)
    call("copy", x, y)
    same("copy", y, x.t())
    y = garbage(*shape)
    call("fill", y)
    same("fill", y, torch.full(shape, 1.5, dtype=BF16))


def elementwise():
    y = garbage(*shape)
    call("scale_rows", x, row, bias, y)
    check("scale_rows", y, X * row.double()[:, None] + bias.double())
    sums = torch.ones(50)
    call("column_sums", x, sums)
    check("column_sums", sums, X.sum(0) + 1)
    sums = torch.ones(37)
    call("row_sums", x, sums)
    check("row_sums", sums, X.sum(1) + 1)


def softmax():
    hidden = torch.ones(shape).triu(14).bool()
    want = torch.softmax((X * 0.5).masked_fill(hidden, -torch.inf), -1)
    y = garbage(*shape)
    call("softmax", x, y)
    check("softmax", y, want)
    dx = garbage(*shape)
    call("softmax_grad", dy, y, dx)
    Y = y.double()
    check("softmax_grad", dx, 0.5 * Y * (DY - (DY * Y).sum(-1, keepdim=True)))


def layer_norm():
    a, w, b = X.clone().requires_grad_(), weight.double().requires_grad_(), bias.double().requires_grad_()
    want = F.layer_norm(a, (50,), w, b, 1e-5)
    want.backward(DY)
    y, m, r = garbage(*shape), garbage(37, dtype=torch.float32), garbage(37, dtype=torch.float32)
    call("layer_norm", x, weight, bias, y, m, r)
    check("layer_norm", y, want.detach())
    check("mean", m, X.mean(-1))
    dx = garbage(*shape, dtype=torch.float32)
    call("layer_norm_grad_input", dy, x, weight, m, r, dx)
    check("layer_norm_grad_input", dx, a.grad)
    dw, db = torch.ones(50), torch.ones(50)
    call("layer_norm_grad_params", dy.float(), x, m, r, dw, db)
    check("dweight", dw, w.grad + 1)
    check("dbias", db, b.grad + 1)


def gather():
    table, y = torch.randn(11, 50), garbage(*shape)
    call("gather", table, ids, y)
    same("gather", y, table[ids].to(BF16))
    y = garbage(*shape)
    call("gather_same", table.to(BF16), ids, y)
    same("gather_same", y, table[ids].to(BF16))
    dtable = torch.ones(11, 50)
    call("gather_grad", dy, ids, dtable)
    check("gather_grad", dtable, torch.ones(11, 50, dtype=torch.double).index_put((ids,), DY, accumulate=True))


def dropout():
    y = garbage(*shape)
    call("dropout", x, torch.tensor(12345), y)
    kept = y != 0
    check("dropout", y, torch.where(kept, X / 0.75, 0))
    global failures
    if not 0.65 < kept.double().mean() < 0.85:
        print("dropout: keeps another share than 0.75", file=sys.stderr)
        failures += 1


def cross_entropy():
    labels = torch.randint(0, 50, (37,))
    labels[5] = -100
    sharp = (X * 6).to(BF16)  # some labels are nearly certain, where the gradient is small
    labels[:4] = sharp[:4].argmax(-1)
    a = sharp.double().requires_grad_()
    want = F.cross_entropy(a, labels, reduction="sum")
    want.backward()
    loss, lse = torch.full((), float("nan")), garbage(37, dtype=torch.float32)
    call("cross_entropy", sharp, labels, loss, lse)
    check("loss", loss, want.detach())
    check("lse", lse, torch.logsumexp(sharp.double(), -1))
    dx = garbage(*shape)
    call("cross_entropy_grad", torch.tensor(1.0), sharp, labels, lse, dx)
    check("cross_entropy_grad", dx, a.grad, tolerance=1e-6)


for test in conversions, elementwise, softmax, layer_norm, gather, dropout, cross_entropy:
    test()
sys.exit(failures)
