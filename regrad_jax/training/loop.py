"""Meta-training from a config to a released checkpoint, resumable at any step."""

import contextlib
import dataclasses
import functools
import json
import math
import os
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import grain
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import orbax.checkpoint as ocp
import tensorboardX
from jax.experimental import multihost_utils
from orbax.checkpoint import checkpoint_managers as policies

from regrad_jax import machine
from regrad_jax.adaptation.adapter import singular_bases
from regrad_jax.adaptation.inner import Documents, MetaParams, init_meta, step_sizes
from regrad_jax.adaptation.outer import TaskBatch
from regrad_jax.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from regrad_jax.data.prompts import PROMPTS
from regrad_jax.errors import RunError, UserError
from regrad_jax.models.base import BaseModel, load_base, locate
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.progress import to_stderr
from regrad_jax.retrieval.embedding import Embedder
from regrad_jax.training.cache import ActivationCache
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.curve import plot_run, read_metrics
from regrad_jax.training.flops import step_flops
from regrad_jax.training.gradient_map import gradient_map
from regrad_jax.training.mesh import Layout
from regrad_jax.training.state import TrainState, Validation, optimizer, train_step, validate_batch
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
        UserError: the folder belongs to a run of another config, or the data cannot be read.
    """
    release = workdir / "release"
    _check(workdir, config)
    layout = Layout(config)
    if release.exists():
        _say(f"{release} is finished; nothing to do")
        return release
    base = load_base(config.base_model, config.adapter.first_layer, config.dtype, config.remat)
    embedder = Embedder.load(locate(config.encoder))
    _say("reading and embedding the training texts")
    sources = _sources(config, base, embedder, "train")
    held_out = _validation_batches(config, base, embedder)
    update = optimizer(config)
    meta = _start(config, base)
    state = layout.replicate(TrainState(jnp.int32(0), meta, update.init(meta)))
    decoder = layout.shard_frozen(base.decoder)
    workdir.mkdir(parents=True, exist_ok=True)
    if _is_first():
        (workdir / "config.json").write_text(_as_json(config))
    caches = {}
    if config.theta == "zero":
        caches = {
            name: ActivationCache(base.decoder, config.adapter, source, workdir)
            for name, source in sources.items()
        }
    with _manager(workdir) as manager, _termination() as terminated:
        if manager.latest_step() is not None:
            state = manager.restore(manager.latest_step(), args=ocp.args.StandardRestore(state))
            _say(f"resuming from step {int(state.step)}")
        elif config.bases == "singular":
            bases = singular_bases(config.adapter, base.decoder.head_params["layers"])
            state = state._replace(meta=state.meta._replace(bases=layout.replicate(bases)))
        log = _Log(workdir / "metrics.jsonl", int(state.step), config)
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
                if _is_first():
                    plot_run(workdir / "metrics.jsonl", workdir / "curve.png")
            if step % config.save_every == 0 or "validation" in scores or last or stop:
                manager.save(step, args=ocp.args.StandardSave(state), metrics=scores)
            if stop and not last:
                manager.wait_until_finished()
                _say(f"stopped by SIGTERM; step {step} is saved, and the same command goes on from it")
                sys.exit(128 + signal.SIGTERM)
        manager.wait_until_finished()
        best = manager.best_step()
        if "validation" not in (manager.metrics(best) or {}):
            raise UserError(f"{workdir}: no kept checkpoint is validated; remove the last one and go on")
        if best != int(state.step):
            state = manager.restore(best, args=ocp.args.StandardRestore(state))
        validation = manager.metrics(best)["validation"]
    if _is_first():
        save_checkpoint(release, _checkpoint(config, base, state, validation))
        _say(f"released {release}")
    return release


def export(
    workdir: pathlib.Path,
    folder: pathlib.Path,
    best: bool = False,
    inner_steps: int | None = None,
    temperature: float | None = None,
) -> pathlib.Path:
    """Releases a checkpoint of a run, finished or not, into a folder that does not exist yet.

    Args:
        workdir: the run's folder.
        folder: of the release.
        best: take the one that validated best instead of the latest.
        inner_steps: gradient steps on a document from now on; by default as many as it was trained with.
        temperature: of the softmax over retrieval scores from now on, above 0; by default what was learned.

    Raises:
        UserError: there is no run, or it has no checkpoint yet, or a value makes no sense.
    """
    if inner_steps is not None and inner_steps < 1:
        raise UserError(f"--inner_steps is {inner_steps}; it must be at least 1")
    if temperature is not None and not 0 < temperature < math.inf:
        raise UserError(f"--temperature is {temperature}; it must be above 0 and finite")
    config = _read_config(workdir / "config.json")
    base = load_base(config.base_model, config.adapter.first_layer)
    meta = _fresh(config, base)  # only its form counts
    state = TrainState(jnp.int32(0), meta, optimizer(config).init(meta))
    with _manager(workdir) as manager:
        if manager.latest_step() is None:
            raise UserError(f"{workdir}: the run has not saved a checkpoint yet; wait for one")
        step = manager.best_step() if best else manager.latest_step()
        if best and "validation" not in (manager.metrics(step) or {}):
            raise UserError(f"{workdir}: none of the run's kept checkpoints is validated; take the latest")
        state = manager.restore(step, args=ocp.args.StandardRestore(state))
    lines = read_metrics(workdir / "metrics.jsonl")
    validations = [line for line in lines if "validation" in line and line["step"] <= int(state.step)]
    validation = validations[-1]["validation"] if validations else {}
    released = _checkpoint(config, base, state, validation)
    if inner_steps is not None:
        released = dataclasses.replace(released, inner_steps=inner_steps)
    if temperature is not None:
        meta = released.meta._replace(log_temperature=np.log(np.float32(temperature)))
        released = dataclasses.replace(released, meta=meta)
    save_checkpoint(folder, released)
    return folder


def _document_length(drawn: Mapping[int, tuple[Draw, TaskBatch]]) -> int:
    """Returns the length that a step's documents are padded to."""
    lengths = set()
    for _, batch in drawn.values():
        assert isinstance(batch.documents, Documents)
        lengths.add(batch.documents.tokens_NxT.shape[1])
    [length] = lengths
    return length


def _is_first() -> bool:
    """Returns whether this process is the one that speaks and writes for all."""
    return jax.process_index() == 0


def _say(line: str) -> None:
    if _is_first():
        to_stderr(line)


def _any_process(flag: bool) -> bool:
    """Returns whether the flag is up in any process; all must ask at the same step."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.process_allgather(np.array(flag)).any())


def _fresh(config: TrainConfig, base: BaseModel) -> MetaParams:
    return init_meta(
        config.adapter,
        base.decoder.config,
        jax.random.key(config.seed),
        alpha=config.alpha,
        alpha_mode=config.alpha_mode,
        temperature=config.temperature,
    )


def _start(config: TrainConfig, base: BaseModel) -> MetaParams:
    fresh = _fresh(config, base)
    if not config.initial:
        return fresh
    checkpoint = load_checkpoint(config.initial)
    if checkpoint.adapter != config.adapter or checkpoint.base_digest != base.digest:
        raise UserError(f"config.initial: {config.initial} has another adapter or base model than this run")
    if config.theta == "zero" and any(np.any(leaf) for leaf in jax.tree.leaves(checkpoint.meta.theta)):
        raise UserError(f"config.initial: theta of {config.initial} is not zero; use config.theta=learned")
    if jax.tree.map(jnp.shape, checkpoint.meta) != jax.tree.map(jnp.shape, fresh):
        raise UserError(
            f"config.initial: {config.initial} has not the step sizes of alpha_mode {config.alpha_mode}"
        )
    scaled = jax.tree.map(lambda alpha: config.initial_alpha_scale * alpha, checkpoint.meta.alpha)
    return checkpoint.meta._replace(alpha=scaled)


def _as_json(config: TrainConfig) -> str:
    return json.dumps(dataclasses.asdict(config), indent=1) + "\n"


def _check(workdir: pathlib.Path, config: TrainConfig) -> None:
    """Refuses a folder that is not this run's. Nothing is written until all input has been read."""
    path = workdir / "config.json"
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"{workdir} is a file; choose another --workdir")
    if path.exists():
        if _read_config(path) != config:
            raise UserError(f"{path} is of a run with another config; choose another --workdir")
    elif workdir.exists() and any(workdir.iterdir()):
        raise UserError(f"{workdir} is not empty and not a run folder; choose another --workdir")


def _read_config(path: pathlib.Path) -> TrainConfig:
    """Reads a run's config; settings that are younger than the run have their defaults."""
    try:
        values = json.loads(path.read_text())
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
    except OSError as error:
        raise UserError(f"{path.parent}: not a run folder ({error.strerror}: {path.name})") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); restore it or choose another --workdir") from error
    return TrainConfig.from_dict(ml_collections.ConfigDict(values))


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


def _manager(workdir: pathlib.Path) -> ocp.CheckpointManager:
    loss = lambda scores: scores["loss"]
    best = policies.BestN(get_metric_fn=loss, reverse=True, n=1, keep_checkpoints_without_metrics=False)
    options = ocp.CheckpointManagerOptions(
        preservation_policy=policies.AnyPreservationPolicy([policies.LatestN(2), best]),
        best_fn=loss,
        best_mode="min",
        create=True,
    )
    return ocp.CheckpointManager((workdir / "checkpoints").absolute(), options=options)


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


def _sources(config: TrainConfig, base: BaseModel, embedder: Embedder, split: str):
    sources = {}
    for name, source in config.sources.items():
        entities = source.entities if split == "train" else max(config.eval_documents, 1)
        documents, questions = read_source(source, split, entities, config.seed)
        sources[name] = tokenise(
            documents, questions, source, PROMPTS[config.prompts](base.tokenizer), base.tokenizer, embedder,
            config.documents_per_question,
        )  # fmt: skip
        _say(f"{name} {split}: {len(sources[name].documents)} documents, "
            f"{len(sources[name].questions)} questions")  # fmt: skip
    return sources


def _validation_batches(config, base, embedder) -> dict[str, list[TaskBatch]]:
    """Returns fixed batches of every source, asked blind and with every question's own document.

    What gradients carry would not show with the documents in the prompt, nor the own one's without it.
    """
    plain = {name: dataclasses.replace(s, context=0.0, gold_absent=0.0) for name, s in config.sources.items()}
    config = dataclasses.replace(config, sources=plain)
    held_out = {}
    for name, source in _sources(config, base, embedder, "validation").items():
        rng = np.random.default_rng(_VALIDATION_SEED)
        size = source.config.anchors * config.documents_per_question
        count = max(config.eval_documents // size, 1)
        held_out[name] = [assemble(source, draw(source, rng)) for _ in range(count)]
    return held_out


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


def _checkpoint(config, base: BaseModel, state: TrainState, validation) -> Checkpoint:
    return Checkpoint(
        adapter=config.adapter,
        meta=jax.device_get(state.meta),
        weighting=config.weighting,
        inner_steps=config.inner_steps,
        prompts=config.prompts,
        document_tokens=max(source.document_tokens for source in config.sources.values()),
        documents_per_question=config.documents_per_question,
        base_model=config.base_model,
        base_digest=base.digest,
        tokenizer_digest=base.tokenizer_digest,
        training=dataclasses.asdict(config),
        metrics={"steps": int(state.step), "validation": validation},
    )


# Of a process: runs that follow each other in it share the measurement.
_matmul_flops = functools.cache(machine.matmul_flops)


class _Log:
    """metrics.jsonl for programs, one line a step on stderr for people."""

    def __init__(self, path: pathlib.Path, start: int, config: TrainConfig):
        if _is_first():
            # A step is logged once, though a run that is killed before it saves begins anew.
            kept = [line for line in read_metrics(path) if start and line["step"] <= start]
            draft = path.with_suffix(".draft")
            draft.write_text("".join(json.dumps(line) + "\n" for line in kept))
            os.replace(draft, path)
        self._file = open(path if _is_first() else os.devnull, "a")  # noqa: SIM115 as long as the run
        self._board = None
        if _is_first():  # what a killed run wrote behind its checkpoint does not count
            board = str(path.with_name("tensorboard"))
            self._board = tensorboardX.SummaryWriter(board, purge_step=start + 1 if start else 0)
        self._start, self._total = start, config.total_steps
        self._computes_all = config.theta == "learned"  # and takes nothing from `ActivationCache`
        # The cores of a CPU are one peak, into however many devices they are divided.
        peaks = jax.process_count() if jax.default_backend() == "cpu" else config.devices
        self._peak = peaks * _matmul_flops(config.dtype)
        self._began = self._last = time.monotonic()

    def step(self, step, source, tasks, flops, metrics, norm, meta) -> None:
        loss, now = float(metrics.outer_loss), time.monotonic()
        seconds, self._last = now - self._last, now
        # The first step of a run compiles, so rates begin behind it.
        if step == self._start + 1:
            self._began = now
        rate = (step - self._start - 1) / max(now - self._began, 1e-9)
        facts = {
            "step": step, "source": source, "outer_loss": loss,
            "token_accuracy": float(metrics.token_accuracy), "gradient_norm": float(norm),
            "temperature": float(jnp.exp(meta.log_temperature)), "time": time.time(),
        }  # fmt: skip
        speed = {"seconds": seconds, "tasks_per_s": tasks / seconds}
        if self._computes_all:
            speed["share_of_peak"] = flops / seconds / self._peak
        self._write(facts | {"speed": speed})
        self._plot(step, {f"train/{source}": facts, "speed": speed})
        share = f"{speed['share_of_peak']:.0%} of peak, " if self._computes_all else ""
        left = f"{(self._total - step) / rate / 60:.0f} min left" if rate else "with compiling"
        _say(
            f"step {step}/{self._total} {source}: loss {loss:.3f}, token accuracy "
            f"{facts['token_accuracy']:.0%}, {tasks / seconds:.2f} tasks/s, {share}{left}"
        )

    def validation(self, step: int, results: Mapping[str, Any], meta: MetaParams) -> None:
        means = {
            f"{target}/{factor}": float(jnp.mean(alpha))
            for target, factors in step_sizes(meta).items()
            for factor, alpha in factors.items()
        }
        self._write({"step": step, "validation": results, "alpha": means, "time": time.time()})
        self._plot(step, {f"validation/{name}": r for name, r in results.items()} | {"alpha": means})
        for name, r in results.items():
            _say(
                f"  validation {name}: exact match {r['exact']:.1%} (others' documents "
                f"{r['exact_other']:.1%}, no gradient {r['exact_none']:.1%}), F1 {r['f1']:.1%} "
                f"({r['f1_other']:.1%}, {r['f1_none']:.1%}), "
                f"answer loss {r['gold']:.3f} gold, {r['other']:.3f} other, {r['none']:.3f} none; "
                f"document loss {r['document_before']:.3f} before its step, {r['document_after']:.3f} after"
            )
        self._last = time.monotonic()  # validating is no step's time

    def _plot(self, step: int, groups: Mapping[str, Mapping[str, Any]]) -> None:
        if self._board is None:
            return
        for group, facts in groups.items():
            for name, value in facts.items():
                if isinstance(value, float) and name != "time":
                    self._board.add_scalar(f"{group}/{name}", value, step)
        self._board.flush()

    def _write(self, facts: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(facts) + "\n")
        self._file.flush()
