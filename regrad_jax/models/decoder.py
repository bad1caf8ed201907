"""A Llama-family decoder in Flax Linen, cut in two at the first layer that has an adapter.

    tokens --trunk: embedding, layers [0, first)--> hidden --head: layers [first, L), norm--> features
           --head: vocabulary--> logits

The trunk holds no adapter. So no derivative is ever taken in it, and its output can be computed once per text
and kept. The head is all the rest. `SplitDecoder.head` runs it up to the features, and `SplitDecoder.logits`
does the last step.

An adapter adds a product of small matrices to projections of the head's layers. Such a product is a *chain*
(`block.Chains`). The chains of one projection are stacked over the layers, and a scan over the layers gives
each layer its own.

The gradient in a matrix has two factors at each token: what the matrix reads, and the loss's derivative in
what it writes. A *probe* (`block.Probes`) gives both: the head returns what the matrix read, and the
derivative in an offset of zeros, which is added to what the matrix writes, is the second factor.

Letters at the ends of names, as in `hidden_BxTxD`, are shapes of arrays (`models/config.py` explains them).
"""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.errors import UserError
from regrad_jax.models.block import NO_PROBES, Block, Cache, Chains, Probes
from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.precision import wide

Params = Mapping[str, Any]
# (hidden_BxTxD, positions_BxT, cache) -> (features_BxTxD, cache)
HeadFn = Callable[[jax.Array, jax.Array, Cache | None], tuple[jax.Array, Any]]


def _stack(config: DecoderConfig, count: int, dtype: Any, remat: bool = False) -> nn.Module:
    """Returns `count` blocks as one module: a scan over axis 0 of parameters, chains, caches and probes."""
    scanned = nn.scan(
        nn.remat(Block, prevent_cse=False) if remat else Block,
        variable_axes={"params": 0},
        split_rngs={"params": True},
        in_axes=(nn.broadcast, 0, 0, 0),
        length=count,
    )
    return scanned(config, dtype)


class Trunk(nn.Module):
    """The embedding and the first `count` layers, frozen and never adapted."""

    config: DecoderConfig
    count: int
    dtype: Any = jnp.float32

    def setup(self):
        self.embed = nn.Embed(self.config.vocab_size, self.config.width, dtype=self.dtype)
        self.layers = _stack(self.config, self.count, self.dtype)

    def __call__(self, tokens_BxT, positions_BxT, cache: Cache | None = None):
        hidden = self.embed(tokens_BxT)
        if not self.count:
            return hidden, cache
        hidden, (cache, _) = self.layers(hidden, positions_BxT, {}, cache, NO_PROBES)
        return hidden, cache


class Head(nn.Module):
    """The last `count` layers (they may have adapters), the final norm and the vocabulary.

    A call runs the layers and the norm. `logits` then maps their output to the vocabulary.
    """

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

    def __call__(self, hidden_BxTxD, positions_BxT, chains: Chains, cache: Cache | None, probes: Probes):
        hidden, (cache, inputs) = self.layers(hidden_BxTxD, positions_BxT, chains, cache, probes)
        return self.norm(hidden), cache, inputs

    def logits(self, features):
        project = self.embed.attend if self.config.tied_embeddings else self.unembed
        return project(features).astype(wide(self.dtype))


class SplitDecoder(flax.struct.PyTreeNode):
    """A frozen decoder cut in two, as one pytree: it passes through `jit`, `vmap` and `pmap`.

    Attributes:
        trunk_params: the embedding and layers [0, first_layer).
        head_params: layers [first_layer, L), the final norm and the unembedding.
        config: the decoder's shape.
        first_layer: the first adapted layer.
        dtype: the type of the weights and of what is computed with them. Norms, rotations, softmax statistics
            and logits are computed in float32 at least.
        remat: whether derivatives compute a head layer's insides again instead of keeping them. That takes
            less memory and more work.
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

    def _run_head(self, *arguments: Any, method: Callable | None = None) -> Any:
        module = Head(self.config, self.head_layers, self.dtype, self.remat)
        return module.apply({"params": self.head_params}, *arguments, method=method)

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
        """Runs the head up to the features: the adapted layers and the final norm, without the vocabulary.

        Args:
            hidden_BxTxD: the trunk's output.
            chains: target (the name of a projection, "gate", "up" or "down") -> the adapter's matrices beside
                that projection in all layers of the head. {} runs the base model.
            positions_BxT: int32; by default 0 to T - 1.
            cache: as for `trunk`.

        Returns:
            (features_BxTxD of `dtype`, the cache with these tokens in it or None).
        """
        positions_BxT = _positions(hidden_BxTxD.shape[:-1], positions_BxT)
        features, cache, _ = self._run_head(hidden_BxTxD, positions_BxT, chains, cache, NO_PROBES)
        return features, cache

    def probed_head(self, hidden_BxTxD, chains: Chains, probes: Probes) -> tuple[jax.Array, Probes]:
        """Does what `head` does on whole sequences, and measures the matrices that are probed.

        Args:
            hidden_BxTxD: the trunk's output.
            chains: as for `head`.
            probes: offsets, usually zeros, to add to the outputs of the probed matrices.

        Returns:
            (features_BxTxD as from `head`, `Probes` with the inputs of the probed matrices, of `dtype`).
        """
        positions_BxT = _positions(hidden_BxTxD.shape[:-1], None)
        features, _, inputs = self._run_head(hidden_BxTxD, positions_BxT, chains, None, probes)
        return features, inputs

    def logits(self, features):
        """Returns the logits (..., V) of features (..., D), float32 at least."""
        return self._run_head(features, method=Head.logits)

    def empty_cache(self, batch: int, slots: int) -> tuple[Cache, Cache]:
        """Returns zeroed caches of trunk and head for `batch` sequences of at most `slots` tokens."""
        cfg = self.config
        zeros = lambda layers: jnp.zeros((layers, batch, slots, cfg.kv_heads, cfg.head_dim), self.dtype)
        trunk, head = self.first_layer, self.head_layers
        return (zeros(trunk), zeros(trunk)), (zeros(head), zeros(head))


def base_head(decoder: SplitDecoder) -> HeadFn:
    """Returns a function that runs the head without an adapter."""
    return lambda hidden, positions, cache: decoder.head(hidden, {}, positions, cache)


def split(
    config: DecoderConfig,
    params: Params,
    first_layer: int,
    dtype: Any = jnp.float32,
    remat: bool = False,
    on_device: bool = True,
) -> SplitDecoder:
    """Cuts a decoder's parameters at `first_layer`. Tied embeddings stand in both parts as one array.

    Args:
        config: the decoder's shape.
        params: the tree that `regrad_jax.models.weights.load_decoder` returns, layers stacked.
        first_layer: the first layer of the head, in [0, config.layers).
        dtype: as in `SplitDecoder`; weights of another type are cast.
        remat: as in `SplitDecoder`.
        on_device: whether to put the weights on the default device. Otherwise they stay NumPy arrays, and the
            caller lays them over devices.

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
    """Returns random parameters, in a tree of the form that `split` takes.

    They serve tests, and callers that need the shapes of the parameters alone.
    """
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
