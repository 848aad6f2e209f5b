"""Operators that are expressed by others: their values and gradients against PyTorch."""
import numpy as np
import torch
import torch.nn.functional as F

from case import Case

random = np.random.default_rng(11)


def f(*shape, lo=-2, hi=2):
    return random.uniform(lo, hi, shape).astype(np.float32)


def integers(*values):
    return np.array(values, np.int64)


class Table:
    """Cases of one node; inputs are the names of `values`, then of `constants`, unless they are given."""

    def __init__(self):
        self.cases = []

    def one(self, name, op, fn, values, attributes=None, inputs=None, constants=None, results=("y",), **options):
        inputs = inputs or [*values, *(constants or {})]
        # A model takes data, also where the case has only parameters.
        values = values if any(n[0] == "x" for n in values) else {**values, "x": f(1, 1)}
        self.cases.append(Case(name, [(op, inputs, list(results), attributes or {})], fn, values, constants=constants,
                               **options))


def activations(table):
    x = np.concatenate([f(5, 6), f(3, 6, lo=-30, hi=30)])

    def unary(name, op, fn, attributes=None, values=x, **options):
        table.one(name, op, lambda t: fn(t["p"]), {"p": values}, attributes, **options)

    unary("softplus", "Softplus", F.softplus)
    unary("softplus-saturated", "Softplus", F.softplus, values=np.float32([[-300, -80, 0, 19, 21, 90, 300]]))
    unary("mish", "Mish", F.mish)
    unary("hard-sigmoid", "HardSigmoid", F.hardsigmoid, {"alpha": 1 / 6, "beta": 0.5})
    unary("hard-sigmoid-default", "HardSigmoid", lambda p: (0.2 * p + 0.5).clamp(0, 1))
    unary("hard-swish", "HardSwish", F.hardswish)
    unary("leaky-relu", "LeakyRelu", lambda p: F.leaky_relu(p, 0.2), {"alpha": 0.2})
    unary("leaky-relu-zero", "LeakyRelu", F.leaky_relu, values=np.float32([[-1, 0, 1]]))
    unary("elu", "Elu", lambda p: F.elu(p, 1.5), {"alpha": 1.5})
    unary("elu-large", "Elu", F.elu, values=np.float32([[-200, 0, 200]]))
    unary("celu", "Celu", lambda p: F.celu(p, 0.7), {"alpha": 0.7})
    unary("selu", "Selu", F.selu)
    unary("thresholded-relu", "ThresholdedRelu", lambda p: F.threshold(p, 1.0, 0.0))
    unary("softsign", "Softsign", F.softsign)
    unary("shrink", "Shrink", lambda p: F.softshrink(p, 0.8), {"lambd": 0.8, "bias": 0.8})
    unary("sign", "Sign", torch.sign, values=np.float32([[-2, 0, 3]]))
    unary("round", "Round", torch.round, values=np.float32([[-2.5, -1.5, -0.5, 0.49999997, 0.5, 1.5, 2.5, 3.2, 8388609, -3.7]]))
    table.one("prelu", "PRelu", lambda t: F.prelu(t["x"], t["p"].reshape(-1)), {"x": f(2, 3, 4), "p": f(3, 1)})

    def clip(name, low, high, p=f(4, 6)):
        constants = {n: np.float32(v) for n, v in (("lo", low), ("hi", high)) if v is not None}
        table.one(name, "Clip", lambda t: torch.clamp(t["p"], -np.inf if low is None else low, high), {"p": p},
                  constants=constants,
                  inputs=["p", "lo" if low is not None else "", *(["hi"] if high is not None else [])])

    clip("clip", -0.5, 0.8)
    clip("clip-low", -0.5, None)
    clip("clip-high", None, 0.5)
    clip("clip-none", None, None)
    clip("clip-crossed", 0.8, -0.5)
    clip("clip-at-bounds", 0, 1, np.float32([[-1, 0, 0.5, 1, 2]]))
    table.one("clip-trained-bounds", "Clip", lambda t: torch.clamp(t["p"], t["plo"], t["phi"]),
              {"p": f(4, 6), "plo": np.float32(-0.5), "phi": np.float32(0.8)})
    table.cases.append(Case("is-inf", [("IsInf", ["c"], ["i"], {"detect_negative": 0}), ("Where", ["i", "p", "pq"], ["y"], {})],
                            lambda t: torch.where(t["c"] == np.inf, t["p"], t["pq"]), {"p": f(3), "pq": f(3), "x": f(1, 1)},
                            constants={"c": np.float32([1, np.inf, -np.inf])}))
    table.one("sum", "Sum", lambda t: t["p"] + t["pq"] + t["pr"], {"p": f(2, 3), "pq": f(3), "pr": f(2, 1)})
    table.one("mean", "Mean", lambda t: (t["p"] + t["pq"] + t["pr"]) / 3, {"p": f(2, 3), "pq": f(3), "pr": f(2, 1)})
    table.one("sum-of-one", "Sum", lambda t: t["p"] * 1, {"p": f(2, 3)})


def reductions(table):
    x = f(3, 4, 5)

    def reduction(kind, fn, values=x, what=""):
        for axes, keep in (((1,), True), ((0, -1), False), ((), True)):
            dims = axes or tuple(range(values.ndim))
            constants = {"ax": integers(*axes)} if axes else {}
            table.one(f"{kind}{what}-{axes}", kind, lambda t, dims=dims, keep=keep: fn(t["p"], dims, keep), {"p": values},
                      {"keepdims": int(keep)}, constants=constants)

    reduction("ReduceL1", lambda p, d, k: p.abs().sum(d, k))
    reduction("ReduceL2", lambda p, d, k: torch.linalg.vector_norm(p, 2, d, k))
    reduction("ReduceSumSquare", lambda p, d, k: (p * p).sum(d, k))
    reduction("ReduceLogSum", lambda p, d, k: p.sum(d, k).log(), f(3, 4, 5, lo=0.1))
    reduction("ReduceLogSumExp", lambda p, d, k: torch.logsumexp(p, d, k), f(3, 4, 5, lo=-60, hi=60))
    reduction("ReduceMax", lambda p, d, k: p.amax(d, k))
    reduction("ReduceMin", lambda p, d, k: p.amin(d, k))
    reduction("ReduceMean", lambda p, d, k: p.mean(d, k))

    def product(p, dims, keep):
        for d in sorted((d % p.ndim for d in dims), reverse=True):
            p = p.prod(d, keep)
        return p

    reduction("ReduceProd", product)
    ties = np.float32([[1, 3, 3, 0], [2, 2, 2, 2], [-1, -5, -1, -1]])
    reduction("ReduceMax", lambda p, d, k: p.amax(d, k), ties[..., None], "-ties")
    table.one("reduce-min-ties", "ReduceMin", lambda t: t["p"].amin(1, True), {"p": ties}, constants={"ax": integers(1)})
    table.one("reduce-prod-zeros", "ReduceProd", lambda t: t["p"].prod(1, True),
              {"p": np.float32([[1, 0, 3, 2, 4], [0, 0, 1, 2, 5], [2, 3, 4, 5, 6]])}, constants={"ax": integers(1)})
    table.one("reduce-l2-zero", "ReduceL2", lambda t: torch.linalg.vector_norm(t["p"], 2, 1, True),
              {"p": np.float32([[0, 0], [3, 4]])}, constants={"ax": integers(1)})
    table.one("log-softmax", "LogSoftmax", lambda t: torch.log_softmax(t["p"], 1), {"p": f(3, 4, 5)}, {"axis": 1})
    table.one("log-softmax-large", "LogSoftmax", lambda t: torch.log_softmax(t["p"], -1), {"p": f(3, 9, lo=-300, hi=300)})
    table.one("lp-normalization", "LpNormalization", lambda t: F.normalize(t["p"], 2, -1), {"p": f(3, 4)})
    table.one("lp-normalization-1", "LpNormalization", lambda t: F.normalize(t["p"], 1, 0), {"p": f(3, 4)}, {"axis": 0, "p": 1})


    table.cases.append(Case("reduce-sum-constant", [("ReduceSum", ["c", "ax"], ["s"], {}), ("Mul", ["s", "p"], ["y"], {})],
                            lambda t: t["c"].sum(0, True) * t["p"], {"p": f(2, 3), "x": f(1, 1)},
                            constants={"c": np.full((4, 3), 0.5, np.float32), "ax": integers(0)}))


def normalizations(table):
    norm = {"p": f(6), "pb": f(6)}
    groups = {"num_groups": 2, "epsilon": 1e-3}
    table.one("group-norm-21", "GroupNormalization", lambda t: F.group_norm(t["px"], 2, t["p"], t["pb"], 1e-3),
              {"px": f(2, 6, 3, 2), **norm}, groups)
    each = lambda v: v.repeat_interleave(3)
    table.one("group-norm-18", "GroupNormalization",
              lambda t: F.group_norm(t["px"], 2, each(t["p"]), each(t["pb"]), 1e-3),
              {"px": f(2, 6, 4), "p": f(2), "pb": f(2)}, groups, opset=18)
    table.one("instance-norm", "InstanceNormalization", lambda t: F.instance_norm(t["px"], None, None, t["p"], t["pb"], True, 0, 1e-5),
              {"px": f(2, 6, 3, 4), **norm})
    table.one("batch-norm", "BatchNormalization",
              lambda t: F.batch_norm(t["px"], t["m"], t["v"], t["p"], t["pb"], False, 0, 1e-5), {"px": f(2, 6, 3), **norm},
              constants={"m": f(6), "v": f(6, lo=0.5)})
    for shape in ((1, 4), (3, 4), (3, 1), (), (1,), (2, 1, 1)):
        table.one(f"layer-norm-scale-{shape}", "LayerNormalization", lambda t: F.layer_norm(t["px"], (4,)) * t["p"] + t["pb"],
                  {"px": f(2, 3, 4), "p": f(*shape), "pb": f(3, 1)}, {"axis": -1})
    table.one("layer-norm-square", "LayerNormalization", lambda t: F.layer_norm(t["px"], (4, 4)) * t["p"],
              {"px": f(2, 4, 4), "p": f(4, 1)}, {"axis": 1})
    table.one("rms-norm-scale", "RMSNormalization", lambda t: F.rms_norm(t["px"], (4,), None, 1e-5) * t["p"],
              {"px": f(2, 3, 4), "p": f(3, 4)}, opset=23)


def moves(table):
    table.one("tile", "Tile", lambda t: t["p"].repeat(2, 1, 3), {"p": f(2, 3, 4)}, constants={"r": integers(2, 1, 3)})
    for name, start, end, axis, step, fn in (
            ("slice-backwards", 3, -9, 1, -1, lambda p: p.flip(1)),
            ("slice-backwards-2", -1, 0, 0, -2, lambda p: p[[4, 2]]),
            ("slice-step", 1, 99, 1, 2, lambda p: p[:, 1::2]),
            ("slice-step-rows", 0, 5, 0, 3, lambda p: p[::3])):
        table.one(name, "Slice", lambda t, fn=fn: fn(t["p"]), {"p": f(5, 4)},
                  constants={"s": integers(start), "e": integers(end), "a": integers(axis), "st": integers(step)})

    def pad(name, pads, fn, mode="constant", value=None, axes=None, p=f(3, 5)):
        constants = {"pads": integers(*pads)}
        if value is not None:
            constants["v"] = np.float32(value)
        if axes is not None:
            constants["axes"] = integers(*axes)
        table.one(name, "Pad", lambda t: fn(t["p"]), {"p": p}, {"mode": mode}, constants=constants,
                  inputs=["p", "pads", "v" if value is not None else "", *(["axes"] if axes is not None else [])])

    pad("pad", (1, 2, 0, 1), lambda p: F.pad(p, (2, 1, 1, 0)))
    pad("pad-value", (0, 1, 2, 0), lambda p: F.pad(p, (1, 0, 0, 2), value=0.5), value=0.5)
    pad("pad-axes", (1, 2), lambda p: F.pad(p, (1, 2)), axes=(-1,))
    pad("pad-negative", (-1, 2, 1, -3), lambda p: F.pad(p, (2, -3, -1, 1)))
    pad("pad-reflect", (0, 2, 0, 4), lambda p: F.pad(p[None], (2, 4), mode="reflect")[0], "reflect")
    pad("pad-edge", (0, 2, 0, 3), lambda p: F.pad(p[None], (2, 3), mode="replicate")[0], "edge")
    pad("pad-wrap", (0, 2, 0, 3), lambda p: F.pad(p[None], (2, 3), mode="circular")[0], "wrap")
    table.one("pad-trained-value", "Pad", lambda t: torch.cat([t["pv"].expand(3, 2), t["p"]], 1), {"p": f(3, 5), "pv": np.float32(0.3)},
              constants={"pads": integers(0, 2, 0, 0)}, inputs=["p", "pads", "pv"])
    table.one("trilu", "Trilu", lambda t: t["p"].triu(1), {"p": f(2, 4, 5)}, constants={"k": np.int64(1)})
    table.one("tril", "Trilu", lambda t: t["p"].tril(), {"p": f(4, 5)}, {"upper": 0})
    table.cases.append(Case("non-zero", [("NonZero", ["c"], ["i"], {}), ("Transpose", ["i"], ["t"], {"perm": [1, 0]}),
                                         ("GatherND", ["p", "t"], ["y"], {})],
                            lambda t: t["p"][t["c"] != 0], {"p": f(2, 3), "x": f(1, 1)},
                            constants={"c": np.float32([[0, 1, 0], [2, 0, 3]])}))
    table.one("one-hot", "OneHot", lambda t: F.one_hot(t["xi"] % 5, 5) * (t["pv"][1] - t["pv"][0]) + t["pv"][0],
              {"xi": np.int64([[0, 4], [-1, 2]]), "pv": f(2)}, constants={"depth": integers(5)}, inputs=["xi", "depth", "pv"])
    table.one("depth-to-space", "DepthToSpace", lambda t: F.pixel_shuffle(t["p"], 2), {"p": f(1, 8, 2, 3)},
              {"blocksize": 2, "mode": "CRD"})
    table.one("space-to-depth", "SpaceToDepth",
              lambda t: t["p"].reshape(1, 2, 2, 2, 3, 2).permute(0, 3, 5, 1, 2, 4).reshape(1, 8, 2, 3), {"p": f(1, 2, 4, 6)},
              {"blocksize": 2})


def selections(table):
    ids = np.int64([[0, 2, 5], [1, 5, 5], [3, 0, 4]])
    table.one("gather-elements", "GatherElements", lambda t: t["p"].gather(1, t["xi"]), {"p": f(3, 6), "xi": ids}, {"axis": 1})
    table.one("gather-elements-0", "GatherElements", lambda t: t["p"][:, :3].gather(0, t["xi"]), {"p": f(6, 4), "xi": ids})
    table.one("gather-nd", "GatherND", lambda t: t["p"][t["xi"][..., 0], t["xi"][..., 1]],
              {"p": f(4, 4, 2), "xi": np.int64([[[3, 1], [0, 2]], [[1, 1], [3, 1]]])})
    table.cases.append(Case("integer-reductions", [("ReduceMax", ["xi", "ax"], ["m"], {}), ("ReduceMin", ["xi", "ax"], ["l"], {}),
                                                   ("ReduceSum", ["xi", "ax"], ["s"], {}), ("Add", ["m", "l"], ["a"], {}),
                                                   ("Add", ["a", "s"], ["b"], {}), ("Cast", ["b"], ["c"], {"to": 1}),
                                                   ("Mul", ["c", "p"], ["y"], {})],
                            lambda t: (t["xi"].amax(1, True) + t["xi"].amin(1, True) + t["xi"].sum(1, True)) * t["p"],
                            {"xi": np.int64([[5, -7, 3], [-1, -2, -9]]), "p": f(2, 4)}, constants={"ax": integers(1)}))
    table.one("top-k", "TopK", lambda t: torch.topk(t["p"], 2, -1).values, {"p": f(3, 4, 6)}, constants={"k": integers(2)},
              results=("y", "i"))
    table.one("top-k-smallest", "TopK", lambda t: torch.topk(t["p"], 3, 0, largest=False).values, {"p": f(5, 4)},
              {"axis": 0, "largest": 0}, constants={"k": integers(3)}, results=("y", "i"))
    table.cases.append(Case("arg-max", [("ArgMax", ["p"], ["i"], {"axis": 1}), ("GatherElements", ["p", "i"], ["y"], {"axis": 1})],
                            lambda t: t["p"].max(1, True).values, {"p": f(3, 6), "x": f(1, 1)}))
    table.cases.append(Case("arg-min-last", [("ArgMin", ["p"], ["i"], {"axis": 1, "select_last_index": 1}),
                                             ("GatherElements", ["p", "i"], ["y"], {"axis": 1})],
                            lambda t: t["p"].gather(1, torch.tensor([[3], [1]])),
                            {"p": np.float32([[1, 0, 2, 0], [5, 4, 7, 6]]), "x": f(1, 1)}))
    data = {"p": f(3, 6), "xi": np.int64([[0, 2], [5, 1], [3, 4]]), "pu": f(3, 2)}
    table.one("scatter-elements", "ScatterElements", lambda t: t["p"].scatter(1, t["xi"], t["pu"]), data, {"axis": 1})
    table.one("scatter-elements-add", "ScatterElements", lambda t: t["p"].scatter_add(1, t["xi"], t["pu"]),
              {**data, "xi": np.int64([[0, 0], [5, 1], [3, 3]])}, {"axis": 1, "reduction": "add"})
    table.one("scatter-elements-rows", "ScatterElements", lambda t: t["p"].scatter(0, t["xi"], t["pu"]),
              {"p": f(5, 4), "xi": np.int64([[0, 2], [4, 1]]), "pu": f(2, 2)})
    table.one("scatter-nd", "ScatterND", lambda t: t["p"].index_put((t["xi"][:, 0],), t["pu"]),
              {"p": f(5, 4), "xi": np.int64([[3], [0]]), "pu": f(2, 4)})
    table.one("scatter-nd-constant", "ScatterND", lambda t: t["p"].index_put((t["i"][:, 0], t["i"][:, 1]), t["pu"]),
              {"p": f(4, 3), "pu": f(3)}, constants={"i": np.int64([[2, 0], [0, 2], [3, 0]])}, inputs=["p", "i", "pu"])
    table.one("scatter-nd-elements", "ScatterND", lambda t: t["p"].index_put((t["xi"][:, 0], t["xi"][:, 1]), t["pu"], accumulate=True),
              {"p": f(3, 3), "xi": np.int64([[2, 1], [0, 2], [2, 1]]), "pu": f(3)}, {"reduction": "add"})


def products(table):
    shapes = {"a": 2, "b": 3, "c": 4, "d": 5, "h": 2, "i": 3, "j": 4, "n": 2, "q": 3, "k": 4}
    for equation in ("ab,bc->ac", "ab,bc", "ba,bc->ca", "abc,abd->adc", "ab,ab->a", "ab,ab->", "a,b->ab", "ab->ba", "ab->b",
                     "ab,cb->", "nhqd,nhkd->nhqk", "nqhd,nkhd->nhqk", "ab,bc,cd->ad", "ab,bc,b->ac", "ab,cd->abcd",
                     "abc,c->ab", "abc,d->ab", "ab,ab->ab"):
        terms = equation.split("->")[0].split(",")
        names = ["p", "pq", "pr"][:len(terms)]
        table.one(f"einsum-{equation}", "Einsum",
                  lambda t, e=equation, names=names: torch.einsum(e, *(t[n] for n in names)),
                  {n: f(*(shapes[l] for l in term)) for n, term in zip(names, terms)}, {"equation": equation})
    table.one("einsum-dots", "Einsum", lambda t: torch.einsum("...ij,...jk->...ik", t["p"], t["pq"]),
              {"p": f(2, 3, 4, 5), "pq": f(3, 5, 2)}, {"equation": "...ij,...jk->...ik"})
    table.one("einsum-ones", "Einsum", lambda t: torch.einsum("ab,ab->ab", t["p"], t["pq"]), {"p": f(3, 1), "pq": f(3, 4)},
              {"equation": "ab, ab -> ab"})


def windows(table):
    def conv(name, shape, weight, attributes, fn):
        values = {"px": f(*shape), "p": f(*weight), "pb": f(weight[0])}
        table.one(name, "Conv", lambda t: fn(t["px"], t["p"], t["pb"]), values, attributes)

    conv("conv-1d", (2, 4, 11), (6, 2, 3), {"group": 2, "dilations": [2]},
         lambda x, w, b: F.conv1d(x, w, b, groups=2, dilation=2))
    conv("conv-2d", (2, 3, 8, 7), (4, 3, 3, 2), {"strides": [2, 1], "pads": [1, 0, 1, 0]},
         lambda x, w, b: F.conv2d(x, w, b, (2, 1), (1, 0)))
    conv("conv-2d-pointwise", (2, 3, 4, 5), (4, 3, 1, 1), {}, F.conv2d)
    conv("conv-2d-patches", (2, 3, 8, 4), (5, 3, 4, 2), {"strides": [4, 2], "kernel_shape": [4, 2]},
         lambda x, w, b: F.conv2d(x, w, b, (4, 2)))
    conv("conv-2d-depthwise", (1, 4, 6, 6), (4, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1]},
         lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=4))
    conv("conv-1d-apart", (2, 2, 3), (2, 1, 1), {"group": 2, "strides": [2], "dilations": [2]},
         lambda x, w, b: F.conv1d(x, w, b, 2, 0, 2, 2))
    conv("conv-same", (1, 2, 7), (3, 2, 4), {"auto_pad": "SAME_UPPER"},
         lambda x, w, b: F.conv1d(F.pad(x, (1, 2)), w, b))
    conv("conv-causal", (2, 3, 6), (3, 3, 3), {"pads": [2, 0]}, lambda x, w, b: F.conv1d(F.pad(x, (2, 0)), w, b))

    def pool(name, op, fn, attributes, p=f(2, 3, 7, 6)):
        table.one(name, op, lambda t: fn(t["p"]), {"p": p}, attributes)

    pool("max-pool", "MaxPool", lambda p: F.max_pool2d(p, (3, 2), (2, 2), (1, 0)),
         {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 0]})
    pool("max-pool-ties", "MaxPool", lambda p: F.max_pool1d(p, 2), {"kernel_shape": [2], "strides": [2]},
         np.float32([[[0, 0, 1, 1, 2, 1]]]))
    pool("max-pool-ceil", "MaxPool", lambda p: F.max_pool2d(p, 3, 2, ceil_mode=True),
         {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1})
    pool("average-pool", "AveragePool", lambda p: F.avg_pool2d(p, 3, 2, 1, count_include_pad=False),
         {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]})
    pool("average-pool-padding", "AveragePool", lambda p: F.avg_pool2d(p, 3, 2, 1, ceil_mode=True),
         {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "count_include_pad": 1, "ceil_mode": 1})
    pool("global-average-pool", "GlobalAveragePool", lambda p: p.mean((2, 3), True), {})
    pool("global-max-pool", "GlobalMaxPool", lambda p: F.adaptive_max_pool2d(p, 1), {})


def cases():
    table = Table()
    for add in (activations, reductions, normalizations, moves, selections, products, windows):
        add(table)
    return table.cases
