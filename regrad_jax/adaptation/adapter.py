"""Adapters: the small matrices beside the frozen projections.

An adapter has two kinds of parameters. Document gradients are taken in `theta`, and a question moves it. The
`bases` are changed by meta-training only; the inner steps hold them still.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from regrad_jax.errors import UserError
from regrad_jax.models.block import Chain, Chains
from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.precision import wide
from regrad_jax.ranges import above, at_least, check_choices, check_ranges

TARGETS = ("gate", "up", "down")  # the projections that can be adapted
_RANGES = {"rank": at_least(1, whole=True), "first_layer": at_least(0, whole=True), "scale": above(0)}

Tree = Mapping[str, Mapping[str, Any]]  # projection -> factor name -> array, layers stacked on axis 0


@dataclasses.dataclass(frozen=True)
class AdapterConfig:
    """Which projections are adapted, and how.

    Attributes:
        kind: a name in `KINDS`.
        rank: r, the rank of the adapter's matrices.
        first_layer: the layers from this one on are adapted; those below are the frozen trunk.
        targets: the adapted projections, some of `TARGETS`.
        scale: s, the constant factor of the added term (2, as in the reference).
    """

    kind: str = "core"
    rank: int = 32
    first_layer: int = 15
    targets: tuple[str, ...] = TARGETS
    scale: float = 2.0

    def __post_init__(self):
        check_choices("adapter", self, {"kind": KINDS})
        check_ranges("adapter", self, _RANGES)
        if not self.targets or set(self.targets) - set(TARGETS):
            raise UserError(f"adapter.targets: {self.targets} must be some of {', '.join(TARGETS)}")


class Kind(NamedTuple):
    """One kind of adapter.

    Attributes:
        init: (key, layers, in, out, rank) -> (theta, bases) of one projection, float32.
        chain: (theta, bases, scale) -> the matrices that stand beside one projection.
    """

    init: Callable[[jax.Array, int, int, int, int], tuple[dict, dict]]
    chain: Callable[[Mapping, Mapping, float], Chain]


def _init_core(key, layers, fan_in, fan_out, rank):
    key_a, key_b = jax.random.split(key)
    normal = lambda key, *shape: jax.random.normal(key, (layers, *shape), jnp.float32)
    theta = {"R": jnp.zeros((layers, rank, rank), jnp.float32)}
    bases = {
        "A": normal(key_a, rank, fan_in) / math.sqrt(fan_in),
        "B": normal(key_b, fan_out, rank) / math.sqrt(fan_out),
    }
    return theta, bases


def _init_lora(key, layers, fan_in, fan_out, rank):
    bound = 1 / math.sqrt(fan_in)
    a = jax.random.uniform(key, (layers, rank, fan_in), jnp.float32, minval=-bound, maxval=bound)
    return {"A": a, "B": jnp.zeros((layers, fan_out, rank), jnp.float32)}, {}


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

    Both are trees target -> matrix -> array with the L adapted layers on axis 0. For a projection of `in` to
    `out`, A is (L, r, in), B is (L, out, r), and R of a core adapter is (L, r, r). The kind decides which
    matrices are theta and which are bases.

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
    """Returns the bases of a core adapter that are the leading singular vectors of the weights beside it.

    With W = U S V^T, A is the first r rows of V^T and B is the first r columns of U. LoRA-XS (Balazy et al.,
    arXiv 2405.17604) multiplies by the singular values too. Here they are left out, so that the bases are as
    long as random ones.

    Args:
        config: the adapter, of kind "core".
        layers: the head's stacked layers; `layers[target]["kernel"]` is (L, in, out), of any float type.

    Returns:
        target -> {"A": (L, r, in), "B": (L, out, r)}, float32 at least.
    """
    bases = {}
    for target in config.targets:
        # A kernel is W^T, so its left singular vectors are those of the input.
        decomposed = [
            jnp.linalg.svd(kernel.astype(wide(kernel.dtype)), full_matrices=False)
            for kernel in layers[target]["kernel"]
        ]
        bases[target] = {
            "A": jnp.stack([inputs.T[: config.rank] for inputs, _, _ in decomposed]),
            "B": jnp.stack([outputs.T[:, : config.rank] for _, _, outputs in decomposed]),
        }
    return bases


def projection_shape(decoder: DecoderConfig, target: str) -> tuple[int, int]:
    """Returns (in, out) of an adaptable projection."""
    wide, narrow = decoder.mlp_dim, decoder.width
    return (wide, narrow) if target == "down" else (narrow, wide)


def chains(config: AdapterConfig, theta: Tree, bases: Tree) -> Chains:
    """Returns the matrices beside the head's projections under these parameters."""
    kind = KINDS[config.kind]
    return {name: kind.chain(theta[name], bases[name], config.scale) for name in config.targets}
