"""Reads whole prompts into the caches and chooses each sequence's first token."""

import jax
import jax.numpy as jnp

from regrad_jax.engine.decode import DecodeState, emit
from regrad_jax.engine.sampling import SamplingBatch, choose
from regrad_jax.models.decoder import HeadFn, SplitDecoder


def prefill(
    decoder: SplitDecoder,
    head: HeadFn,
    stops_V: jax.Array,
    prompts_BxT: jax.Array,
    lengths_B: jax.Array,
    limits_B: jax.Array,
    sampling: SamplingBatch | None,
    capacity: int,
) -> DecodeState:
    """Returns the state of B sequences that have each emitted one token.

    Args:
        decoder: the frozen network.
        head: the upper layers, adapted or not.
        stops_V: bool, the tokens that end a sequence.
        prompts_BxT: int32 prompts, padded on the right. The caches hold rubbish after a prompt's end; new
            tokens overwrite it before anything reads it.
        lengths_B: int32 prompt lengths, at least 1.
        limits_B: int32, the most tokens that each sequence may emit, at most `capacity`.
        sampling: as for `choose`.
        capacity: M, the tokens that the state has room for.
    """
    batch, length = prompts_BxT.shape
    trunk_cache, head_cache = decoder.empty_cache(batch, length + capacity)
    positions_BxT = jnp.broadcast_to(jnp.arange(length), (batch, length))
    hidden_BxTxD, trunk_cache = decoder.trunk(prompts_BxT, positions_BxT, trunk_cache)
    features_BxTxD, head_cache = head(hidden_BxTxD, positions_BxT, head_cache)
    state = DecodeState(
        out_BxM=jnp.full((batch, capacity), -1, jnp.int32),
        emitted_B=jnp.zeros(batch, jnp.int32),
        done_B=jnp.zeros(batch, bool),
        lengths_B=jnp.asarray(lengths_B, jnp.int32),
        limits_B=jnp.asarray(limits_B, jnp.int32),
        sampling=sampling,
        caches=(trunk_cache, head_cache),
    )
    logits_BxV = decoder.logits(features_BxTxD[jnp.arange(batch), state.lengths_B - 1])
    return emit(state, choose(logits_BxV, sampling, state.emitted_B), stops_V)
