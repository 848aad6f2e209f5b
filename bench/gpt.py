"""The GPT that all contestants train."""

import torch
from torch import nn
from torch.nn import functional as F

WORKS = {
    "large": dict(layers=8, hidden=512, heads=8, sequence=128, vocabulary=8192),
    "small": dict(layers=8, hidden=128, heads=4, sequence=64, vocabulary=256),
}
MICROBATCHES, MICROBATCH = 8, 2


def flop(work):
    """Floating-point operations of one training step."""
    c, h = work, work["hidden"]
    tokens = MICROBATCHES * MICROBATCH * c["sequence"]
    linear = c["layers"] * 12 * h * h + h * c["vocabulary"]
    attention = 12 * c["layers"] * c["sequence"] * h * tokens
    return 6 * linear * tokens + attention


class Embedding(nn.Module):
    def __init__(self, hidden, sequence, vocabulary, **_):
        super().__init__()
        self.token = nn.Embedding(vocabulary, hidden)
        self.position = nn.Embedding(sequence, hidden)

    def forward(self, ids):
        return self.token(ids) + self.position(torch.arange(ids.shape[1]))


class Attention(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)

    def forward(self, x):
        batch, sequence, hidden = x.shape
        shape = batch, sequence, self.heads, hidden // self.heads
        q, k, v = (t.view(shape).transpose(1, 2) for t in self.qkv(x).split(hidden, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(batch, sequence, hidden))


class Block(nn.Module):
    def __init__(self, hidden, heads, **_):
        super().__init__()
        self.norm1 = nn.LayerNorm(hidden)
        self.attention = Attention(hidden, heads)
        self.norm2 = nn.LayerNorm(hidden)
        self.up = nn.Linear(hidden, 4 * hidden)
        self.down = nn.Linear(4 * hidden, hidden)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Head(nn.Module):
    def __init__(self, hidden, vocabulary, **_):
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.logits = nn.Linear(hidden, vocabulary, bias=False)

    def forward(self, x):
        return self.logits(self.norm(x))


class GPT(nn.Module):
    """`work` is an entry of WORKS."""

    def __init__(self, work):
        super().__init__()
        self.embedding = Embedding(**work)
        self.blocks = nn.ModuleList(Block(**work) for _ in range(work["layers"]))
        self.head = Head(**work)

    def forward(self, ids):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def make(work):
    """The model with the weights that every contestant starts from."""
    torch.manual_seed(0)
    model = GPT(work)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.02)
    return model


def make_data(work, steps):
    """Token ids and their labels for some steps: a sequence worth learning."""
    generator = torch.Generator().manual_seed(1)
    samples, sequence = steps * MICROBATCHES * MICROBATCH, work["sequence"]
    start = torch.randint(0, work["vocabulary"], (samples, 1), generator=generator)
    jump = torch.randint(1, 4, (samples, sequence), generator=generator).cumsum(1)
    ids = torch.cat([start, start + jump], 1) % work["vocabulary"]
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
