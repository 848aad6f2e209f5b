"""Writes models whose layers do not divide evenly, as test/models/make.py writes its own.

    python uneven.py OUT six-layers huge-layer
"""
import os
import sys

import transformers as tf
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "models"))
import make  # noqa: E402


def gpt2(layers):
    config = tf.GPT2Config(n_layer=layers, n_embd=32, n_head=4, vocab_size=make.VOCAB,
                           n_positions=make.SEQ, use_cache=False)
    return tf.GPT2LMHeadModel(config)


def huge_layer():
    """Three layers, the middle one with more work than the others together."""
    model = gpt2(3)
    model.transformer.h[1].mlp = GPT2MLP(2048, model.config)
    return model


make.MODELS = {
    "six-layers": (lambda: gpt2(6), False, ["input_ids"], "kept23"),
    "huge-layer": (huge_layer, False, ["input_ids"], "kept23"),
}
make.main()
