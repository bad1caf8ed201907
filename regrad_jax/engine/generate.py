"""Prefill and decoding in one, for callers that are compiled programs themselves."""

import jax
import jax.numpy as jnp

from regrad_jax.engine.decode import decode
from regrad_jax.engine.prefill import prefill
from regrad_jax.models.decoder import HeadFn, SplitDecoder


def generate(
    decoder: SplitDecoder,
    head: HeadFn,
    prompts_BxT: jax.Array,
    lengths_B: jax.Array,
    stops_V: jax.Array,
    max_new_tokens: int,
) -> jax.Array:
    """Decodes greedily.

    Args:
        decoder: the frozen network.
        head: the upper layers, adapted or not.
        prompts_BxT: int32 prompts, padded on the right.
        lengths_B: int32 prompt lengths, at least 1.
        stops_V: bool, the tokens that end an answer.
        max_new_tokens: M.

    Returns:
        out_BxM int32: the new tokens with the one that stopped them, then -1.
    """
    limits_B = jnp.full(len(prompts_BxT), max_new_tokens, jnp.int32)
    state = prefill(decoder, head, stops_V, prompts_BxT, lengths_B, limits_B, None, max_new_tokens)
    return decode(decoder, head, stops_V, state, max_new_tokens).out_BxM
