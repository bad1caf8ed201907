"""The inner problem: how documents move the network for a question.

This file has a document's loss, its gradient, and the network under adapted parameters.

    L_doc(d; theta) = mean next-token loss of document d
    g_d             = rule(grad_theta L_doc(d; theta*))
    theta_q         = theta* - gamma * alpha . sum_d w_d(q) g_d

`.` is the product entry by entry. The step sizes alpha are broadcast over theta (`parameters.ALPHAS`). The
weights w_d(q) of documents d for question q are in `weights.py`, and gamma is a factor that the caller
chooses. The rule is a line of `rules.INNER_RULES`: plain gradients, or damped ones. What a bank stores and
calls the document's gradient is g_d, after the rule.

With several inner steps, g_d is a sum over the steps. The first term is the gradient at theta*. Each further
term is the gradient at the point that the earlier steps reached. Each term is put through the rule. So for a
single document of weight 1, at gamma 1, theta_q is the point where the steps end.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from regrad_jax.adaptation.adapter import AdapterConfig, Tree, chains
from regrad_jax.adaptation.parameters import Array, MetaParams, descend
from regrad_jax.adaptation.rules import INNER_RULES, CoreFactors, DocumentLoss, InnerProblem
from regrad_jax.models.block import Probes
from regrad_jax.models.decoder import HeadFn, SplitDecoder
from regrad_jax.models.precision import wide


class Documents(NamedTuple):
    """Documents padded to one length.

    Attributes:
        tokens_NxT: int32, right-padded with any token.
        lengths_N: int32, true lengths; a document of fewer than two tokens has zero loss and gradient.
    """

    tokens_NxT: Array
    lengths_N: Array

    def without_padding(self) -> "Documents":
        """Returns the documents with token 0 after their ends.

        A padding token outside the vocabulary has an embedding of NaN. Attention gives it the weight 0, but
        0 x NaN is NaN, so it would reach the other tokens.
        """
        return Documents(mask_tokens(self.tokens_NxT, self.lengths_N), self.lengths_N)


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
    """Returns the mean next-token loss of one document in nats per token, a scalar of float32 at least.

    Positions at and after `length` neither predict nor are predicted, so padding changes nothing.

    Args:
        decoder: the frozen network.
        config: the adapter.
        theta: adapted parameters.
        bases: the adapter's matrices that the inner steps hold still.
        hidden_TxD: the trunk's output for the document.
        tokens_T: int32 tokens.
        length: int32 scalar, the tokens that count.
    """
    features_1xTxD, _ = decoder.head(hidden_TxD[None], chains(config, theta, bases))
    return mean_token_loss(decoder, features_1xTxD[0], tokens_T, length)


def mean_token_loss(decoder: SplitDecoder, features_TxD, tokens_T, length) -> jax.Array:
    """Returns the mean next-token loss of one text from its features, which `decoder.head` returns."""
    logits = decoder.logits(features_TxD[:-1])
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, tokens_T[1:])
    counts = jnp.arange(1, tokens_T.shape[0]) < length
    # `where` and not a product: padding must not reach the sum even as a NaN.
    return jnp.sum(jnp.where(counts, losses, 0.0)) / jnp.maximum(length - 1, 1)


def document_gradients(
    decoder: SplitDecoder, inner: InnerProblem, meta: MetaParams, documents: Documents
) -> tuple[Tree, jax.Array]:
    """Returns every document's gradient in one pass.

    Args:
        decoder: the frozen network.
        inner: the adapter, the rule, and the number of steps.
        meta: theta*, the bases and, for several steps, alpha.
        documents: N documents.

    Returns:
        (grads with leaves N x *, losses_N). The losses are those before the first step.
    """
    documents = documents.without_padding()
    hidden_NxTxD, _ = decoder.trunk(documents.tokens_NxT)

    def gradient(*document):
        loss = _document_loss(decoder, inner.adapter, meta, *document)
        total, first_loss, condition = INNER_RULES[inner.rule].first_step(inner, meta.theta, loss)
        for _ in range(inner.steps - 1):
            following = condition(jax.grad(loss.at)(descend(meta, total)))
            total = jax.tree.map(jnp.add, total, following)
        return total, first_loss

    return jax.vmap(gradient)(hidden_NxTxD, documents.tokens_NxT, documents.lengths_N)


def _document_loss(
    decoder: SplitDecoder, config: AdapterConfig, meta: MetaParams, hidden_TxD, tokens_T, length
) -> DocumentLoss:
    """Returns one document's loss as rules see it."""

    def at(theta):
        return document_loss(decoder, config, theta, meta.bases, hidden_TxD, tokens_T, length)

    def core_factors():
        def probed(offsets):
            probes = Probes({}, {target: offset[:, None] for target, offset in offsets.items()})
            added = chains(config, meta.theta, meta.bases)
            features_1xTxD, inputs = decoder.probed_head(hidden_TxD[None], added, probes)
            keys = {target: keys_Lx1xTxr[:, 0].astype(dtype) for target, keys_Lx1xTxr in inputs.cores.items()}
            return mean_token_loss(decoder, features_1xTxD[0], tokens_T, length), keys

        dtype = wide(decoder.dtype)
        shape = decoder.head_layers, tokens_T.shape[0], config.rank
        zeros = {target: jnp.zeros(shape, dtype) for target in config.targets}
        (loss, keys), cotangents = jax.value_and_grad(probed, has_aux=True)(zeros)
        predicts_T = jnp.arange(tokens_T.shape[0]) < length - 1
        return loss, {t: CoreFactors(cotangents[t], keys[t], predicts_T) for t in config.targets}

    return DocumentLoss(at, core_factors)


def adapted_head(decoder: SplitDecoder, config: AdapterConfig, theta_Q: Tree, bases: Tree) -> HeadFn:
    """Returns a function that runs the head with adapted parameters of its own for each sequence of a batch.

    Args:
        decoder: the frozen network.
        config: the adapter.
        theta_Q: adapted parameters, leaves Q x *: those of question q for sequence q.
        bases: the adapter's matrices that the inner steps hold still, shared by all sequences.
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
