"""What a training run takes, without its weights, its data or its devices.

The step is compiled from shapes alone, for as many fake CPU devices as the mesh of the config has. The
compiler then says how much memory each device needs. An accelerator's compiler plans somewhat differently. A
CPU has no bfloat16 products, so its plan holds float32 copies. So the bytes are an upper bound.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from regrad_jax.adaptation.inner import Documents
from regrad_jax.adaptation.outer import Questions, TaskBatch
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.decoder import SplitDecoder, random_params, split
from regrad_jax.models.weights import load_config
from regrad_jax.training.cache import quantised_factors
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.flops import step_flops
from regrad_jax.training.gradient_map import gradient_map
from regrad_jax.training.mesh import Layout
from regrad_jax.training.sources import SourceConfig
from regrad_jax.training.state import TrainState, fresh_meta, optimizer, train_step

# The program is never run. Without optimisation its buffers are the same, and it compiles in half the time.
_PLAN_ONLY: dict[str, str | bool] = {
    "xla_backend_optimization_level": "0",
    "xla_llvm_disable_expensive_passes": True,
}


class Needs(NamedTuple):
    """What a run takes.

    Attributes:
        frozen: parameters of the base model.
        learned: parameters that are trained.
        row: numbers in a document's row.
        devices: data x fsdp.
        held_bytes: bytes on each device all the time: its share of the frozen weights, and the state. With
            several processes and theta zero, the first device of each process also holds all of the weights.
        step_bytes: bytes on each device at the peak of a step, `held_bytes` and the batches included, for the
            source whose batches need most.
        step_flops: floating-point operations of a step on all devices together, by `step_flops`.
    """

    frozen: int
    learned: int
    row: int
    devices: int
    held_bytes: int
    step_bytes: int
    step_flops: float


def dry_run(config: TrainConfig) -> Needs:
    """Compiles a run's step from shapes.

    Args:
        config: the run; `base_model` is as for `load_config`.

    Raises:
        UserError: no such model, or fewer devices than the mesh has (`jax_num_cpu_devices` makes more).
    """
    shape = load_config(config.base_model)
    layout, update = Layout(config), optimizer(config)
    frozen, state = _arguments(config, shape, layout, update)
    batches: list[TaskBatch] = []
    for source in config.sources.values():
        if (batch := step_batches(config, source, frozen, layout)) not in batches:  # one compilation a shape
            batches.append(batch)
    steps = [
        train_step.lower(
            state, frozen, batch,
            inner=config.inner, gradient_map=gradient_map(config), update=update, sharding=layout.whole,
        ).compile(_PLAN_ONLY)
        for batch in batches
    ]  # fmt: skip
    plans = [plan for step in steps if (plan := step.memory_analysis()) is not None]
    # Tied embeddings are two leaves of one array.
    twice = _bytes_on_one(frozen.head_params["embed"]["embedding"]) if shape.tied_embeddings else 0
    peak = lambda plan: (
        plan.argument_size_in_bytes
        + plan.output_size_in_bytes
        + plan.temp_size_in_bytes
        - plan.alias_size_in_bytes
    )
    params = functools.partial(random_params, shape, jax.random.key(0))
    return Needs(
        frozen=_count(jax.eval_shape(params)),
        learned=_count(state.meta),
        row=RowLayout.of(state.meta.theta).size,
        devices=config.devices,
        held_bytes=sum(map(_bytes_on_one, jax.tree.leaves((state, frozen)))) - twice,
        step_bytes=max(map(peak, plans)) - twice,
        step_flops=max(step_flops(config, shape, source) for source in config.sources.values()),
    )


def _arguments(
    config: TrainConfig, shape: DecoderConfig, layout: Layout, update: optax.GradientTransformation
) -> tuple[SplitDecoder, TrainState]:
    """Returns the shapes of the frozen network and of the state, with their places on the mesh."""
    first_layer, dtype = config.inner.adapter.first_layer, jnp.dtype(config.dtype)
    decoder = jax.eval_shape(
        lambda: split(shape, random_params(shape, jax.random.key(0)), first_layer, dtype, config.remat)
    )
    meta = jax.eval_shape(lambda: fresh_meta(config, shape))
    state = jax.eval_shape(lambda meta: TrainState(jnp.int32(0), meta, update.init(meta)), meta)
    placed = lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
    frozen = jax.tree_util.tree_map_with_path(
        lambda path, leaf: placed(leaf, layout.frozen(path, leaf.shape)), decoder
    )
    return frozen, jax.tree.map(lambda leaf: placed(leaf, layout.whole), state)


def step_batches(
    config: TrainConfig, source: SourceConfig, decoder: SplitDecoder, layout: Layout
) -> TaskBatch:
    """Returns the shapes of a step's batches of one source, with their places on the mesh."""
    n = source.anchors * config.documents_per_question
    q = n * source.questions_per_document
    array: Any = jax.ShapeDtypeStruct
    documents: Any = Documents(array((n, source.document_tokens), np.int32), array((n,), np.int32))
    hidden = None
    if config.theta == "zero":
        factors = lambda decoder, documents: quantised_factors(decoder, config.inner.adapter, documents)
        documents = jax.eval_shape(factors, decoder, documents)
        if not source.context:  # otherwise the step computes them, as `ActivationCache` says
            hidden = array((q, source.question_tokens, decoder.config.width), np.float32)
    counts = array((q,), np.int32)
    answers = array((q, source.answer_tokens), np.int32)
    questions = Questions(array((q, source.question_tokens), np.int32), counts, answers, counts, hidden)
    batch = TaskBatch(documents, questions, array((q, n), np.bool_), array((q, n), np.float32))
    return jax.tree.map(
        lambda leaf: array((layout.turns, config.devices, *leaf.shape), leaf.dtype, sharding=layout.split),
        batch,
    )


def _count(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


def _bytes_on_one(leaf: jax.ShapeDtypeStruct) -> int:
    assert leaf.sharding is not None
    return int(np.prod(leaf.sharding.shard_shape(leaf.shape))) * leaf.dtype.itemsize
