"""The state of meta-training, its optimizer, and the step that advances it."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from regrad_jax.adaptation.outer import ORDERS, GradientMap, OuterMetrics, TaskBatch, outer_loss
from regrad_jax.adaptation.parameters import MetaParams, init_meta
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.training.config import TrainConfig


class TrainState(NamedTuple):
    """Everything that a run carries from step to step. The batches follow from `step` alone."""

    step: jax.Array
    meta: MetaParams
    opt_state: optax.OptState


def fresh_meta(config: TrainConfig, decoder: DecoderConfig) -> MetaParams:
    """Returns the parameters that a run without `initial` starts from."""
    return init_meta(
        config.inner.adapter,
        decoder,
        jax.random.key(config.seed),
        alpha=config.alpha,
        alpha_mode=config.alpha_mode,
        temperature=config.temperature,
    )


def learning_rate(config: TrainConfig) -> optax.Schedule:
    """Returns a linear warm-up from 1% of the peak, then a linear decay to 0 or a cosine decay to 1e-6."""
    return _schedule(config.learning_rate, config.warmup_steps, config.total_steps, config.decay)


def _schedule(peak: float, warmup: int, total: int, decay: str) -> optax.Schedule:
    after = {
        "linear": optax.linear_schedule(peak, 0.0, max(total - warmup, 1)),
        "cosine": optax.cosine_decay_schedule(peak, max(total - warmup, 1), alpha=1e-6 / peak),
    }[decay]
    return optax.join_schedules([optax.linear_schedule(0.01 * peak, peak, warmup), after], [warmup])


def optimizer(config: TrainConfig) -> optax.GradientTransformation:
    """Returns AdamW, with the reference's betas and epsilon, after a joint clip of the gradient's norm.

    Theta's updates are multiplied by `theta_rate`. With `alpha_mode` "fix" the step sizes are neither moved
    nor decayed.
    """
    schedule = config.learning_rate, config.warmup_steps, config.total_steps, config.decay
    alpha_rate = 0.0 if config.alpha_mode == "fix" else 1.0
    return _optimizer(schedule, config.clip_norm, config.weight_decay, config.theta_rate, alpha_rate)


# `jax.jit` finds a compiled step again by its optimizer, and optax returns a new object at every call.
@functools.cache
def _optimizer(schedule, clip_norm: float, weight_decay: float, theta_rate: float, alpha_rate: float):
    return optax.chain(
        # A fixed step size is a constant, so its slope must not shorten the others' step under the clip.
        *([_rates(1.0, alpha_rate)] if alpha_rate != 1 else []),
        optax.clip_by_global_norm(clip_norm),
        optax.adamw(_schedule(*schedule), weight_decay=weight_decay),
        # Only where it does something, since trees other than meta-parameters have no such parts.
        *([_rates(theta_rate, alpha_rate)] if (theta_rate, alpha_rate) != (1, 1) else []),
    )


def _rates(theta: float, alpha: float) -> optax.GradientTransformation:
    def scaled(updates: MetaParams, params=None) -> MetaParams:
        times = lambda rate, tree: jax.tree.map(lambda update: rate * update, tree)
        return updates._replace(theta=times(theta, updates.theta), alpha=times(alpha, updates.alpha))

    return optax.stateless(scaled)


@functools.partial(jax.jit, static_argnames=("inner", "gradient_map", "update", "sharding"), donate_argnums=0)
def train_step(
    state: TrainState,
    decoder: SplitDecoder,
    batches_UxG: TaskBatch,
    *,
    inner: InnerProblem,
    update: optax.GradientTransformation,
    gradient_map: GradientMap = ORDERS["second"],
    sharding: jax.sharding.Sharding | None = None,
) -> tuple[TrainState, OuterMetrics, jax.Array]:
    """Takes one step along the mean gradient of U x G batches.

    Args:
        state: the state before the step. Its buffers are given to the result (donated).
        decoder: the frozen network.
        batches_UxG: leaves U x G x *. The U turns run one after the other, so that only G batches are in
            memory.
        inner: how documents move the network.
        update: the optimizer.
        gradient_map: what document gradients go through, as in `outer_loss`.
        sharding: where the returned state is to lie on a mesh; give the sharding of `state`. Without it the
            compiler cuts the returned state like the frozen weights, and then compiles the next step anew.

    Returns:
        (the state after the step, metrics before it, the norm of the mean gradient).
    """

    def mean_loss(meta, batches_G):
        one = lambda batch: outer_loss(meta, decoder, inner, batch, gradient_map)
        losses_G, metrics_G = jax.vmap(one)(batches_G)
        return losses_G.mean(), jax.tree.map(jnp.mean, metrics_G)

    def turn(sums, batches_G):
        (_, metrics), grads = jax.value_and_grad(mean_loss, has_aux=True)(state.meta, batches_G)
        return jax.tree.map(jnp.add, sums, grads), metrics

    sums, metrics_U = jax.lax.scan(turn, jax.tree.map(jnp.zeros_like, state.meta), batches_UxG)
    metrics = jax.tree.map(jnp.mean, metrics_U)
    grads = jax.tree.map(lambda x: x / len(batches_UxG.scores_QxN), sums)
    updates, opt_state = update.update(grads, state.opt_state, state.meta)
    meta = optax.apply_updates(state.meta, updates)
    state = TrainState(state.step + 1, meta, opt_state)
    if sharding is not None:
        state = jax.lax.with_sharding_constraint(state, sharding)
    return state, metrics, optax.tree.norm(grads)
