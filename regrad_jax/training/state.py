"""The state of meta-training and the functions that advance and validate it."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from regrad_jax.adaptation.inner import Factors, InnerProblem, adapted_head, document_gradients, document_loss
from regrad_jax.adaptation.outer import (
    ORDERS,
    GradientMap,
    OuterMetrics,
    TaskBatch,
    answer_losses,
    outer_loss,
)
from regrad_jax.adaptation.parameters import MetaParams, adapted_parameters, descend, init_meta
from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.engine.generate import generate
from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.training.config import TrainConfig


class TrainState(NamedTuple):
    """All that a run carries from step to step; data needs nothing but `step`."""

    step: jax.Array
    meta: MetaParams
    opt_state: optax.OptState


class Validation(NamedTuple):
    """Sums over a validation batch's questions, or documents.

    Questions are answered with their own documents' gradients, with another group's ("other") and with
    none, so that one sees whether knowledge is being learned or only the form of an answer.

    Attributes:
        gold, other, none: answer loss in nats per token.
        exact, exact_other, exact_none: greedy answers that are the answer, token by token.
        f1, f1_other, f1_none: F1 of the greedy answers' tokens but for the one that ends them, in [0, 1].
        document_before, document_after: document loss at theta* and behind the inner step on itself alone.
        questions, documents: how many.
    """

    gold: jax.Array | float
    other: jax.Array | float
    none: jax.Array | float
    exact: jax.Array | float
    exact_other: jax.Array | float
    exact_none: jax.Array | float
    f1: jax.Array | float
    f1_other: jax.Array | float
    f1_none: jax.Array | float
    document_before: jax.Array | float
    document_after: jax.Array | float
    questions: jax.Array | float
    documents: jax.Array | float

    def means(self) -> dict[str, float]:
        """Returns every figure by name as a mean, and the number of questions."""
        values = self._asdict()
        questions, documents = values.pop("questions"), values.pop("documents")
        count = lambda name: documents if name.startswith("document_") else questions
        return {name: value / count(name) for name, value in values.items()} | {"questions": int(questions)}


def fresh_meta(config: TrainConfig, decoder: DecoderConfig) -> MetaParams:
    """Returns what a run without `initial` starts from."""
    return init_meta(
        config.adapter,
        decoder,
        jax.random.key(config.seed),
        alpha=config.alpha,
        alpha_mode=config.alpha_mode,
        temperature=config.temperature,
    )


def learning_rate(config: TrainConfig) -> optax.Schedule:
    """Linear warm-up from 1% of the peak, then linear decay to 0 or cosine decay to 1e-6."""
    return _schedule(config.learning_rate, config.warmup_steps, config.total_steps, config.decay)


def _schedule(peak: float, warmup: int, total: int, decay: str) -> optax.Schedule:
    after = {
        "linear": optax.linear_schedule(peak, 0.0, max(total - warmup, 1)),
        "cosine": optax.cosine_decay_schedule(peak, max(total - warmup, 1), alpha=1e-6 / peak),
    }[decay]
    return optax.join_schedules([optax.linear_schedule(0.01 * peak, peak, warmup), after], [warmup])


def optimizer(config: TrainConfig) -> optax.GradientTransformation:
    """AdamW under a joint clip of the gradient's norm (the reference's betas and epsilon).

    What it does to theta is multiplied by `theta_rate`. With `alpha_mode` "fix" the step sizes stay as they
    are: neither moved nor decayed.
    """
    schedule = config.learning_rate, config.warmup_steps, config.total_steps, config.decay
    alpha_rate = 0.0 if config.alpha_mode == "fix" else 1.0
    return _optimizer(schedule, config.clip_norm, config.weight_decay, config.theta_rate, alpha_rate)


# A compiled step is found again by its optimizer, and optax makes a new one at every call.
@functools.cache
def _optimizer(schedule, clip_norm: float, weight_decay: float, theta_rate: float, alpha_rate: float):
    return optax.chain(
        # A step size that is fixed is a constant, whose slope is not to shorten the others' step.
        *([_rates(1.0, alpha_rate)] if alpha_rate != 1 else []),
        optax.clip_by_global_norm(clip_norm),
        optax.adamw(_schedule(*schedule), weight_decay=weight_decay),
        # Only where it does something: other trees than meta-parameters have no such parts.
        *([_rates(theta_rate, alpha_rate)] if (theta_rate, alpha_rate) != (1, 1) else []),
    )


def _rates(theta: float, alpha: float) -> optax.GradientTransformation:
    def scaled(updates: MetaParams, params=None) -> MetaParams:
        times = lambda rate, tree: jax.tree.map(lambda update: rate * update, tree)
        return updates._replace(theta=times(theta, updates.theta), alpha=times(alpha, updates.alpha))

    return optax.stateless(scaled)


@functools.partial(jax.jit, static_argnames=("inner", "gradient_map", "update", "whole"), donate_argnums=0)
def train_step(
    state: TrainState,
    decoder: SplitDecoder,
    batches_MxD: TaskBatch,
    *,
    inner: InnerProblem,
    update: optax.GradientTransformation,
    gradient_map: GradientMap = ORDERS["second"],
    whole: jax.sharding.Sharding | None = None,
) -> tuple[TrainState, OuterMetrics, jax.Array]:
    """Advances by the mean gradient of M x D batches. Returns (state, metrics before it, gradient norm).

    Args:
        state: is consumed.
        decoder: the frozen network.
        batches_MxD: leaves M x D x *; M turns one after the other, so that only D batches are in memory.
        inner: how documents move the network.
        update: the optimizer.
        gradient_map: what becomes of document gradients on their way, as in `outer_loss`.
        whole: how the state that is returned lies on a mesh, the same as the state that is given. Left to
            itself the compiler cuts it as the frozen weights are, and the next step is compiled anew.
    """

    def mean_loss(meta, batches_D):
        one = lambda batch: outer_loss(meta, decoder, inner, batch, gradient_map)
        losses_D, metrics_D = jax.vmap(one)(batches_D)
        return losses_D.mean(), jax.tree.map(jnp.mean, metrics_D)

    def turn(sums, batches_D):
        (_, metrics), grads = jax.value_and_grad(mean_loss, has_aux=True)(state.meta, batches_D)
        return jax.tree.map(jnp.add, sums, grads), metrics

    sums, metrics_M = jax.lax.scan(turn, jax.tree.map(jnp.zeros_like, state.meta), batches_MxD)
    metrics = jax.tree.map(jnp.mean, metrics_M)
    grads = jax.tree.map(lambda x: x / len(batches_MxD.scores_QxN), sums)
    updates, opt_state = update.update(grads, state.opt_state, state.meta)
    meta = optax.apply_updates(state.meta, updates)
    state = TrainState(state.step + 1, meta, opt_state)
    if whole is not None:
        state = jax.lax.with_sharding_constraint(state, whole)
    return state, metrics, optax.tree.norm(grads)


@functools.partial(jax.jit, static_argnames=("inner", "gradient_map"))
def validate_batch(
    meta: MetaParams,
    decoder: SplitDecoder,
    batch: TaskBatch,
    stops_V: jax.Array,
    *,
    inner: InnerProblem,
    gradient_map: GradientMap = ORDERS["second"],
) -> Validation:
    """Measures whether gradients carry knowledge, and not only the form of an answer."""
    if isinstance(batch.documents, Factors):
        raise TypeError("validation takes documents as tokens")
    config, documents = inner.adapter, batch.documents.without_garbage()
    grads_N, before_N = document_gradients(decoder, inner, meta, documents)
    grads_N = gradient_map(grads_N)
    weigh = DOCUMENT_WEIGHTS[inner.weighting]
    weights_QxN = weigh(batch.scores_QxN, batch.retrieved_QxN, meta.log_temperature)
    questions = batch.questions
    counts_Q = questions.answer_lengths_Q > 0
    total = lambda x: jnp.sum(jnp.where(counts_Q, x, 0.0))

    def measure(weights_QxN):
        theta_Q = adapted_parameters(meta, weights_QxN, grads_N)
        losses_Q, _ = answer_losses(decoder, config, theta_Q, meta.bases, questions)
        head = adapted_head(decoder, config, theta_Q, meta.bases)
        length = questions.answers_QxM.shape[1]
        found_QxM = generate(decoder, head, questions.tokens_QxT, questions.prompt_lengths_Q, stops_V, length)
        inside_QxM = jnp.arange(length) < questions.answer_lengths_Q[:, None]
        exact_Q = ~((found_QxM != questions.answers_QxM) & inside_QxM).any(axis=1)
        words = lambda tokens_QxM: jnp.where((tokens_QxM >= 0) & ~stops_V[tokens_QxM], tokens_QxM, -1)
        f1_Q = jax.vmap(token_f1)(words(found_QxM), words(jnp.where(inside_QxM, questions.answers_QxM, -1)))
        return total(losses_Q), total(exact_Q), total(f1_Q)

    # Documents stand in groups, so half a turn of the pool gives every question others than its own (with
    # an odd number of groups, some of two groups).
    other_QxN = jnp.roll(weights_QxN, weights_QxN.shape[1] // 2, axis=1)
    used_3xQxN = jnp.stack([weights_QxN, other_QxN, jnp.zeros_like(weights_QxN)])
    # One after the other, so that decoding is compiled once.
    (gold, other, none), (exact, exact_other, exact_none), (f1, f1_other, f1_none) = jax.lax.map(
        measure, used_3xQxN
    )

    hidden_NxTxD, _ = decoder.trunk(documents.tokens_NxT)
    after_N = jax.vmap(lambda theta, *document: document_loss(decoder, config, theta, meta.bases, *document))(
        descend(meta, grads_N), hidden_NxTxD, documents.tokens_NxT, documents.lengths_N
    )
    real_N = documents.lengths_N > 1
    return Validation(
        gold, other, none, exact, exact_other, exact_none, f1, f1_other, f1_none,
        document_before=jnp.sum(jnp.where(real_N, before_N, 0.0)),
        document_after=jnp.sum(jnp.where(real_N, after_N, 0.0)),
        questions=counts_Q.sum().astype(jnp.float32),
        documents=real_N.sum().astype(jnp.float32),
    )  # fmt: skip


def token_f1(found_M: jax.Array, expected_M: jax.Array) -> jax.Array:
    """Returns F1 of two bags of tokens, a float32 scalar; negative entries are none."""
    real = lambda tokens_M: tokens_M >= 0
    # The n-th of a token counts where the other bag holds it n times.
    rank_M = jnp.sum(jnp.tril(found_M[:, None] == found_M), axis=1)
    times_M = jnp.sum(found_M[:, None] == expected_M, axis=1)
    common = jnp.sum((rank_M <= times_M) & real(found_M))
    return 2 * common / jnp.maximum(real(found_M).sum() + real(expected_M).sum(), 1)
