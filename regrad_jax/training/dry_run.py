"""What a training run takes, found out without its weights, its data or its devices.

The step is compiled for the mesh of the config, on as many fake CPU devices, from shapes alone; what
the compiler says of memory is a device's share. An accelerator's own compiler plans somewhat
otherwise, and a CPU has no bfloat16 products, so its plan holds float32 copies: read the bytes as a
bound from above.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.inner import Documents, gradient_factors
from regrad_jax.adaptation.outer import Questions, TaskBatch
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.models.decoder import SplitDecoder, random_params, split
from regrad_jax.models.weights import load_config
from regrad_jax.training.cache import quantise
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.flops import step_flops
from regrad_jax.training.gradient_map import gradient_map
from regrad_jax.training.mesh import Layout
from regrad_jax.training.sources import SourceConfig
from regrad_jax.training.state import TrainState, fresh_meta, optimizer, train_step

# The program is never run: buffers are planned the same, and code is made in less than half the time.
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
        held_bytes: on each device all the time: its share of the frozen weights, and the state. With several
            processes and theta zero, the first device of each holds the weights whole besides.
        step_bytes: on each device at a step's peak, what is held and the batches included; of the
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
    params = functools.partial(random_params, shape, jax.random.key(0))
    decoder = jax.eval_shape(
        lambda: split(shape, params(), config.adapter.first_layer, jnp.dtype(config.dtype), config.remat)
    )
    meta = jax.eval_shape(lambda: fresh_meta(config, shape))
    state = jax.eval_shape(lambda meta: TrainState(jnp.int32(0), meta, update.init(meta)), meta)
    whole = lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=layout.whole)
    state = jax.tree.map(whole, state)
    frozen = jax.tree_util.tree_map_with_path(
        lambda path, leaf: jax.ShapeDtypeStruct(
            leaf.shape, leaf.dtype, sharding=layout.frozen(path, leaf.shape)
        ),
        decoder,
    )
    batches: list[TaskBatch] = []
    for source in config.sources.values():
        if (made := _batches(config, source, decoder, layout)) not in batches:  # one compilation a shape
            batches.append(made)
    steps = [
        train_step.lower(
            state, frozen, batch,
            inner=config.inner, gradient_map=gradient_map(config), update=update, whole=layout.whole,
        ).compile(_PLAN_ONLY)
        for batch in batches
    ]  # fmt: skip
    plans = [plan for step in steps if (plan := step.memory_analysis()) is not None]
    # Tied embeddings are two leaves of one array.
    twice = _bytes_on_one(frozen.head_params["embed"]["embedding"]) if shape.tied_embeddings else 0
    return Needs(
        frozen=_count(jax.eval_shape(params)),
        learned=_count(meta),
        row=RowLayout.of(meta.theta).size,
        devices=config.devices,
        held_bytes=sum(map(_bytes_on_one, jax.tree.leaves((state, frozen)))) - twice,
        step_bytes=max(
            p.argument_size_in_bytes + p.output_size_in_bytes + p.temp_size_in_bytes - p.alias_size_in_bytes
            for p in plans
        )
        - twice,
        step_flops=max(step_flops(config, shape, source) for source in config.sources.values()),
    )


def _batches(config: TrainConfig, source: SourceConfig, decoder: SplitDecoder, layout: Layout) -> TaskBatch:
    """Returns the shapes of a step's batches."""
    n = source.anchors * config.documents_per_question
    q = n * source.questions_per_document
    make: Any = jax.ShapeDtypeStruct
    documents: Any = Documents(make((n, source.document_tokens), np.int32), make((n,), np.int32))
    hidden = None
    if config.theta == "zero":
        factors = lambda decoder, documents: quantise(gradient_factors(decoder, config.adapter, documents)[0])
        documents = jax.eval_shape(factors, decoder, documents)
        if not source.context:  # otherwise the step computes them, as `ActivationCache` says
            hidden = make((q, source.question_tokens, decoder.config.width), np.float32)
    counts = make((q,), np.int32)
    answers = make((q, source.answer_tokens), np.int32)
    questions = Questions(make((q, source.question_tokens), np.int32), counts, answers, counts, hidden)
    batch = TaskBatch(documents, questions, make((q, n), np.bool_), make((q, n), np.float32))
    return jax.tree.map(
        lambda leaf: make((layout.turns, config.devices, *leaf.shape), leaf.dtype, sharding=layout.split),
        batch,
    )


def _count(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


def _bytes_on_one(leaf: jax.ShapeDtypeStruct) -> int:
    assert leaf.sharding is not None
    return int(np.prod(leaf.sharding.shard_shape(leaf.shape))) * leaf.dtype.itemsize
