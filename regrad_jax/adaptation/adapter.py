"""Adapters: the small matrices beside the frozen projections, and how a document's row is laid out.

Three things must not be confused. `theta` is what a document gradient is taken of and what a query
moves; `bases` are matrices that only meta-training changes, still within the inner step; a *row* is a
theta-shaped gradient flattened into one vector of P numbers.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from regrad_jax.errors import UserError
from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.decoder import Chain, Chains

Tree = Mapping[str, Mapping[str, Any]]  # projection -> factor name -> array, layers stacked on axis 0


@dataclasses.dataclass(frozen=True)
class AdapterConfig:
    """Which projections are adapted, and how.

    Attributes:
        kind: a name in `KINDS`.
        rank: r of the factors.
        first_layer: adapters stand on layers [first_layer, L); the layers below are the frozen trunk.
        targets: adapted projections, of "gate", "up" and "down".
        scale: s, the constant factor of the added term (2, as in the reference).
    """

    kind: str = "core"
    rank: int = 32
    first_layer: int = 15
    targets: tuple[str, ...] = ("gate", "up", "down")
    scale: float = 2.0

    def __post_init__(self):
        if self.kind not in KINDS:
            raise UserError(f"adapter kind {self.kind!r} is unknown; choose one of {', '.join(KINDS)}")
        if self.rank < 1:
            raise UserError(f"adapter rank {self.rank} must be at least 1")
        unknown = set(self.targets) - {"gate", "up", "down"}
        if unknown or not self.targets:
            raise UserError(f"adapter targets {self.targets} must be some of gate, up, down")


class Kind(NamedTuple):
    """One kind of adapter: how it starts and the chain of factors that it adds to a projection."""

    init: Callable[[jax.Array, int, int, int, int], tuple[dict, dict]]
    chain: Callable[[Mapping, Mapping, float], Chain]


def _init_core(key, layers, fan_in, fan_out, rank):
    key_a, key_b = jax.random.split(key)
    theta = {"R": jnp.zeros((layers, rank, rank))}
    bases = {
        "A": jax.random.normal(key_a, (layers, rank, fan_in)) / math.sqrt(fan_in),
        "B": jax.random.normal(key_b, (layers, fan_out, rank)) / math.sqrt(fan_out),
    }
    return theta, bases


def _init_lora(key, layers, fan_in, fan_out, rank):
    bound = 1 / math.sqrt(fan_in)
    a = jax.random.uniform(key, (layers, rank, fan_in), minval=-bound, maxval=bound)
    return {"A": a, "B": jnp.zeros((layers, fan_out, rank))}, {}


def _init_lora_b(key, layers, fan_in, fan_out, rank):
    theta, _ = _init_lora(key, layers, fan_in, fan_out, rank)
    return {"B": theta["B"]}, {"A": theta["A"]}


KINDS: Mapping[str, Kind] = {
    # y = W x + s B R A x (LoRA-XS, Balazy et al., arXiv 2405.17604, with meta-learned bases)
    "core": Kind(_init_core, lambda theta, bases, s: (bases["A"], theta["R"], s * bases["B"])),
    # y = W x + s B A x (LoRA, Hu et al., arXiv 2106.09685; the reference's)
    "lora": Kind(_init_lora, lambda theta, bases, s: (theta["A"], s * theta["B"])),
    # y = W x + s B A x, where only B moves: half of a lora row
    "lora_b": Kind(_init_lora_b, lambda theta, bases, s: (bases["A"], s * theta["B"])),
}


def init_adapter(config: AdapterConfig, decoder: DecoderConfig, key: jax.Array) -> tuple[Tree, Tree]:
    """Returns (theta, bases), float32, such that the adapted network equals the base network.

    Both are trees target -> factor -> array with the L adapted layers on axis 0: for a projection of `in`
    to `out`, A is (L, rank, in), B is (L, out, rank) and R, of the core, (L, rank, rank). Which factors are
    theta and which are bases is the kind's.

    Raises:
        UserError: `first_layer` leaves no layer to adapt.
    """
    if not 0 <= config.first_layer < decoder.layers:
        raise UserError(f"adapter.first_layer {config.first_layer} is not in [0, {decoder.layers})")
    layers = decoder.layers - config.first_layer
    theta, bases = {}, {}
    for target, subkey in zip(config.targets, jax.random.split(key, len(config.targets)), strict=True):
        fan_in, fan_out = projection_shape(decoder, target)
        kind = KINDS[config.kind]
        theta[target], bases[target] = kind.init(subkey, layers, fan_in, fan_out, config.rank)
    return theta, bases


def singular_bases(config: AdapterConfig, layers: Mapping) -> Tree:
    """Returns a core adapter's bases as the leading singular vectors of the weights that it stands beside.

    LoRA-XS (Balazy et al., arXiv 2405.17604), but without the singular values, so that the bases are as
    long as random ones: with W = U S V^T, A is the first r rows of V^T and B the first r columns of U.

    Args:
        config: the adapter, of kind "core".
        layers: the head's stacked layers; `layers[target]["kernel"]` is (L, in, out), of any float type.

    Returns:
        target -> {"A": (L, rank, in), "B": (L, out, rank)}, float32.
    """
    bases = {}
    for target in config.targets:
        # Layer by layer, in float32 whatever the weights are. A kernel stands transposed, so its left
        # singular vectors are the input's.
        found = [
            jnp.linalg.svd(kernel.astype(jnp.float32), full_matrices=False)
            for kernel in layers[target]["kernel"]
        ]
        bases[target] = {
            "A": jnp.stack([inputs.T[: config.rank] for inputs, _, _ in found]),
            "B": jnp.stack([outputs.T[:, : config.rank] for _, _, outputs in found]),
        }
    return bases


def projection_shape(decoder: DecoderConfig, target: str) -> tuple[int, int]:
    """Returns (in, out) of an adaptable projection."""
    wide, narrow = decoder.mlp_dim, decoder.width
    return (wide, narrow) if target == "down" else (narrow, wide)


def chains(config: AdapterConfig, theta: Tree, bases: Tree) -> Chains:
    """Returns what the decoder's head adds to its projections under these parameters."""
    kind = KINDS[config.kind]
    return {name: kind.chain(theta[name], bases[name], config.scale) for name in config.targets}
