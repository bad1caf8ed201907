"""The state of meta-training and the functions that advance and validate it."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.adaptation.inner import (
    DOCUMENT_WEIGHTS,
    Factors,
    MetaParams,
    adapted_head,
    adapted_parameters,
    document_gradients,
)
from regrad_jax.adaptation.outer import OuterMetrics, TaskBatch, answer_losses, outer_loss
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.models.generation import generate
from regrad_jax.training.config import TrainConfig


class TrainState(NamedTuple):
    """All that a run carries from step to step; data needs nothing but `step`."""

    step: jax.Array
    meta: MetaParams
    opt_state: optax.OptState


class Validation(NamedTuple):
    """Sums over the questions of a validation batch; divide by `questions`.

    Attributes:
        gold: answer loss in nats per token with the question's own group of documents.
        other: the same with another question's group.
        none: the same without any gradient.
        exact: questions whose greedy answer is the answer, token by token.
        exact_none: the same without any gradient.
        questions: how many.
    """

    gold: jax.Array | float
    other: jax.Array | float
    none: jax.Array | float
    exact: jax.Array | float
    exact_none: jax.Array | float
    questions: jax.Array | float


def learning_rate(config: TrainConfig) -> optax.Schedule:
    """Linear warm-up from 1% of the peak, then linear decay to 0 or cosine decay to 1e-6."""
    warmup, total = config.warmup_steps, config.total_steps
    peak = config.learning_rate
    decay = {
        "linear": optax.linear_schedule(peak, 0.0, max(total - warmup, 1)),
        "cosine": optax.cosine_decay_schedule(peak, max(total - warmup, 1), alpha=1e-6 / peak),
    }[config.decay]
    return optax.join_schedules([optax.linear_schedule(0.01 * peak, peak, warmup), decay], [warmup])


def optimizer(config: TrainConfig) -> optax.GradientTransformation:
    """AdamW under a joint clip of the gradient's norm (the reference's betas and epsilon).

    With `alpha_mode` "fix" the step sizes stay as they are: neither moved nor decayed.
    """
    return optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.adamw(learning_rate(config), weight_decay=config.weight_decay),
        *([_still_alpha()] if config.alpha_mode == "fix" else []),
    )


def _still_alpha() -> optax.GradientTransformation:
    def still(updates: MetaParams, params=None) -> MetaParams:
        return updates._replace(alpha=jax.tree.map(jnp.zeros_like, updates.alpha))

    return optax.stateless(still)


@functools.partial(jax.jit, static_argnames=("config", "weighting", "update"), donate_argnums=0)
def train_step(
    state: TrainState,
    decoder: SplitDecoder,
    batches_MxD: TaskBatch,
    *,
    config: AdapterConfig,
    weighting: str,
    update: optax.GradientTransformation,
) -> tuple[TrainState, OuterMetrics, jax.Array]:
    """Advances by the mean gradient of M x D batches. Returns (state, metrics before it, gradient norm).

    Args:
        state: is consumed.
        decoder: the frozen network.
        batches_MxD: leaves M x D x *; M turns one after the other, so that only D batches are in memory.
        config: the adapter.
        weighting: a name in `DOCUMENT_WEIGHTS`.
        update: the optimizer.
    """

    def mean_loss(meta, batches_D):
        one = lambda batch: outer_loss(meta, decoder, config, weighting, batch)
        losses_D, metrics_D = jax.vmap(one)(batches_D)
        return losses_D.mean(), jax.tree.map(jnp.mean, metrics_D)

    def turn(batches_D):
        (_, metrics), grads = jax.value_and_grad(mean_loss, has_aux=True)(state.meta, batches_D)
        return metrics, grads

    shapes = jax.eval_shape(turn, jax.tree.map(lambda x: x[0], batches_MxD))
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    add = lambda sums, batches_D: (jax.tree.map(jnp.add, sums, turn(batches_D)), None)
    sums, _ = jax.lax.scan(add, zeros, batches_MxD)
    metrics, grads = jax.tree.map(lambda x: x / len(batches_MxD.scores_QxN), sums)
    updates, opt_state = update.update(grads, state.opt_state, state.meta)
    meta = optax.apply_updates(state.meta, updates)
    return TrainState(state.step + 1, meta, opt_state), metrics, optax.global_norm(grads)


@functools.partial(jax.jit, static_argnames=("config", "weighting"))
def validate_batch(
    meta: MetaParams,
    decoder: SplitDecoder,
    batch: TaskBatch,
    stops_V: jax.Array,
    *,
    config: AdapterConfig,
    weighting: str,
) -> Validation:
    """Measures whether gradients carry knowledge, and not only the form of an answer."""
    if isinstance(batch.documents, Factors):
        raise TypeError("validation takes documents as tokens")
    grads_N, _ = document_gradients(decoder, config, meta, batch.documents)
    weights_QxN = DOCUMENT_WEIGHTS[weighting](batch.scores_QxN, batch.retrieved_QxN, meta.log_temperature)
    questions = batch.questions
    counts_Q = questions.answer_lengths_Q > 0
    total = lambda x: jnp.sum(jnp.where(counts_Q, x, 0.0))

    def loss(weights):
        theta_Q = adapted_parameters(meta, weights, grads_N)
        return total(answer_losses(decoder, config, theta_Q, meta.bases, questions)[0])

    def exact(weights):
        theta_Q = adapted_parameters(meta, weights, grads_N)
        head = adapted_head(decoder, config, theta_Q, meta.bases)
        length = questions.answers_QxM.shape[1]
        answers = generate(decoder, head, questions.tokens_QxT, questions.prompt_lengths_Q, stops_V, length)
        wrong = (answers != questions.answers_QxM) & (
            jnp.arange(length) < questions.answer_lengths_Q[:, None]
        )
        return total(~wrong.any(axis=1))

    # Documents stand in groups, so half a turn of the pool gives every question others than its own (with
    # an odd number of groups, some of two groups).
    other_QxN = jnp.roll(weights_QxN, weights_QxN.shape[1] // 2, axis=1)
    none_QxN = jnp.zeros_like(weights_QxN)
    return Validation(
        gold=loss(weights_QxN),
        other=loss(other_QxN),
        none=loss(none_QxN),
        exact=exact(weights_QxN),
        exact_none=exact(none_QxN),
        questions=counts_Q.sum().astype(jnp.float32),
    )
