"""What all contestants train: a GPT (examples/gpt.py) or a LLaMA (transformers), its weights and data.

A work has a name: "large", "small", "gpt2" (of its sizes), or MODEL-HIDDEN-SEQUENCE as in gpt-512-1024, with -LAYERS behind
it for another number of layers."""

import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "examples"))
import gpt  # noqa: E402

WORKS = {
    "large": dict(model="gpt", layers=8, hidden=512, heads=8, sequence=128, vocabulary=8192, microbatches=8, microbatch=2),
    "gpt2": dict(model="gpt", layers=12, hidden=768, heads=12, sequence=1024, vocabulary=50257, microbatches=2, microbatch=1),
    "small": dict(model="gpt", layers=8, hidden=128, heads=4, sequence=64, vocabulary=256, microbatches=8, microbatch=2),
}
HIDDEN = [128, 512, 1024]
SEQUENCES = [64, 128, 512, 1024, 4096]
TOKENS = 512  # of a micro-batch, unless a sequence has more


def work(name):
    """The work of this name."""
    if name in WORKS:
        return WORKS[name]
    model, *sizes = name.split("-")
    if model not in ("gpt", "llama") or len(sizes) not in (2, 3) or not all(size.isdecimal() for size in sizes):
        raise ValueError(f"work {name}: expected {', '.join(WORKS)}, gpt-HIDDEN-SEQUENCE or llama-HIDDEN-SEQUENCE")
    hidden, sequence, *layers = map(int, sizes)
    return dict(model=model, layers=layers[0] if layers else 2 if hidden > 512 else 4, hidden=hidden, heads=max(hidden // 64, 2), sequence=sequence,
                vocabulary=1024, microbatches=2 if sequence > 1024 else 4, microbatch=max(TOKENS // sequence, 1))


def tokens(work):
    """Tokens of one training step."""
    return work["microbatches"] * work["microbatch"] * work["sequence"]


def sizes(work):
    """A LLaMA's width inside its MLP and number of heads of keys and values."""
    return -(-work["hidden"] * 8 // 3 // 64) * 64, max(work["heads"] // 2, 1)


def flop(work):
    """Floating-point operations of one training step. Of attention's matrices, what a causal mask leaves."""
    c, h = work, work["hidden"]
    if c["model"] == "gpt":
        block = 12 * h * h
    else:
        inside, kv = sizes(work)
        block = 2 * h * h + 2 * h * h * kv // c["heads"] + 3 * h * inside
    linear = c["layers"] * block + h * c["vocabulary"]
    return (6 * linear + 6 * c["layers"] * c["sequence"] * h) * tokens(work)


def make(work):
    """The model with the weights that every contestant starts from; called with ids it gives logits."""
    torch.manual_seed(0)
    if work["model"] == "gpt":
        names = ("vocabulary", "layers", "hidden", "heads", "sequence")
        return gpt.gpt(**{name: work[name] for name in names}, tied=False)
    import transformers

    inside, kv = sizes(work)
    config = transformers.LlamaConfig(
        num_hidden_layers=work["layers"], hidden_size=work["hidden"], intermediate_size=inside,
        vocab_size=work["vocabulary"], num_attention_heads=work["heads"], num_key_value_heads=kv,
        max_position_embeddings=work["sequence"], tie_word_embeddings=False, use_cache=False,
        attn_implementation="sdpa")
    return Logits(transformers.LlamaForCausalLM(config))


class Logits(torch.nn.Module):
    """A model of transformers whose result is the logits."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids):
        return self.model(input_ids).logits


def make_data(work, steps):
    """Token ids and their labels for some steps: a sequence worth learning."""
    generator = torch.Generator().manual_seed(1)
    samples, sequence = steps * work["microbatches"] * work["microbatch"], work["sequence"]
    start = torch.randint(0, work["vocabulary"], (samples, 1), generator=generator)
    jump = torch.randint(1, 4, (samples, sequence), generator=generator).cumsum(1)
    ids = torch.cat([start, start + jump], 1) % work["vocabulary"]
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
