"""Greedy decoding with a key/value cache, for a batch in which every sequence may have its own head.

Prefill runs the whole prompts once; then a loop feeds one token a sequence until all have stopped.
Slot s of a cache holds position s: a right-padded prompt leaves rubbish behind its length, which the
new tokens overwrite before any query can see it. One compilation serves one (batch, prompt length,
new tokens) triple.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from regrad_jax.models.decoder import Cache, HeadFn, SplitDecoder


class _Loop(NamedTuple):
    step: jax.Array
    token_B: jax.Array
    done_B: jax.Array
    out_BxM: jax.Array
    caches: tuple[Cache, Cache]


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
        head: the (adapted) upper layers.
        prompts_BxT: int32 prompts, right-padded.
        lengths_B: int32 prompt lengths, at least 1.
        stops_V: bool, the tokens that end an answer.
        max_new_tokens: M.

    Returns:
        int32 tokens of shape (B, M): the answer, its stop token, then -1.
    """
    batch, length = prompts_BxT.shape

    def run(tokens_BxT, positions_BxT, caches):
        hidden, trunk_cache = decoder.trunk(tokens_BxT, positions_BxT, caches[0])
        features, head_cache = head(hidden, positions_BxT, caches[1])
        return features, (trunk_cache, head_cache)

    def pick(features_BxD):
        return jnp.argmax(decoder.logits(features_BxD), axis=-1).astype(jnp.int32)

    positions = jnp.broadcast_to(jnp.arange(length), (batch, length))
    caches = decoder.empty_cache(batch, length + max_new_tokens)
    features, caches = run(prompts_BxT, positions, caches)
    first_B = pick(features[jnp.arange(batch), lengths_B - 1])

    def emit(state: _Loop) -> _Loop:
        out = state.out_BxM.at[:, state.step].set(jnp.where(state.done_B, -1, state.token_B))
        done_B = state.done_B | stops_V[state.token_B]
        positions = (lengths_B + state.step)[:, None]
        features, caches = run(state.token_B[:, None], positions, state.caches)
        return _Loop(state.step + 1, pick(features[:, 0]), done_B, out, caches)

    def unfinished(state: _Loop):
        return (state.step < max_new_tokens) & ~jnp.all(state.done_B)

    start = _Loop(
        jnp.int32(0), first_B, jnp.zeros(batch, bool), jnp.full((batch, max_new_tokens), -1), caches
    )
    return jax.lax.while_loop(unfinished, emit, start).out_BxM
