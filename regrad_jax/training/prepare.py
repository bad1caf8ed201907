"""Everything that a run needs before its first step: model, starting parameters, tasks, and their places."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from regrad_jax.adaptation.outer import TaskBatch
from regrad_jax.adaptation.parameters import MetaParams, widen
from regrad_jax.checkpoint import load_checkpoint
from regrad_jax.data.prompts import PROMPTS
from regrad_jax.errors import UserError
from regrad_jax.models.base import BaseModel, load_base, locate
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.retrieval.embedding import Embedder
from regrad_jax.training.cache import ActivationCache, bytes_a_token
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.log import is_first, say
from regrad_jax.training.mesh import Layout, place_once
from regrad_jax.training.run_folder import begin, require_room
from regrad_jax.training.sources import SourceConfig
from regrad_jax.training.state import TrainState, fresh_meta, optimizer
from regrad_jax.training.tasks import TaskSource, assemble, draw, read_source, tokenise

_VALIDATION_SEED = 1_000_003  # apart from every seed that training draws with


class Run(NamedTuple):
    """A prepared run.

    Attributes:
        config: its settings.
        workdir: its folder.
        layout: its devices.
        base: the base model. Its decoder lies in host memory at first, and on the devices from the first step
            on.
        decoder: the frozen network on the run's devices.
        update: the optimizer.
        sources: the tasks to train on, by the name of their source.
        held_out: the batches to validate on, by the name of their source.
        caches: what fills in a source's batches where theta stays zero; else empty.
    """

    config: TrainConfig
    workdir: pathlib.Path
    layout: Layout
    base: BaseModel
    decoder: SplitDecoder
    update: optax.GradientTransformation
    sources: Mapping[str, TaskSource]
    held_out: Mapping[str, list[TaskBatch]]
    caches: Mapping[str, ActivationCache]


def prepare(config: TrainConfig, workdir: pathlib.Path, layout: Layout) -> tuple[Run, TrainState]:
    """Reads all input, then writes the run's config and lays everything over the devices.

    Args:
        config: the run.
        workdir: its folder, which need not exist yet.
        layout: its devices.

    Returns:
        (the run, its state before the first step).

    Raises:
        UserError: something cannot be read, or the disk has no room for what the run would write.
    """
    base = load_base(config.base_model, config.inner.adapter.first_layer, config.dtype, config.remat)
    meta = initial_meta(config, base)
    embedder = Embedder.load(locate(config.encoder))
    say("reading the training texts" + (", and embedding them" if config.documents_per_question > 1 else ""))
    sources = load_sources(config, config.sources, base, embedder, "train")
    require_room(workdir, _bytes_to_write(config, base, meta, sources))
    held_out = validation_batches(config, base, embedder)
    update = optimizer(config)
    state = layout.replicate(TrainState(jnp.int32(0), meta, update.init(meta)))
    decoder = layout.shard_frozen(base.decoder)
    workdir.mkdir(parents=True, exist_ok=True)
    if is_first():
        begin(workdir, config)
    caches = {}
    if config.theta == "zero":
        # A process computes by itself what it caches, so it needs the whole network on one of its devices.
        whole = decoder if jax.process_count() == 1 else place_once(base.decoder, jax.device_put)
        caches = {
            name: ActivationCache(whole, config.inner.adapter, source, workdir)
            for name, source in sources.items()
        }
    return Run(config, workdir, layout, base, decoder, update, sources, held_out, caches), state


def initial_meta(config: TrainConfig, base: BaseModel) -> MetaParams:
    """Returns the parameters that a run starts from: fresh ones, or those of `config.initial`.

    Raises:
        UserError: the checkpoint of `config.initial` does not fit the run.
    """
    fresh = fresh_meta(config, base.decoder.config)
    if not config.initial:
        return fresh
    checkpoint = load_checkpoint(config.initial)
    rank, trained_rank = config.inner.adapter.rank, checkpoint.inner.adapter.rank
    at_our_rank = dataclasses.replace(checkpoint.inner.adapter, rank=rank)
    if at_our_rank != config.inner.adapter or checkpoint.base_digest != base.digest:
        raise UserError(f"config.initial: {config.initial} has another adapter or base model than this run")
    if trained_rank > rank:
        raise UserError(
            f"config.inner.adapter.rank: {rank} is below the {trained_rank} of config.initial; it can only "
            "be raised"
        )
    if config.theta == "zero" and any(np.any(leaf) for leaf in jax.tree.leaves(checkpoint.meta.theta)):
        raise UserError(f"config.initial: theta of {config.initial} is not zero; use config.theta=learned")
    if jax.tree.map(jnp.ndim, checkpoint.meta.alpha) != jax.tree.map(jnp.ndim, fresh.alpha):
        raise UserError(
            f"config.initial: {config.initial} does not have the step sizes of alpha_mode {config.alpha_mode}"
        )
    scaled = jax.tree.map(lambda alpha: config.initial_alpha_scale * alpha, checkpoint.meta.alpha)
    return widen(checkpoint.meta._replace(alpha=scaled), fresh)


def load_sources(
    config: TrainConfig,
    wanted: Mapping[str, SourceConfig],
    base: BaseModel,
    embedder: Embedder,
    split: str,
) -> dict[str, TaskSource]:
    """Returns the tasks of a split ("train", "validation" or "test") of every source by its name."""
    sources = {}
    for name, source in wanted.items():
        documents, questions = read_source(source, split, max(config.eval_documents, 1), config.seed)
        sources[name] = tokenise(
            documents, questions, source, PROMPTS[config.prompts](base.tokenizer), base.tokenizer, embedder,
            config.documents_per_question,
        )  # fmt: skip
        say(f"{name} {split}: {sources[name].summary}")
    return sources


def validation_batches(
    config: TrainConfig, base: BaseModel, embedder: Embedder
) -> dict[str, list[TaskBatch]]:
    """Returns the batches that a run validates on, by the name of their source: the same at every validation.

    Their questions are asked blind, and every question has its own document. With the documents in the
    prompt, or without a question's own document, nobody would see what gradients carry. So a source whose
    questions are never asked blind is left out, unless all sources are such.

    A batch has at least two groups of documents, so that each group has another one to be compared with. A
    document may stand in two groups by chance; the figure "other" then counts it as if it were not the
    question's own.
    """
    blind = {name: s for name, s in config.sources.items() if s.context < 1}
    plain = {
        name: dataclasses.replace(s, context=0.0, gold_absent=0.0, anchors=max(s.anchors, 2))
        for name, s in (blind or config.sources).items()
    }
    held_out = {}
    for name, source in load_sources(config, plain, base, embedder, "validation").items():
        rng = np.random.default_rng(_VALIDATION_SEED)
        size = source.config.anchors * config.documents_per_question
        count = max(config.eval_documents // size, 1)
        held_out[name] = [assemble(source, draw(source, rng)) for _ in range(count)]
    return held_out


def _bytes_to_write(
    config: TrainConfig, base: BaseModel, meta: MetaParams, sources: Mapping[str, TaskSource]
) -> int:
    """Returns about how many bytes a run writes: checkpoints, and activation caches with theta at zero."""
    parameters = sum(leaf.nbytes for leaf in jax.tree.leaves(meta))
    # Three checkpoints are kept while a fourth is written, each with the optimizer's two moments.
    total = 4.0 * 3 * parameters
    if config.theta == "zero":
        a_token = bytes_a_token(base.decoder, config.inner.adapter)
        for name, source in sources.items():
            share = sum(steps * shares.get(name, 0) / sum(shares.values()) for steps, shares in config.stages)
            drawn = share * config.batches_per_step * source.config.anchors * config.documents_per_question
            tokens = sum(map(len, source.documents)) / max(len(source.documents), 1)
            total += min(drawn, len(source.documents)) * tokens * a_token
    return round(total)
