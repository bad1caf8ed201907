"""Meta-training from a config to a released checkpoint, resumable at any step."""

import contextlib
import dataclasses
import functools
import math
import pathlib
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import grain
import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from regrad_jax.adaptation.adapter import singular_bases
from regrad_jax.adaptation.inner import Documents
from regrad_jax.adaptation.outer import TaskBatch
from regrad_jax.adaptation.parameters import MetaParams, widen
from regrad_jax.checkpoint import load_checkpoint, save_checkpoint
from regrad_jax.data.prompts import PROMPTS
from regrad_jax.errors import RunError, UserError
from regrad_jax.models.base import BaseModel, load_base, locate
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.retrieval.embedding import Embedder
from regrad_jax.training.cache import ActivationCache, bytes_a_token
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.curve import plot_run
from regrad_jax.training.export import released
from regrad_jax.training.flops import step_flops
from regrad_jax.training.gradient_map import gradient_map
from regrad_jax.training.log import RunLog, is_first, say
from regrad_jax.training.mesh import Layout, place_once
from regrad_jax.training.run_folder import begin, check, checkpoints, require_room
from regrad_jax.training.sources import SourceConfig
from regrad_jax.training.state import (
    TrainState,
    Validation,
    fresh_meta,
    optimizer,
    train_step,
    validate_batch,
)
from regrad_jax.training.tasks import (
    Draw,
    TaskSource,
    assemble,
    batch_of_step,
    draw,
    read_source,
    tokenise,
)

_VALIDATION_SEED = 1_000_003  # apart from every seed that training draws with


def train(config: TrainConfig, workdir: pathlib.Path) -> pathlib.Path:
    """Runs or resumes a meta-training run. SIGTERM saves after the step in hand and exits with status 143.

    The last two checkpoints are kept, and the one that validated best, which is released.

    Args:
        config: the run.
        workdir: its folder; gets config.json, metrics.jsonl, tensorboard/, curve.png, checkpoints/ and,
            at the end, release/.

    Returns:
        The folder of the released checkpoint.

    Raises:
        UserError: the folder belongs to a run of another config, cannot be written or has no room, or the
            data cannot be read.
        RunError: a loss or gradient is not finite.
    """
    release = workdir / "release"
    check(workdir, config)
    layout = Layout(config)
    if release.exists():
        say(f"{release} is finished; nothing to do")
        return release
    # In host memory until it is laid over the mesh.
    base = load_base(config.base_model, config.adapter.first_layer, config.dtype, config.remat)
    meta = _start(config, base)
    embedder = Embedder.load(locate(config.encoder))
    say("reading the training texts" + (", and embedding them" if config.documents_per_question > 1 else ""))
    sources = _sources(config, config.sources, base, embedder, "train")
    require_room(workdir, _bytes_to_write(config, base, meta, sources))
    held_out = _validation_batches(config, base, embedder)
    update = optimizer(config)
    state = layout.replicate(TrainState(jnp.int32(0), meta, update.init(meta)))
    decoder = layout.shard_frozen(base.decoder)
    workdir.mkdir(parents=True, exist_ok=True)
    if is_first():
        begin(workdir, config)
    caches = {}
    if config.theta == "zero":
        # A process computes what it caches by itself.
        whole = decoder if jax.process_count() == 1 else place_once(base.decoder, jax.device_put)
        caches = {
            name: ActivationCache(whole, config.adapter, source, workdir) for name, source in sources.items()
        }
    with checkpoints(workdir) as manager, _termination() as terminated:
        if manager.latest_step() is not None:
            state = manager.restore(manager.latest_step(), args=ocp.args.StandardRestore(state))
            say(f"resuming from step {int(state.step)}")
        elif config.bases == "singular":
            bases = singular_bases(config.adapter, base.decoder.head_params["layers"])
            state = state._replace(meta=state.meta._replace(bases=layout.replicate(bases)))
        base = base._replace(decoder=decoder)  # the copy in host memory can go
        log = RunLog(workdir / "metrics.jsonl", int(state.step), config)
        if int(state.step) == 0:  # what gradients know before they are trained to be of use
            log.validation(0, _validate(config, decoder, base.stops_V, state, held_out), state.meta)
        for name, drawn in _batches(config, layout, sources, int(state.step)):
            filled = caches[name].fill if name in caches else lambda _, batch: batch
            batches = layout.batches({number: filled(*made) for number, made in drawn.items()})
            state, metrics, norm = train_step(
                state, decoder, batches,
                inner=config.inner, gradient_map=gradient_map(config), update=update, whole=layout.whole,
            )  # fmt: skip
            step = int(state.step)
            _require_finite(step, name, float(metrics.outer_loss), float(norm), sources[name], drawn, workdir)
            tasks = sum(len(made.chosen) for made, _ in drawn.values()) * jax.process_count()
            padded = dataclasses.replace(config.sources[name], document_tokens=_document_length(drawn))
            flops = step_flops(config, base.decoder.config, padded)
            log.step(step, name, tasks, flops, metrics, norm, state.meta)
            last, stop = step == config.total_steps, _any_process(terminated.is_set())
            scores: dict[str, Any] = {"loss": math.inf}  # what is not validated is worse than all that is
            if step % config.eval_every == 0 or last:
                validation = _validate(config, decoder, base.stops_V, state, held_out)
                scores = {"loss": _score(validation), "validation": validation}
                log.validation(step, validation, state.meta)
                if is_first():
                    plot_run(workdir / "metrics.jsonl", workdir / "curve.png")
            if step % config.save_every == 0 or "validation" in scores or last or stop:
                manager.save(step, args=ocp.args.StandardSave(state), metrics=scores)
            if stop and not last:
                manager.wait_until_finished()
                say(f"stopped by SIGTERM; step {step} is saved, and the same command goes on from it")
                sys.exit(128 + signal.SIGTERM)
        manager.wait_until_finished()
        best = manager.best_step()
        if "validation" not in (manager.metrics(best) or {}):
            raise UserError(f"{workdir}: no kept checkpoint is validated; remove the last one and go on")
        if best != int(state.step):
            state = manager.restore(best, args=ocp.args.StandardRestore(state))
        validation = manager.metrics(best)["validation"]
    if is_first():
        save_checkpoint(release, released(config, base, state, validation))
        say(f"released {release}")
    return release


def _document_length(drawn: Mapping[int, tuple[Draw, TaskBatch]]) -> int:
    """Returns the length that a step's documents are padded to."""
    lengths = set()
    for _, batch in drawn.values():
        assert isinstance(batch.documents, Documents)
        lengths.add(batch.documents.tokens_NxT.shape[1])
    [length] = lengths
    return length


def _any_process(flag: bool) -> bool:
    """Returns whether the flag is up in any process; all must ask at the same step."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.process_allgather(np.array(flag)).any())


def _start(config: TrainConfig, base: BaseModel) -> MetaParams:
    fresh = fresh_meta(config, base.decoder.config)
    if not config.initial:
        return fresh
    checkpoint = load_checkpoint(config.initial)
    as_wide = dataclasses.replace(checkpoint.adapter, rank=config.adapter.rank)
    if as_wide != config.adapter or checkpoint.base_digest != base.digest:
        raise UserError(f"config.initial: {config.initial} has another adapter or base model than this run")
    if checkpoint.adapter.rank > config.adapter.rank:
        raise UserError(
            f"config.adapter.rank: {config.adapter.rank} is below the {checkpoint.adapter.rank} of "
            "config.initial; it can only be raised"
        )
    if config.theta == "zero" and any(np.any(leaf) for leaf in jax.tree.leaves(checkpoint.meta.theta)):
        raise UserError(f"config.initial: theta of {config.initial} is not zero; use config.theta=learned")
    if jax.tree.map(jnp.ndim, checkpoint.meta.alpha) != jax.tree.map(jnp.ndim, fresh.alpha):
        raise UserError(
            f"config.initial: {config.initial} has not the step sizes of alpha_mode {config.alpha_mode}"
        )
    scaled = jax.tree.map(lambda alpha: config.initial_alpha_scale * alpha, checkpoint.meta.alpha)
    return widen(checkpoint.meta._replace(alpha=scaled), fresh)


@contextlib.contextmanager
def _termination() -> Iterator[threading.Event]:
    """Yields what SIGTERM sets, so that a preempted run ends behind a whole step and its checkpoint."""
    terminated = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's business
        yield terminated
        return
    before = signal.signal(signal.SIGTERM, lambda *_: terminated.set())
    try:
        yield terminated
    finally:
        signal.signal(signal.SIGTERM, before)


def _require_finite(step, name, loss, norm, source: TaskSource, drawn, workdir) -> None:
    """Stops before a ruined state is saved."""
    if np.isfinite(loss) and np.isfinite(norm):
        return
    ids = sorted({source.ids[place] for made, _ in drawn.values() for place in made.pool})
    raise RunError(
        f"step {step} of {workdir}: the outer loss is {loss} and its gradient's norm {norm}, on documents "
        f"{', '.join(ids)} of source {name}; nothing of this step is saved: lower config.learning_rate, or "
        "look at these documents"
    )


def _score(validation: Mapping[str, Any]) -> float:
    """Returns the answer loss with the own documents' gradients, averaged over the sources."""
    return float(np.mean([result["gold"] for result in validation.values()]))


def _sources(
    config: TrainConfig,
    wanted: Mapping[str, SourceConfig],
    base: BaseModel,
    embedder: Embedder,
    split: str,
) -> dict[str, TaskSource]:
    sources = {}
    for name, source in wanted.items():
        documents, questions = read_source(source, split, max(config.eval_documents, 1), config.seed)
        sources[name] = tokenise(
            documents, questions, source, PROMPTS[config.prompts](base.tokenizer), base.tokenizer, embedder,
            config.documents_per_question,
        )  # fmt: skip
        say(f"{name} {split}: {sources[name].summary}")
    return sources


def _validation_batches(config, base, embedder) -> dict[str, list[TaskBatch]]:
    """Returns fixed batches of every source, asked blind and with every question's own document.

    What gradients carry would not show with the documents in the prompt, nor the own one's without it. So a
    source whose questions are never asked blind is left out, unless there is no other. Two groups of
    documents at least, for each to have another; a document may stand in both by chance, and then "other"
    counts it as if it were not the question's own.
    """
    blind = {name: s for name, s in config.sources.items() if s.context < 1}
    plain = {
        name: dataclasses.replace(s, context=0.0, gold_absent=0.0, anchors=max(s.anchors, 2))
        for name, s in (blind or config.sources).items()
    }
    held_out = {}
    for name, source in _sources(config, plain, base, embedder, "validation").items():
        rng = np.random.default_rng(_VALIDATION_SEED)
        size = source.config.anchors * config.documents_per_question
        count = max(config.eval_documents // size, 1)
        held_out[name] = [assemble(source, draw(source, rng)) for _ in range(count)]
    return held_out


def _bytes_to_write(config: TrainConfig, base, meta, sources: Mapping[str, TaskSource]) -> int:
    """Returns about what a run writes: checkpoints, and with theta at zero what it keeps of documents."""
    parameters = sum(leaf.nbytes for leaf in jax.tree.leaves(meta))
    total = 4.0 * 3 * parameters  # three checkpoints and a fourth being written, with the optimiser's moments
    if config.theta == "zero":
        a_token = bytes_a_token(base.decoder, config.adapter)
        for name, source in sources.items():
            share = sum(steps * shares.get(name, 0) / sum(shares.values()) for steps, shares in config.stages)
            drawn = share * config.batches_per_step * source.config.anchors * config.documents_per_question
            tokens = sum(map(len, source.documents)) / max(len(source.documents), 1)
            total += min(drawn, len(source.documents)) * tokens * a_token
    return round(total)


def _batches(
    config: TrainConfig, layout: Layout, sources: Mapping[str, TaskSource], start: int
) -> Iterator[tuple[str, dict[int, tuple[Draw, TaskBatch]]]]:
    """Yields for every step its source and, by number, those of its batches that this process makes."""

    def make(step: int):
        made = {
            number: batch_of_step(sources, config.stages, config.seed, step, number, config.batches_per_step)
            for number in layout.local()
        }
        names = {name for name, _, _ in made.values()}
        return names.pop(), {number: (drawn, batch) for number, (_, drawn, batch) in made.items()}

    steps = grain.MapDataset.range(start, config.total_steps).map(make)
    return iter(steps.to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=4)))


def _validate(config: TrainConfig, decoder: SplitDecoder, stops_V, state: TrainState, held_out):
    results = {}
    for name, batches in held_out.items():
        validate = functools.partial(validate_batch, inner=config.inner, gradient_map=gradient_map(config))
        sums = [validate(state.meta, decoder, batch, np.asarray(stops_V)) for batch in batches]
        results[name] = Validation(*(float(sum(values)) for values in zip(*sums, strict=True))).means()
    return results
