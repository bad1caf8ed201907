"""A Llama-family decoder in Flax, split at the first adapted layer.

    tokens --Trunk: embedding, layers [0, first)--> hidden --Head: layers [first, L), norm--> features
    features --> logits

The trunk holds no adapter, so nothing ever differentiates it and its output can be computed once a
text and kept. Adapters reach the head as *chains*: for a projection y = W x, a tuple of small
matrices (F_1, ..., F_n) adds F_n ... F_1 x. Every matrix is stacked over the head's layers and is
scanned with them. A vector for every token in a matrix's place is added to what has come so far; the gradient
in one of zeros is the cotangent there.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.errors import UserError
from regrad_jax.models.config import DecoderConfig, RopeScaling

Params = Mapping[str, Any]
Chain = tuple[jax.Array, ...]  # each L x out x in, applied first to last, or L x B x T x out, added
Chains = Mapping[str, Chain]  # keyed by projection: "gate", "up", "down"
Cache = tuple[jax.Array, jax.Array]  # keys and values, each L x B x S x Kv x head_dim
# (hidden_BxTxD, positions_BxT, cache) -> (features_BxTxD, cache)
HeadFn = Callable[[jax.Array, jax.Array, Cache | None], tuple[jax.Array, Any]]


def rotary_frequencies(config: DecoderConfig) -> jax.Array:
    """Returns the angular frequency of every rotated pair, float32 of shape (head_dim / 2,).

    RoFormer (Su et al., arXiv 2104.09864); the stretching of long wavelengths is Llama 3.1's.
    """
    exponents = jnp.arange(0, config.head_dim, 2, dtype=jnp.float32) / config.head_dim
    frequencies = 1.0 / config.rope_base**exponents
    if config.rope_scaling is None:
        return frequencies
    return _stretch(frequencies, config.rope_scaling)


def _stretch(frequencies: jax.Array, scaling: RopeScaling) -> jax.Array:
    # Turns that a pair makes over the original context decide: few turns are slowed by `factor`,
    # many are left alone, and between the two bounds the change is linear in the turns.
    turns = scaling.original_max_position * frequencies / (2 * jnp.pi)
    keep = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    keep = jnp.clip(keep, 0.0, 1.0)
    return frequencies * (keep + (1.0 - keep) / scaling.factor)


def rotate(x_BxTxHxd: jax.Array, positions_BxT: jax.Array, frequencies: jax.Array) -> jax.Array:
    """Rotates each head's (first half, second half) pairs by position times frequency, in float32."""
    angles = positions_BxT[..., None, None].astype(jnp.float32) * frequencies
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    first, second = jnp.split(x_BxTxHxd.astype(jnp.float32), 2, axis=-1)
    rotated = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return rotated.astype(x_BxTxHxd.dtype)


def apply_chain(x: jax.Array, chain: Chain) -> jax.Array:
    """Returns F_n ... F_1 x for x of (B, T, in) and factors of (out, in), or (B, T, out) to be added."""
    for factor in chain:
        factor = factor.astype(x.dtype)
        x = x + factor if factor.ndim == x.ndim else x @ factor.T
    return x


class Block(nn.Module):
    """One decoder layer: attention and gated MLP, each behind an RMS norm and added to the stream."""

    config: DecoderConfig
    dtype: Any

    @nn.compact
    def __call__(self, x_BxTxD, positions_BxT, chains: Chains, cache: Cache | None):
        norm = functools.partial(nn.RMSNorm, epsilon=self.config.norm_eps, dtype=self.dtype)
        attended, cache = self._attention(norm(name="attn_norm")(x_BxTxD), positions_BxT, cache)
        x_BxTxD = x_BxTxD + attended
        return x_BxTxD + self._mlp(norm(name="mlp_norm")(x_BxTxD), chains), cache

    def _attention(self, x, positions_BxT, cache):
        cfg = self.config
        dense = functools.partial(nn.Dense, dtype=self.dtype, use_bias=cfg.qkv_bias)
        heads = lambda name, count: dense(count * cfg.head_dim, name=name)(x).reshape(
            *x.shape[:-1], count, cfg.head_dim
        )
        q, k, v = heads("q", cfg.heads), heads("k", cfg.kv_heads), heads("v", cfg.kv_heads)
        if cfg.qk_norm:
            norm = functools.partial(nn.RMSNorm, epsilon=cfg.norm_eps, dtype=self.dtype)
            q, k = norm(name="q_norm")(q), norm(name="k_norm")(k)
        frequencies = rotary_frequencies(cfg)
        q, k = rotate(q, positions_BxT, frequencies), rotate(k, positions_BxT, frequencies)
        if cache is not None:  # slot s of the cache holds position s, so a write goes to its position
            rows = jnp.arange(x.shape[0])[:, None]
            k = cache[0].at[rows, positions_BxT].set(k.astype(cache[0].dtype))
            v = cache[1].at[rows, positions_BxT].set(v.astype(cache[1].dtype))
            cache = (k, v)
        mixed = _attend(q, k, v, positions_BxT, cfg.sliding_window)
        out = nn.Dense(cfg.width, dtype=self.dtype, use_bias=False, name="o")
        return out(mixed.reshape(*x.shape[:-1], cfg.heads * cfg.head_dim)), cache

    def _mlp(self, x, chains: Chains):
        def project(name, x, out):
            # Does nothing unless a caller asks for the collection (`SplitDecoder.head_*`), as offsets do.
            tell = lambda collection, value: self.sow(
                collection, f"{name}_{collection}", value, reduce_fn=lambda _, new: new, init_fn=lambda: None
            )
            y = nn.Dense(out, dtype=self.dtype, use_bias=False, name=name)(x)
            tell("inputs", x)
            if name in chains:
                first, *others = chains[name]
                keys = apply_chain(x, (first,))
                tell("keys", keys)
                y = y + apply_chain(keys, others)
            offset = self.get_variable("offsets", f"{name}_offsets")
            return y if offset is None else y + offset.astype(y.dtype)

        gate, up = project("gate", x, self.config.mlp_dim), project("up", x, self.config.mlp_dim)
        return project("down", nn.silu(gate) * up, self.config.width)


def _attend(q_BxTxHxd, k_BxSxKvxd, v_BxSxKvxd, positions_BxT, window: int | None):
    """Causal grouped-query attention; slot s of keys and values holds position s."""
    *batch, length, heads, dim = q_BxTxHxd.shape
    kv_heads, slots = k_BxSxKvxd.shape[-2], k_BxSxKvxd.shape[-3]
    q = q_BxTxHxd.reshape(*batch, length, kv_heads, heads // kv_heads, dim)
    scores = jnp.einsum("...tkgd,...skd->...kgts", q, k_BxSxKvxd, preferred_element_type=jnp.float32)
    slot = jnp.arange(slots)
    visible = slot <= positions_BxT[..., None]
    if window is not None:
        visible &= slot > positions_BxT[..., None] - window
    scores = jnp.where(visible[..., None, None, :, :], scores * dim**-0.5, -jnp.inf)
    weights = jax.nn.softmax(scores, axis=-1).astype(v_BxSxKvxd.dtype)
    return jnp.einsum("...kgts,...skd->...tkgd", weights, v_BxSxKvxd)


def _stack(config: DecoderConfig, count: int, dtype: Any, remat: bool = False) -> nn.Module:
    scanned = nn.scan(
        nn.remat(Block, prevent_cse=False) if remat else Block,
        variable_axes={"params": 0, "inputs": 0, "keys": 0, "offsets": 0},
        split_rngs={"params": True},
        in_axes=(nn.broadcast, 0, 0),
        length=count,
    )
    return scanned(config, dtype)


class Trunk(nn.Module):
    """Embedding and the first `count` layers, frozen and never adapted."""

    config: DecoderConfig
    count: int
    dtype: Any = jnp.float32

    def setup(self):
        self.embed = nn.Embed(self.config.vocab_size, self.config.width, dtype=self.dtype)
        self.layers = _stack(self.config, self.count, self.dtype)

    def __call__(self, tokens_BxT, positions_BxT, cache: Cache | None = None):
        hidden = self.embed(tokens_BxT)
        return self.layers(hidden, positions_BxT, {}, cache) if self.count else (hidden, cache)


class Head(nn.Module):
    """The last `count` layers, which adapters change, then the final norm and the vocabulary."""

    config: DecoderConfig
    count: int
    dtype: Any = jnp.float32
    remat: bool = False

    def setup(self):
        cfg = self.config
        self.layers = _stack(cfg, self.count, self.dtype, self.remat)
        self.norm = nn.RMSNorm(epsilon=cfg.norm_eps, dtype=self.dtype)
        if cfg.tied_embeddings:
            self.embed = nn.Embed(cfg.vocab_size, cfg.width, dtype=self.dtype)
        else:
            self.unembed = nn.Dense(cfg.vocab_size, use_bias=False, dtype=self.dtype)

    def __call__(self, hidden_BxTxD, positions_BxT, chains: Chains, cache: Cache | None = None):
        hidden, cache = self.layers(hidden_BxTxD, positions_BxT, chains, cache)
        return self.norm(hidden), cache

    def logits(self, features):
        project = self.embed.attend if self.config.tied_embeddings else self.unembed
        return project(features).astype(jnp.float32)


class SplitDecoder(flax.struct.PyTreeNode):
    """A frozen decoder cut in two, as one pytree: it passes through `jit`, `vmap` and `pmap`.

    Attributes:
        trunk_params: embedding and layers [0, first_layer).
        head_params: layers [first_layer, L), the final norm and the unembedding.
        config: the decoder's shape.
        first_layer: the first adapted layer.
        dtype: of the weights and of what is computed with them; norms, rotations, softmax statistics and
            logits are computed in float32.
        remat: whether derivatives compute a head layer's insides again instead of keeping them: less
            memory for more work.
    """

    trunk_params: Params
    head_params: Params
    config: DecoderConfig = flax.struct.field(pytree_node=False)
    first_layer: int = flax.struct.field(pytree_node=False)
    dtype: Any = flax.struct.field(pytree_node=False, default=jnp.float32)
    remat: bool = flax.struct.field(pytree_node=False, default=False)

    @property
    def head_layers(self) -> int:
        return self.config.layers - self.first_layer

    def trunk(self, tokens_BxT, positions_BxT=None, cache: Cache | None = None):
        """Runs the frozen layers.

        Args:
            tokens_BxT: int32.
            positions_BxT: int32; by default 0 to T - 1.
            cache: keys and values of earlier tokens (`empty_cache`), or None.

        Returns:
            (hidden_BxTxD of `dtype`, the cache with these tokens in it or None).
        """
        module = Trunk(self.config, self.first_layer, self.dtype)
        positions_BxT = _positions(tokens_BxT.shape, positions_BxT)
        return module.apply({"params": self.trunk_params}, tokens_BxT, positions_BxT, cache)

    def head(self, hidden_BxTxD, chains: Chains, positions_BxT=None, cache: Cache | None = None):
        """Runs the adapted layers.

        Args:
            hidden_BxTxD: the trunk's output.
            chains: target -> what adapters add to that projection, layers on axis 0; {} adds nothing.
            positions_BxT: int32; by default 0 to T - 1.
            cache: as for `trunk`.

        Returns:
            (features_BxTxD after the final norm, of `dtype`, the cache with these tokens in it or None).
        """
        module = Head(self.config, self.head_layers, self.dtype, self.remat)
        positions_BxT = _positions(hidden_BxTxD.shape[:-1], positions_BxT)
        variables = {"params": self.head_params}
        return module.apply(variables, hidden_BxTxD, positions_BxT, chains, cache)

    def head_projections(self, hidden_BxTxD, offsets):
        """Runs the unadapted upper layers with something added to each MLP projection's output.

        Args:
            hidden_BxTxD: the trunk's output.
            offsets: target -> what is added, (L, B, T, out). The gradient in a zero offset is the
                cotangent of that projection.

        Returns:
            (features_BxTxD, inputs), inputs being target -> the projection's input, (L, B, T, in).
        """
        added = {f"{target}_offsets": offset for target, offset in offsets.items()}
        features, inputs = self._head_telling("inputs", hidden_BxTxD, {}, {"offsets": {"layers": added}})
        return features, {target: inputs[target] for target in offsets}

    def head_keys(self, hidden_BxTxD, chains: Chains):
        """Runs the adapted layers.

        Args:
            hidden_BxTxD: the trunk's output.
            chains: as for `head`.

        Returns:
            (features_BxTxD, keys), keys being target -> what its chain's first matrix makes of the
            projection's input, (L, B, T, r).
        """
        return self._head_telling("keys", hidden_BxTxD, chains, {})

    def _head_telling(self, collection: str, hidden_BxTxD, chains: Chains, variables):
        module = Head(self.config, self.head_layers, self.dtype, self.remat)
        variables = {"params": self.head_params} | variables
        positions = _positions(hidden_BxTxD.shape[:-1], None)
        (features, _), state = module.apply(variables, hidden_BxTxD, positions, chains, mutable=[collection])
        told = state[collection]["layers"]
        return features, {name.removesuffix(f"_{collection}"): value for name, value in told.items()}

    def logits(self, features):
        """Maps features (..., D) to float32 logits (..., V)."""
        module = Head(self.config, self.head_layers, self.dtype, self.remat)
        return module.apply({"params": self.head_params}, features, method=Head.logits)

    def empty_cache(self, batch: int, slots: int) -> tuple[Cache, Cache]:
        """Returns zeroed caches of trunk and head for `batch` sequences of at most `slots` tokens."""
        cfg = self.config
        zeros = lambda layers: jnp.zeros((layers, batch, slots, cfg.kv_heads, cfg.head_dim), self.dtype)
        trunk, head = self.first_layer, self.head_layers
        return (zeros(trunk), zeros(trunk)), (zeros(head), zeros(head))


def base_head(decoder: SplitDecoder) -> HeadFn:
    """Returns the unadapted head."""
    return lambda hidden, positions, cache: decoder.head(hidden, {}, positions, cache)


def split(
    config: DecoderConfig,
    params: Params,
    first_layer: int,
    dtype: Any = jnp.float32,
    remat: bool = False,
    on_device: bool = True,
) -> SplitDecoder:
    """Cuts a decoder's parameters at `first_layer`; tied embeddings stand in both parts as one array.

    Args:
        config: the decoder's shape.
        params: the tree that `regrad_jax.models.weights.load_decoder` returns, layers stacked.
        first_layer: the first layer of the head, in [0, config.layers).
        dtype: as in `SplitDecoder`; weights of another type are cast.
        remat: as in `SplitDecoder`.
        on_device: put the weights on the default device; else they stay NumPy arrays, for one who lays them
            over devices.

    Raises:
        UserError: there is no such layer.
    """
    if not 0 <= first_layer < config.layers:
        raise UserError(f"adapter.first_layer {first_layer} is not in [0, {config.layers})")
    as_array = jnp.asarray if on_device else np.asarray
    params = jax.tree.map(lambda x: as_array(x, dtype), params)
    layers = params["layers"]
    trunk = {"embed": params["embed"]}
    if first_layer:
        trunk["layers"] = jax.tree.map(lambda x: x[:first_layer], layers)
    head = {"layers": jax.tree.map(lambda x: x[first_layer:], layers), "norm": params["norm"]}
    end = "embed" if config.tied_embeddings else "unembed"
    head[end] = params[end]
    return SplitDecoder(trunk, head, config, first_layer, dtype, remat)


def random_params(config: DecoderConfig, key: jax.Array) -> Params:
    """Initialises parameters at random in the same tree; for what needs shapes, and for tests."""
    trunk = Trunk(config, config.layers)
    tokens = jnp.zeros((1, 1), jnp.int32)
    params = trunk.init(key, tokens, tokens)["params"]
    params["norm"] = {"scale": jnp.ones(config.width)}
    if not config.tied_embeddings:
        kernel = jax.random.normal(key, (config.width, config.vocab_size)) * config.width**-0.5
        params["unembed"] = {"kernel": kernel}
    return params


def _positions(shape: tuple[int, ...], positions_BxT) -> jax.Array:
    return jnp.broadcast_to(jnp.arange(shape[-1]), shape) if positions_BxT is None else positions_BxT
