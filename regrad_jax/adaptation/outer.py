"""The outer problem: the loss of answers under adapted parameters, differentiated through the inner step.

    L_outer = mean_q L_qa(q, a; theta - alpha . sum_d w_d(q) g_d)    with g_d = grad_theta L_doc(d; theta)

`jax.grad` of `outer_loss` is exact. Take one plain inner step, v = dL_qa / dtheta_q, and the Hessian H_d of
L_doc. Then the derivative in theta is v - sum_d w_d H_d (alpha . v), the derivative in alpha is -<v, sum_d
w_d g_d>, and the derivative in the bases has the corresponding terms.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from regrad_jax.adaptation.adapter import AdapterConfig, Tree
from regrad_jax.adaptation.factors import Factors, project_factors
from regrad_jax.adaptation.inner import Documents, adapted_head, document_gradients, mask_tokens
from regrad_jax.adaptation.parameters import Array, MetaParams, adapted_parameters
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.models.decoder import SplitDecoder


class Questions(NamedTuple):
    """Prompts followed by their answers, padded to one length.

    Attributes:
        tokens_QxT: int32, prompt then answer, right-padded.
        prompt_lengths_Q: int32, at least 1.
        answers_QxM: int32 answer tokens, right-padded; M is the longest answer that is scored.
        answer_lengths_Q: int32; 0 marks a padding question, which counts for nothing.
        hidden_QxTxD: the trunk's output for the tokens, or None where it is yet to be computed.
    """

    tokens_QxT: Array
    prompt_lengths_Q: Array
    answers_QxM: Array
    answer_lengths_Q: Array
    hidden_QxTxD: Array | None = None


class TaskBatch(NamedTuple):
    """A pool of documents and questions that each use some of the pool.

    The document that answers one question is a distractor of another. Its gradient, which is by far the
    dearest part of a step, is computed once for both.

    Attributes:
        documents: the pool. Where theta stays 0, it may be given as the factors of its gradients
            (`project_factors`).
        questions: the questions.
        retrieved_QxN: bool, the documents that a question's adaptation uses.
        scores_QxN: float32 retrieval scores; read only where retrieved.
    """

    documents: Documents | Factors
    questions: Questions
    retrieved_QxN: Array
    scores_QxN: Array


class OuterMetrics(NamedTuple):
    """What a step reports: losses in nats per token, over the questions that count."""

    outer_loss: jax.Array
    token_accuracy: jax.Array


def answer_losses(
    decoder: SplitDecoder, config: AdapterConfig, theta_Q: Tree, bases: Tree, questions: Questions
) -> tuple[jax.Array, jax.Array]:
    """Returns (mean answer-token loss in nats, share of answer tokens ranked first), each of shape (Q,).

    Logits are computed at the answers' positions only.

    Args:
        decoder: the frozen network.
        config: the adapter.
        theta_Q: adapted parameters, one set a question (leaves Q x *).
        bases: the adapter's matrices that the inner steps hold still.
        questions: prompts and answers.
    """
    hidden_QxTxD = questions.hidden_QxTxD
    if hidden_QxTxD is None:
        ends_Q = questions.prompt_lengths_Q + questions.answer_lengths_Q
        hidden_QxTxD, _ = decoder.trunk(mask_tokens(questions.tokens_QxT, ends_Q))
    answer_M = jnp.arange(questions.answers_QxM.shape[1])
    # The token at position p is predicted from position p - 1.
    sources_QxM = jnp.minimum(
        questions.prompt_lengths_Q[:, None] - 1 + answer_M, questions.tokens_QxT.shape[1] - 1
    )

    positions_QxT = jnp.broadcast_to(jnp.arange(questions.tokens_QxT.shape[1]), questions.tokens_QxT.shape)
    head = adapted_head(decoder, config, theta_Q, bases)
    features_QxTxD, _ = head(jnp.asarray(hidden_QxTxD), positions_QxT, None)
    logits = decoder.logits(jnp.take_along_axis(features_QxTxD, sources_QxM[..., None], axis=1))
    answers_QxM = mask_tokens(questions.answers_QxM, questions.answer_lengths_Q)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, answers_QxM)
    correct = jnp.argmax(logits, axis=-1) == questions.answers_QxM
    counts = answer_M < questions.answer_lengths_Q[:, None]
    mean = lambda x: jnp.sum(jnp.where(counts, x, 0.0), axis=1) / jnp.maximum(questions.answer_lengths_Q, 1)
    return mean(losses), mean(correct)


GradientMap = Callable[[Tree], Tree]

# Whether the outer loss is differentiated through the document gradients ("second" order), or takes them for
# constants ("first" order), as first-order MAML does (Finn et al., arXiv 1703.03400). The latter is for
# comparison.
ORDERS: Mapping[str, GradientMap] = {"second": lambda grads_N: grads_N, "first": jax.lax.stop_gradient}


def outer_loss(
    meta: MetaParams,
    decoder: SplitDecoder,
    inner: InnerProblem,
    batch: TaskBatch,
    gradient_map: GradientMap = ORDERS["second"],
) -> tuple[jax.Array, OuterMetrics]:
    """Returns (outer loss, metrics) of a batch; differentiate in `meta` for the meta-gradient.

    Args:
        meta: what is learned.
        decoder: the frozen network.
        inner: how documents move it.
        batch: documents, questions, and which uses which.
        gradient_map: what the document gradients (leaves N x *) go through on their way to the questions: one
            of `ORDERS`, or the rounding of a bank.
    """
    config = inner.adapter
    if isinstance(batch.documents, Factors):
        if inner.steps != 1:
            raise ValueError("factors hold the gradients of one inner step")
        # The gradients were taken at theta = 0, so theta must not move from there.
        meta = meta._replace(theta=jax.lax.stop_gradient(meta.theta))
        grads_N = project_factors(inner, meta.bases, batch.documents)
    else:
        grads_N, _ = document_gradients(decoder, inner, meta, batch.documents)
    weigh = DOCUMENT_WEIGHTS[inner.weighting]
    weights_QxN = weigh(batch.scores_QxN, batch.retrieved_QxN, meta.log_temperature)
    theta_Q = adapted_parameters(meta, weights_QxN, gradient_map(grads_N))
    losses_Q, accuracy_Q = answer_losses(decoder, config, theta_Q, meta.bases, batch.questions)
    counts_Q = batch.questions.answer_lengths_Q > 0
    mean = lambda x: jnp.sum(jnp.where(counts_Q, x, 0.0)) / jnp.maximum(counts_Q.sum(), 1)
    metrics = OuterMetrics(outer_loss=mean(losses_Q), token_accuracy=mean(accuracy_Q))
    return metrics.outer_loss, metrics


meta_gradient = jax.value_and_grad(outer_loss, has_aux=True)
