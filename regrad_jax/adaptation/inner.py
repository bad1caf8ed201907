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
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from regrad_jax.adaptation.adapter import (
    AdapterConfig,
    Tree,
    chains,
    init_adapter,
    projection_shape,
)
from regrad_jax.adaptation.preconditioner import preconditioner
from regrad_jax.errors import UserError
from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.models.generation import HeadFn

# Batches are laid out in NumPy and become JAX arrays where a compiled function takes them.
Array = jax.Array | np.ndarray


# One array for all of theta, or a tree of theta's form whose leaves lack axes at their ends.
StepSizes = Array | Tree


class MetaParams(NamedTuple):
    """What meta-training learns.

    Attributes:
        theta: the adapted parameters before any document moves them.
        bases: the adapter's matrices that the inner step holds still.
        alpha: step sizes, in one of the forms of `ALPHAS`.
        log_temperature: scalar, the log of the relevance softmax's temperature.
    """

    theta: Tree
    bases: Tree
    alpha: StepSizes
    log_temperature: jax.Array


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


def init_meta(
    config: AdapterConfig,
    decoder: DecoderConfig,
    key: jax.Array,
    *,
    alpha: float,
    temperature: float,
    alpha_mode: str = "tie",
) -> MetaParams:
    """Returns the starting point of meta-training, float32; `alpha_mode` is a name in `ALPHAS`."""
    theta, bases = init_adapter(config, decoder, key)
    return MetaParams(theta, bases, ALPHAS[alpha_mode](theta, alpha), jnp.log(jnp.float32(temperature)))


def widen(meta: MetaParams, fresh: MetaParams) -> MetaParams:
    """Returns trained parameters in an adapter of higher rank: the first directions are the trained ones.

    The network at theta* is unchanged, since where `init_meta` adds directions their product is zero. Steps
    on documents are not: they move the added directions too, and damping is measured against the mean over
    all (`preconditioner`), so that a step along trained ones that carry most of it is shorter.

    Args:
        meta: trained.
        fresh: what `init_meta` returned for the same adapter but for its rank, with step sizes of the same
            mode; what it has for the added directions is kept.
    """
    inside = lambda wide, narrow: jnp.asarray(wide).at[tuple(map(slice, jnp.shape(narrow)))].set(narrow)
    return jax.tree.map(inside, fresh, meta)


def _one_alpha(theta: Tree, alpha: float) -> jax.Array:
    return jnp.float32(alpha)


def _alpha_of_layers(theta: Tree, alpha: float) -> StepSizes:
    return jax.tree.map(lambda x: jnp.full(x.shape[:1], alpha, jnp.float32), theta)


def _alpha_of_numbers(theta: Tree, alpha: float) -> StepSizes:
    return jax.tree.map(lambda x: jnp.full(x.shape, alpha, jnp.float32), theta)


# How many step sizes there are: (theta, initial value) -> alpha. The names are the reference's.
ALPHAS: Mapping[str, Callable[[Tree, float], StepSizes]] = {
    "fix": _one_alpha,  # one for all, which training leaves alone (`training.state.optimizer`)
    "same": _one_alpha,  # one for all
    "tie": _alpha_of_layers,  # one for every layer of every adapter tensor
    "full": _alpha_of_numbers,  # one for every number
}


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


Weights = Callable[[Array, Array, jax.Array], jax.Array]


def _sum(scores_QxN, retrieved_QxN, log_temperature):
    return retrieved_QxN.astype(jnp.float32)


def _relevance(scores_QxN, retrieved_QxN, log_temperature):
    # Not -inf: a question without any document must get weights 0, and gradients 0, not NaN.
    logits = jnp.where(retrieved_QxN, scores_QxN * jnp.exp(-log_temperature), -1e30)
    return jnp.where(retrieved_QxN, jax.nn.softmax(logits, axis=-1), 0.0)


def _mean(scores_QxN, retrieved_QxN, log_temperature):
    counts_Qx1 = jnp.sum(retrieved_QxN, axis=-1, keepdims=True)
    return retrieved_QxN / jnp.maximum(counts_Qx1, 1).astype(jnp.float32)


# (scores_QxN, retrieved_QxN bool, log_temperature) -> weights_QxN, zero where not retrieved.
DOCUMENT_WEIGHTS: Mapping[str, Weights] = {"sum": _sum, "mean": _mean, "relevance": _relevance}


def adapted_parameters(
    meta: MetaParams, weights_QxN: jax.Array, grads_N: Tree, gamma: float | jax.Array = 1.0
) -> Tree:
    """Returns theta_Q, leaves Q x *: theta - gamma alpha . sum_n weights_qn grads_n for each question.

    Args:
        meta: theta and alpha.
        weights_QxN: float32 document weights, zero for documents that a question does not use.
        grads_N: theta-shaped gradients with a leading document axis.
        gamma: step multiplier; 0 gives the unadapted parameters back.
    """

    totals_Q = jax.tree.map(lambda grads: jnp.einsum("qn,n...->q...", weights_QxN, grads), grads_N)
    return descend(meta, totals_Q, gamma)


def descend(meta: MetaParams, totals_Q: Tree, gamma: float | jax.Array = 1.0) -> Tree:
    """Returns theta - gamma alpha . totals for sums of gradients, with or without a leading question axis."""

    def step(theta, alpha, total_Q):
        return theta - gamma * alpha * total_Q

    return jax.tree.map(step, meta.theta, step_sizes(meta), totals_Q)


def step_sizes(meta: MetaParams) -> Tree:
    """Returns alpha as a tree of theta's form, each leaf with as many axes as theta's."""
    alpha = meta.alpha
    if not isinstance(alpha, Mapping):
        alpha = jax.tree.map(lambda _: alpha, meta.theta)
    align = lambda alpha, theta: jnp.reshape(alpha, (*alpha.shape, *(1,) * (theta.ndim - alpha.ndim)))
    return jax.tree.map(align, alpha, meta.theta)


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
