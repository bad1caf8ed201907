"""Document gradients and logits of the tiny decoder, compiled once for the tests of several modules."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.adapter import AdapterConfig, chains
from regrad_jax.adaptation.inner import Documents, document_gradients
from regrad_jax.adaptation.parameters import MetaParams
from tests.tiny_models import decoder, inner_problem

LENGTHS = (9, 4, 9, 2, 4)  # of documents in a batch 12 wide
PADDING = (0, 96, 10_000, -100)  # the latter two are out of the vocabulary: their embedding is NaN
DAMPED = [("core", math.inf), ("core", 0.3), ("lora", math.inf), ("lora_b", math.inf)]


@functools.partial(jax.jit, static_argnames=("config", "damping", "steps"))
def gradients(config: AdapterConfig, meta: MetaParams, docs: Documents, damping=math.inf, steps=1):
    return document_gradients(decoder(), inner_problem(config, damping=damping, steps=steps), meta, docs)


@functools.partial(jax.jit, static_argnames="config")
def logits(config: AdapterConfig, theta, bases, tokens_BxT):
    features, _ = decoder().head(decoder().trunk(tokens_BxT)[0], chains(config, theta, bases))
    return decoder().logits(features)


def repadded(docs: Documents, padding: int, width: int) -> Documents:
    """The same documents in another width, with one token after all of them."""
    tokens = np.full((len(docs.lengths_N), width), padding, np.int32)
    for row, length in enumerate(docs.lengths_N):
        tokens[row, :length] = docs.tokens_NxT[row, :length]
    return Documents(jnp.asarray(tokens), docs.lengths_N)
