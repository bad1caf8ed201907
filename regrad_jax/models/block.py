"""One layer of a Llama-family decoder in Flax Linen: attention and a gated MLP.

Three matrices of the MLP, the projections "gate", "up" and "down", can have adapters beside them (`Chains`).
The same projections, and one matrix of each adapter, can be measured (`Probes`). Inner rules use this to see
what an adapter's gradient is made of.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.precision import wide
from regrad_jax.models.rotary import rotate

# An adapter's matrices beside one projection W, each L x out x in with sizes of its own. The chain (F_1, ...,
# F_n) turns y = W x into y = W x + F_n ... F_1 x.
Chain = tuple[jax.Array, ...]
Chains = Mapping[str, Chain]  # by projection: "gate", "up", "down"
Cache = tuple[jax.Array, jax.Array]  # keys and values, each L x B x S x Kv x d


class Probes(NamedTuple):
    """Measures two kinds of matrices: frozen projections W, and the second matrix of a chain.

    The gradient of a loss in the matrix M of y = M x is sum_t c_t x_t^T, a sum over the tokens t. The
    cotangent c_t is the loss's derivative in y_t. To give both factors, a run of the network takes `Probes`
    of offsets, and adds each offset to its y. The derivative of the loss in an offset of zeros is the
    cotangent c. The run returns `Probes` of the inputs x.

    Attributes:
        projections: target (the name of a projection) -> offsets (L, B, T, out) or inputs (L, B, T, in).
        cores: target -> offsets (L, B, T, r) or inputs (L, B, T, r) of the chain's second matrix, which is R
            in a core adapter's chain (A, R, B).
    """

    projections: Mapping[str, jax.Array]
    cores: Mapping[str, jax.Array]


NO_PROBES = Probes({}, {})


class Block(nn.Module):
    """One decoder layer: attention, then the MLP. Each follows an RMS norm and is added to the stream.

    A decoder scans one kind of block over its layers. A block takes the stream, the positions, and of its
    layer the chains, the cache and the probes; it returns the stream, the cache and the inputs of what is
    probed.
    """

    config: DecoderConfig
    dtype: Any

    @nn.compact
    def __call__(self, x_BxTxD, positions_BxT, chains: Chains, cache: Cache | None, probes: Probes):
        attended, cache = self._attention(self._norm("attn_norm")(x_BxTxD), positions_BxT, cache)
        x_BxTxD = x_BxTxD + attended
        output, inputs = self._mlp(self._norm("mlp_norm")(x_BxTxD), chains, probes)
        return x_BxTxD + output, (cache, inputs)

    def _norm(self, name: str) -> nn.Module:
        return nn.RMSNorm(epsilon=self.config.norm_eps, dtype=self.dtype, name=name)

    def _attention(self, x, positions_BxT, cache):
        cfg = self.config
        dense = functools.partial(nn.Dense, dtype=self.dtype, use_bias=cfg.qkv_bias)
        heads = lambda name, count: dense(count * cfg.head_dim, name=name)(x).reshape(
            *x.shape[:-1], count, cfg.head_dim
        )
        q, k, v = heads("q", cfg.heads), heads("k", cfg.kv_heads), heads("v", cfg.kv_heads)
        if cfg.qk_norm:
            q, k = self._norm("q_norm")(q), self._norm("k_norm")(k)
        q, k = rotate(q, positions_BxT, cfg), rotate(k, positions_BxT, cfg)
        if cache is not None:  # slot s of the cache holds position s, so a write goes to its position
            rows = jnp.arange(x.shape[0])[:, None]
            k = cache[0].at[rows, positions_BxT].set(k.astype(cache[0].dtype))
            v = cache[1].at[rows, positions_BxT].set(v.astype(cache[1].dtype))
            cache = (k, v)
        mixed = _attend(q, k, v, positions_BxT, cfg.sliding_window)
        out = nn.Dense(cfg.width, dtype=self.dtype, use_bias=False, name="o")
        return out(mixed.reshape(*x.shape[:-1], cfg.heads * cfg.head_dim)), cache

    def _mlp(self, x, chains: Chains, probes: Probes):
        projection_inputs: dict[str, jax.Array] = {}
        core_inputs: dict[str, jax.Array] = {}

        def project(name: str, x, width: int):
            y = nn.Dense(width, dtype=self.dtype, use_bias=False, name=name)(x)
            if name in chains:
                added, keys = _chained(x, chains[name], probes.cores.get(name))
                y = y + added
                if name in probes.cores:
                    core_inputs[name] = keys
            if name in probes.projections:
                projection_inputs[name] = x
                y = y + probes.projections[name].astype(y.dtype)
            return y

        gate, up = project("gate", x, self.config.mlp_dim), project("up", x, self.config.mlp_dim)
        output = project("down", nn.silu(gate) * up, self.config.width)
        return output, Probes(projection_inputs, core_inputs)


def _chained(x, chain: Chain, offset):
    """Returns (F_n ... F_3 (F_2 F_1 x + offset), F_1 x)."""
    first, second, *others = (matrix.astype(x.dtype) for matrix in chain)
    keys = x @ first.T
    x = keys @ second.T
    if offset is not None:
        x = x + offset.astype(x.dtype)
    for matrix in others:
        x = x @ matrix.T
    return x, keys


def _attend(q_BxTxHxd, k_BxSxKvxd, v_BxSxKvxd, positions_BxT, window: int | None):
    """Causal grouped-query attention; slot s of keys and values holds position s."""
    *batch, length, heads, dim = q_BxTxHxd.shape
    kv_heads, slots = k_BxSxKvxd.shape[-2], k_BxSxKvxd.shape[-3]
    q = q_BxTxHxd.reshape(*batch, length, kv_heads, heads // kv_heads, dim)
    statistics = wide(q.dtype)
    scores = jnp.einsum("...tkgd,...skd->...kgts", q, k_BxSxKvxd, preferred_element_type=statistics)
    slot = jnp.arange(slots)
    visible = slot <= positions_BxT[..., None]
    if window is not None:
        visible &= slot > positions_BxT[..., None] - window
    scores = jnp.where(visible[..., None, None, :, :], scores * dim**-0.5, -jnp.inf)
    weights = jax.nn.softmax(scores, axis=-1).astype(v_BxSxKvxd.dtype)
    return jnp.einsum("...kgts,...skd->...tkgd", weights, v_BxSxKvxd)
