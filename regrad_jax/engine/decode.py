"""Token after token: one decoding step, and the loop over it, on a state that the caller holds.

The state is explicit, so that a caller may stop after any number of steps, look at what has been emitted
(streaming), or put a new sequence in the place of one that is done (`insert`), and go on with the same
compiled step. Slot s of a cache holds position s of its sequence.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from regrad_jax.engine.sampling import SamplingBatch, choose
from regrad_jax.models.decoder import Cache, HeadFn, SplitDecoder


class DecodeState(NamedTuple):
    """B sequences under way.

    Attributes:
        out_BxM: int32 tokens emitted so far, -1 after them.
        emitted_B: int32, how many there are.
        done_B: bool; what is done emits nothing more.
        lengths_B: int32, the lengths of the prompts.
        limits_B: int32, the most tokens to emit.
        sampling: how tokens are chosen; None chooses the most likely one.
        caches: keys and values of trunk and head.
    """

    out_BxM: jax.Array
    emitted_B: jax.Array
    done_B: jax.Array
    lengths_B: jax.Array
    limits_B: jax.Array
    sampling: SamplingBatch | None
    caches: tuple[Cache, Cache]


def emit(state: DecodeState, tokens_B: jax.Array, stops_V: jax.Array) -> DecodeState:
    """Returns the state after every sequence that is not done has emitted its token."""
    rows_B = jnp.arange(len(tokens_B))
    places_B = jnp.where(state.done_B, state.out_BxM.shape[1], state.emitted_B)  # a place outside drops
    emitted_B = jnp.where(state.done_B, state.emitted_B, state.emitted_B + 1)
    return state._replace(
        out_BxM=state.out_BxM.at[rows_B, places_B].set(tokens_B, mode="drop"),
        emitted_B=emitted_B,
        done_B=state.done_B | stops_V[tokens_B] | (emitted_B >= state.limits_B),
    )


def step(decoder: SplitDecoder, head: HeadFn, stops_V: jax.Array, state: DecodeState) -> DecodeState:
    """Feeds every sequence its last token and emits the next one."""
    rows_B, last_B = jnp.arange(len(state.emitted_B)), state.emitted_B - 1
    tokens_Bx1 = state.out_BxM[rows_B, last_B][:, None]
    positions_Bx1 = (state.lengths_B + last_B)[:, None]
    hidden_Bx1xD, trunk_cache = decoder.trunk(tokens_Bx1, positions_Bx1, state.caches[0])
    features_Bx1xD, head_cache = head(hidden_Bx1xD, positions_Bx1, state.caches[1])
    logits_BxV = decoder.logits(features_Bx1xD[:, 0])
    state = state._replace(caches=(trunk_cache, head_cache))
    return emit(state, choose(logits_BxV, state.sampling, state.emitted_B), stops_V)


def decode(
    decoder: SplitDecoder,
    head: HeadFn,
    stops_V: jax.Array,
    state: DecodeState,
    steps: int | jax.Array,
) -> DecodeState:
    """Takes at most so many steps, fewer where all sequences are done before.

    Args:
        decoder: the frozen network.
        head: the upper layers under the parameters that the state was prefilled with.
        stops_V: bool, the tokens that end a sequence.
        state: from `prefill` or an earlier call.
        steps: may be traced, so that one compiled program serves any number.
    """

    def unfinished(turn: tuple[jax.Array, DecodeState]) -> jax.Array:
        taken, state = turn
        return (taken < steps) & ~jnp.all(state.done_B)

    def one(turn: tuple[jax.Array, DecodeState]) -> tuple[jax.Array, DecodeState]:
        taken, state = turn
        return taken + 1, step(decoder, head, stops_V, state)

    return jax.lax.while_loop(unfinished, one, (jnp.int32(0), state))[1]


def insert(state: DecodeState, row: int, other: DecodeState, other_row: int) -> DecodeState:
    """Returns the state with a sequence of another state in the place of one of its own.

    Both states have the same capacity and cache slots, and both are sampled or neither is. The head that
    goes on with the state must have the adapted parameters of the new sequence in that row too.
    """
    take = lambda axis: (
        lambda here, there: here.at[(slice(None),) * axis + (row,)].set(
            there[(slice(None),) * axis + (other_row,)]
        )
    )
    flat, flat_other = (s._replace(caches=None) for s in (state, other))  # type: ignore[arg-type]
    merged = jax.tree.map(take(0), flat, flat_other)
    # Layers are a cache's first axis, so its batch axis is 1.
    return merged._replace(caches=jax.tree.map(take(1), state.caches, other.caches))
