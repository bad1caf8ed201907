"""The inner problem: document loss, document gradients, document weights, adapted parameters.

L_doc(d; theta) = mean next-token loss of document d
g_d             = P_d grad_theta L_doc(d; theta*)
theta_q         = theta* - gamma * alpha . sum_d w_d(q) g_d

P_d is the identity where damping is infinite, and else that of `preconditioner`, at theta*. With several
inner steps, g_d is P_d of the sum of the gradients at theta* and at the points that the steps before have
reached, so that one application of alpha to one document (w = gamma = 1) leads to where the steps would.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from regrad_jax.adaptation.adapter import (
    AdapterConfig,
    Tree,
    chains,
    projection_shape,
)
from regrad_jax.adaptation.parameters import Array, MetaParams, descend
from regrad_jax.adaptation.preconditioner import preconditioner
from regrad_jax.errors import UserError
from regrad_jax.models.decoder import HeadFn, SplitDecoder


class Documents(NamedTuple):
    """Documents padded to one length.

    Attributes:
        tokens_NxT: int32, right-padded with any token.
        lengths_N: int32, true lengths; a document of fewer than two tokens has zero loss and gradient.
    """

    tokens_NxT: Array
    lengths_N: Array

    def without_garbage(self) -> "Documents":
        """Returns the documents with token 0 behind their ends, since 0 x NaN would reach the rest."""
        return Documents(mask_tokens(self.tokens_NxT, self.lengths_N), self.lengths_N)


class Factors(NamedTuple):
    """A document's loss gradient in every adapted projection's weight, as the factors of its outer products.

    The gradient in a frozen weight W is sum_t scale_t cotangent_t input_t^T; taken at theta = 0 all of it
    is a property of the base model and the document alone.

    Attributes:
        inputs: target -> (L, N, T, in), of any type.
        cotangents: target -> (L, N, T, out), of any type; zero at padding.
        scales: target -> (L, N, T), float32; zero where a token predicts nothing.
    """

    inputs: Mapping[str, Array]
    cotangents: Mapping[str, Array]
    scales: Mapping[str, Array]


@dataclasses.dataclass(frozen=True)
class InnerProblem:
    """What is chosen, and not learned, of how documents move the network for a question.

    Attributes:
        adapter: what is adapted.
        weighting: document weights, a name in `DOCUMENT_WEIGHTS`.
        steps: gradient steps on a document.
        damping: lambda of `preconditioner`, for a core adapter; infinite leaves gradients as they are.
    """

    adapter: AdapterConfig
    weighting: str = "relevance"
    steps: int = 1
    damping: float = math.inf

    def __post_init__(self):
        if not isinstance(self.damping, int | float) or not self.damping > 0:
            raise UserError(f"damping {self.damping!r} must be a number above 0, or inf")
        if self.is_damped and self.adapter.kind != "core":
            raise UserError(f"damping {self.damping} needs an adapter of kind 'core'; use inf")

    @property
    def is_damped(self) -> bool:
        return self.damping < math.inf


def mask_tokens(tokens_BxT: Array, lengths_B: Array) -> jax.Array:
    """Returns the tokens with 0 at and after each length."""
    inside = jnp.arange(tokens_BxT.shape[1]) < jnp.asarray(lengths_B)[:, None]
    return jnp.where(inside, tokens_BxT, 0)


def document_loss(
    decoder: SplitDecoder,
    config: AdapterConfig,
    theta: Tree,
    bases: Tree,
    hidden_TxD: jax.Array,
    tokens_T: jax.Array,
    length: jax.Array,
) -> jax.Array:
    """Returns the mean next-token loss of one document in nats per token, a float32 scalar.

    Positions at and after `length` neither predict nor are predicted, so padding changes nothing.

    Args:
        decoder: the frozen network.
        config: the adapter.
        theta: adapted parameters.
        bases: the adapter's still matrices.
        hidden_TxD: the trunk's output for the document.
        tokens_T: int32 tokens.
        length: int32 scalar, the tokens that count.
    """
    features_1xTxD, _ = decoder.head(hidden_TxD[None], chains(config, theta, bases))
    return _mean_token_loss(decoder, features_1xTxD[0], tokens_T, length)


def _mean_token_loss(decoder: SplitDecoder, features_TxD, tokens_T, length) -> jax.Array:
    logits = decoder.logits(features_TxD[:-1])
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, tokens_T[1:])
    counts = jnp.arange(1, tokens_T.shape[0]) < length
    # `where` and not a product: what stands behind the padding must not reach the sum even as a NaN.
    return jnp.sum(jnp.where(counts, losses, 0.0)) / jnp.maximum(length - 1, 1)


def document_gradients(
    decoder: SplitDecoder, inner: InnerProblem, meta: MetaParams, documents: Documents
) -> tuple[Tree, jax.Array]:
    """Returns every document's gradient in one pass: (grads with leaves N x *, losses_N).

    Args:
        decoder: the frozen network.
        inner: the adapter, how many steps, whose gradients are summed, and their damping.
        meta: theta*, the bases and, for several steps, alpha.
        documents: N documents; the losses are those before the first step.
    """
    documents = documents.without_garbage()
    hidden_NxTxD, _ = decoder.trunk(documents.tokens_NxT)

    def loss(theta, *document):
        return document_loss(decoder, inner.adapter, theta, meta.bases, *document)

    def gradient(*document):
        if inner.is_damped:
            total, first_loss, condition = _damped_gradient(decoder, inner, meta, *document)
        else:
            first_loss, total = jax.value_and_grad(loss)(meta.theta, *document)
            condition = lambda grads: grads
        for _ in range(inner.steps - 1):
            following = condition(jax.grad(loss)(descend(meta, total), *document))
            total = jax.tree.map(jnp.add, total, following)
        return total, first_loss

    return jax.vmap(gradient)(hidden_NxTxD, documents.tokens_NxT, documents.lengths_N)


def _damped_gradient(
    decoder: SplitDecoder, inner: InnerProblem, meta: MetaParams, hidden_TxD, tokens_T, length
):
    """Returns (one document's preconditioned gradient, its loss, what preconditions a gradient of it)."""
    config, bases = inner.adapter, meta.bases

    def loss(offsets):  # behind R, where their gradients are the cotangents that R's is made of
        chained = {
            target: (A, R, offsets[target][:, None], B)
            for target, (A, R, B) in chains(config, meta.theta, bases).items()
        }
        features_1xTxD, keys = decoder.head_keys(hidden_TxD[None], chained)
        keys = {target: told[:, 0].astype(jnp.float32) for target, told in keys.items()}
        return _mean_token_loss(decoder, features_1xTxD[0], tokens_T, length), keys

    reduced = decoder.head_layers, tokens_T.shape[0], config.rank
    zeros = {target: jnp.zeros(reduced, jnp.float32) for target in config.targets}
    (first_loss, keys), cotangents = jax.value_and_grad(loss, has_aux=True)(zeros)
    predicts_T = jnp.arange(tokens_T.shape[0]) < length - 1
    conditions = {
        target: preconditioner(cotangents[target], keys[target], predicts_T, inner.damping)
        for target in config.targets
    }
    condition = lambda grads: {target: {"R": conditions[target](grads[target]["R"])} for target in grads}
    grads = {t: {"R": jnp.einsum("ltr,lts->lrs", cotangents[t], keys[t])} for t in config.targets}
    return condition(grads), first_loss, condition


def gradient_factors(
    decoder: SplitDecoder, config: AdapterConfig, documents: Documents
) -> tuple[Factors, jax.Array]:
    """Returns (factors of every document's gradient at the base model, losses_N)."""
    documents = documents.without_garbage()
    hidden_NxTxD, _ = decoder.trunk(documents.tokens_NxT)
    count, length = documents.tokens_NxT.shape
    zeros = lambda target: jnp.zeros(
        (decoder.head_layers, count, length, projection_shape(decoder.config, target)[1])
    )

    def total_loss(offsets):
        features_NxTxD, inputs = decoder.head_projections(hidden_NxTxD, offsets)
        losses_N = jax.vmap(_mean_token_loss, in_axes=(None, 0, 0, 0))(
            decoder, features_NxTxD, documents.tokens_NxT, documents.lengths_N
        )
        return losses_N.sum(), (losses_N, inputs)

    offsets = {target: zeros(target) for target in config.targets}
    cotangents, (losses_N, inputs) = jax.grad(total_loss, has_aux=True)(offsets)
    predicts_NxT = jnp.arange(length) < jnp.asarray(documents.lengths_N)[:, None] - 1
    ones = lambda target: jnp.broadcast_to(predicts_NxT.astype(jnp.float32), cotangents[target].shape[:3])
    return Factors(inputs, cotangents, {target: ones(target) for target in config.targets}), losses_N


def project_factors(inner: InnerProblem, bases: Tree, factors: Factors) -> Tree:
    """Returns document gradients of a core adapter at theta = 0 (leaves N x L x r x r).

    With G_d = sum_t cotangent_t input_t^T, the gradient of y = W x + s B R A x in R at R = 0 is
    s B^T G_d A^T: bilinear in the bases. So where theta* stays 0 this equals `document_gradients`, and
    `jax.grad` through it is the exact meta-gradient without a second pass through the network. Damping asks
    for directions alone, which scales do not change.
    """
    config, grads = inner.adapter, {}
    for target in config.targets:
        A, B = bases[target]["A"], bases[target]["B"]
        keys = jnp.einsum("lnti,lri->lntr", jnp.asarray(factors.inputs[target], A.dtype), A)
        reduced_out = jnp.einsum("lnto,lor->lntr", jnp.asarray(factors.cotangents[target], B.dtype), B)
        # Scales come last, where a token is 2 r numbers and not in + out.
        scales = jnp.asarray(factors.scales[target])
        reduced_out = config.scale * scales[..., None] * reduced_out
        grad = jnp.einsum("lntr,lnts->lnrs", reduced_out, keys)
        if inner.is_damped:
            grad = preconditioner(reduced_out, keys, scales != 0, inner.damping)(grad)
        grads[target] = {"R": jnp.swapaxes(grad, 0, 1)}
    return grads


def adapted_head(decoder: SplitDecoder, config: AdapterConfig, theta_Q: Tree, bases: Tree) -> HeadFn:
    """Returns the decoder's head under one set of adapted parameters for each sequence of a batch.

    Args:
        decoder: the frozen network.
        config: the adapter.
        theta_Q: adapted parameters, leaves Q x *.
        bases: the adapter's still matrices, shared by all.
    """

    def one(theta, hidden_TxD, positions_T, cache):
        cache = None if cache is None else jax.tree.map(lambda x: x[:, None], cache)
        features, cache = decoder.head(
            hidden_TxD[None], chains(config, theta, bases), positions_T[None], cache
        )
        return features[0], None if cache is None else jax.tree.map(lambda x: x[:, 0], cache)

    # Layers are a cache's first axis, so its batch axis is 1.
    batched = jax.vmap(one, in_axes=(0, 0, 0, 1), out_axes=(0, 1))
    return lambda hidden, positions, cache: batched(theta_Q, hidden, positions, cache)
