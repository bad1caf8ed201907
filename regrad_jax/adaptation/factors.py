"""Document gradients in two parts: the base model's, which is computed once, and a core adapter's.

The gradient of a document's loss in a frozen weight W of y = W x is G = sum_t c_t x_t^T, with the inputs x_t
and the cotangents c_t of the document's tokens. A core adapter y = W x + s B R A x has at R = 0 the gradient
s B^T G A^T in R. The first part, the vectors x_t and c_t, depends on the base model and the document alone.
So with theta* at zero it is computed once (`gradient_factors`) and kept, whatever training does to A and B
(`project_factors`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from regrad_jax.adaptation.adapter import AdapterConfig, Tree, projection_shape
from regrad_jax.adaptation.inner import Documents, mean_token_loss
from regrad_jax.adaptation.parameters import Array
from regrad_jax.adaptation.rules import INNER_RULES, CoreFactors, InnerProblem
from regrad_jax.models.block import Probes
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.models.precision import wide


class Factors(NamedTuple):
    """The gradients of N documents in every adapted projection's weight: sum_t scale_t cotangent_t input_t^T.

    Attributes:
        inputs: target -> (L, N, T, in), of any type.
        cotangents: target -> (L, N, T, out), of any type; zero at padding.
        scales: target -> (L, N, T), of a float type; zero where a token predicts nothing, and only there.
    """

    inputs: Mapping[str, Array]
    cotangents: Mapping[str, Array]
    scales: Mapping[str, Array]


def gradient_factors(
    decoder: SplitDecoder, config: AdapterConfig, documents: Documents
) -> tuple[Factors, jax.Array]:
    """Returns (factors of every document's gradient at the base model, losses_N)."""
    documents = documents.without_padding()
    hidden_NxTxD, _ = decoder.trunk(documents.tokens_NxT)
    count, length = documents.tokens_NxT.shape
    dtype = wide(decoder.dtype)
    zeros = lambda target: jnp.zeros(
        (decoder.head_layers, count, length, projection_shape(decoder.config, target)[1]), dtype
    )

    def total_loss(offsets):
        features_NxTxD, inputs = decoder.probed_head(hidden_NxTxD, {}, Probes(offsets, {}))
        losses_N = jax.vmap(mean_token_loss, in_axes=(None, 0, 0, 0))(
            decoder, features_NxTxD, documents.tokens_NxT, documents.lengths_N
        )
        return losses_N.sum(), (losses_N, inputs.projections)

    offsets = {target: zeros(target) for target in config.targets}
    cotangents, (losses_N, inputs) = jax.grad(total_loss, has_aux=True)(offsets)
    predicts_NxT = jnp.arange(length) < jnp.asarray(documents.lengths_N)[:, None] - 1
    ones = lambda target: jnp.broadcast_to(predicts_NxT.astype(dtype), cotangents[target].shape[:3])
    return Factors(inputs, cotangents, {target: ones(target) for target in config.targets}), losses_N


def project_factors(inner: InnerProblem, bases: Tree, factors: Factors) -> Tree:
    """Returns the document gradients of a core adapter at theta = 0 (leaves N x L x r x r).

    Where theta* is 0 this equals `document_gradients`. `jax.grad` through it is then the exact meta-gradient
    of all but theta, without a second pass through the network.

    Args:
        inner: the adapter, of kind "core", and the rule, for one step.
        bases: the adapter's A and B.
        factors: of N documents.
    """
    config, grads = inner.adapter, {}
    for target in config.targets:
        A, B = bases[target]["A"], bases[target]["B"]
        keys = jnp.einsum("lnti,lri->lntr", jnp.asarray(factors.inputs[target], A.dtype), A)
        cotangents = jnp.einsum("lnto,lor->lntr", jnp.asarray(factors.cotangents[target], B.dtype), B)
        # Scales come last, where a token is 2 r numbers and not in + out.
        scales = jnp.asarray(factors.scales[target])
        cotangents = config.scale * scales[..., None] * cotangents
        grad_LxNxrxr = INNER_RULES[inner.rule].project(inner, CoreFactors(cotangents, keys, scales != 0))
        grads[target] = {"R": jnp.swapaxes(grad_LxNxrxr, 0, 1)}
    return grads
