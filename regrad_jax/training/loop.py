"""Meta-training from a config to a released checkpoint.

    prepare   read the model, the starting parameters and the texts; lay them over the devices
    resume    take the latest checkpoint of the run folder, if there is one
    advance   for every step: draw a batch, step, log, and now and then validate and save
    release   write the checkpoint that validated best

A run may end at any moment and goes on from its latest checkpoint when it is started again with the same
config. The batches of a step depend on the config (with its seed), the data and the step's number, and on
nothing that happened before. So an interrupted run draws the batches that it would have drawn. On the same
hardware, with as many devices, it ends with the same bytes as if it had never been interrupted.
"""

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
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from regrad_jax.adaptation.adapter import singular_bases
from regrad_jax.adaptation.inner import Documents
from regrad_jax.adaptation.outer import TaskBatch
from regrad_jax.checkpoint import save_checkpoint
from regrad_jax.errors import RunError, UserError
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.curve import plot_run
from regrad_jax.training.export import released
from regrad_jax.training.flops import step_flops
from regrad_jax.training.gradient_map import gradient_map
from regrad_jax.training.log import RunLog, is_first, say
from regrad_jax.training.mesh import Layout
from regrad_jax.training.prepare import Run, prepare
from regrad_jax.training.run_folder import check, checkpoints
from regrad_jax.training.state import TrainState, train_step
from regrad_jax.training.tasks import Draw, batch_of_step
from regrad_jax.training.validation import Validation, score, validate_batch

Drawn = Mapping[int, tuple[Draw, TaskBatch]]  # the batches of a step that this process draws, by number


def train(config: TrainConfig, workdir: pathlib.Path) -> pathlib.Path:
    """Runs or resumes a meta-training run.

    SIGTERM saves after the current step and exits with status 143. The last two checkpoints are kept, and so
    is the one that validated best, which is released. A folder with `release/` in it is left as it is.

    Args:
        config: the run's settings. They cannot be changed once the run has begun.
        workdir: its folder; gets config.json, data_digests.json, metrics.jsonl, tensorboard/, curve.png,
            checkpoints/ and, at the end, release/.

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
    run, state = prepare(config, workdir, layout)
    with checkpoints(workdir) as manager, _termination() as terminated:
        run, state = _resume(run, state, manager)
        state = _advance(run, state, manager, terminated)
        state, validation = _best(run, state, manager)
    if is_first():
        save_checkpoint(release, released(workdir, config, run.base, state, validation))
        say(f"released {release}")
    return release


def _resume(run: Run, state: TrainState, manager: ocp.CheckpointManager) -> tuple[Run, TrainState]:
    """Returns the state to go on from, and the run without its copy of the network in host memory."""
    if manager.latest_step() is not None:
        state = manager.restore(manager.latest_step(), args=ocp.args.StandardRestore(state))
        say(f"resuming from step {int(state.step)}")
    elif run.config.bases == "singular":
        bases = singular_bases(run.config.inner.adapter, run.base.decoder.head_params["layers"])
        state = state._replace(meta=state.meta._replace(bases=run.layout.replicate(bases)))
    return run._replace(base=run.base._replace(decoder=run.decoder)), state


def _advance(
    run: Run, state: TrainState, manager: ocp.CheckpointManager, terminated: threading.Event
) -> TrainState:
    """Takes the steps that are left."""
    config = run.config
    log = RunLog(run.workdir / "metrics.jsonl", int(state.step), config)
    if int(state.step) == 0:  # what gradients are worth before they are trained
        log.validation(0, _validate(run, state), state.meta)
    for name, drawn in _batches(run, int(state.step)):
        state = _step(run, state, name, drawn, log)
        step = int(state.step)
        last, stop = step == config.total_steps, _any_process(terminated.is_set())
        scores: dict[str, Any] = {"loss": math.inf}  # a step that is not validated ranks below all that are
        if step % config.eval_every == 0 or last:
            validation = _validate(run, state)
            scores = {"loss": score(validation), "validation": validation}
            log.validation(step, validation, state.meta)
            if is_first():
                plot_run(run.workdir / "metrics.jsonl", run.workdir / "curve.png")
        if step % config.save_every == 0 or "validation" in scores or last or stop:
            manager.save(step, args=ocp.args.StandardSave(state), metrics=scores)
        if stop and not last:
            manager.wait_until_finished()
            say(f"stopped by SIGTERM; step {step} is saved, and the same command goes on from it")
            sys.exit(128 + signal.SIGTERM)
    return state


def _step(run: Run, state: TrainState, name: str, drawn: Drawn, log: RunLog) -> TrainState:
    """Takes one step on batches of one source, and logs it."""
    config, cache = run.config, run.caches.get(name)
    fill = cache.fill if cache else lambda _, batch: batch
    batches = run.layout.batches({number: fill(*one) for number, one in drawn.items()})
    state, metrics, norm = train_step(
        state, run.decoder, batches,
        inner=config.inner, gradient_map=gradient_map(config), update=run.update, sharding=run.layout.whole,
    )  # fmt: skip
    step = int(state.step)
    _require_finite(run, step, name, float(metrics.outer_loss), float(norm), drawn)
    tasks = sum(len(one.chosen) for one, _ in drawn.values()) * jax.process_count()
    padded = dataclasses.replace(config.sources[name], document_tokens=_document_length(drawn))
    log.step(step, name, tasks, step_flops(config, run.decoder.config, padded), metrics, norm, state.meta)
    return state


def _validate(run: Run, state: TrainState) -> dict[str, dict[str, float]]:
    """Returns the figures of every source that is validated."""
    config = run.config
    measure = functools.partial(validate_batch, inner=config.inner, gradient_map=gradient_map(config))
    results = {}
    for name, batches in run.held_out.items():
        sums = [measure(state.meta, run.decoder, batch, np.asarray(run.base.stops_V)) for batch in batches]
        results[name] = Validation(*(float(sum(values)) for values in zip(*sums, strict=True))).means()
    return results


def _best(
    run: Run, state: TrainState, manager: ocp.CheckpointManager
) -> tuple[TrainState, Mapping[str, Any]]:
    """Returns (the state that validated best, its validation)."""
    manager.wait_until_finished()
    best = manager.best_step()
    if "validation" not in (manager.metrics(best) or {}):
        raise UserError(f"{run.workdir}: no kept checkpoint is validated; remove the last one and go on")
    if best != int(state.step):
        state = manager.restore(best, args=ocp.args.StandardRestore(state))
    return state, manager.metrics(best)["validation"]


def _batches(run: Run, start: int) -> Iterator[tuple[str, Drawn]]:
    """Yields, for every step from `start` on, its source and those of its batches that this process draws."""
    config, sources = run.config, run.sources

    def batches(step: int) -> tuple[str, Drawn]:
        by_number = {
            number: batch_of_step(sources, config.stages, config.seed, step, number, config.batches_per_step)
            for number in run.layout.local()
        }
        names = {name for name, _, _ in by_number.values()}
        return names.pop(), {number: (drawn, batch) for number, (_, drawn, batch) in by_number.items()}

    steps = grain.MapDataset.range(start, config.total_steps).map(batches)
    return iter(steps.to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=4)))


def _document_length(drawn: Drawn) -> int:
    """Returns the length that a step's documents are padded to."""
    lengths = set()
    for _, batch in drawn.values():
        assert isinstance(batch.documents, Documents)
        lengths.add(batch.documents.tokens_NxT.shape[1])
    [length] = lengths
    return length


def _require_finite(run: Run, step: int, name: str, loss: float, norm: float, drawn: Drawn) -> None:
    """Stops the run before a ruined state is saved."""
    if np.isfinite(loss) and np.isfinite(norm):
        return
    ids = sorted({run.sources[name].ids[place] for one, _ in drawn.values() for place in one.pool})
    raise RunError(
        f"step {step} of {run.workdir}: the outer loss is {loss} and its gradient's norm {norm}, on "
        f"documents {', '.join(ids)} of source {name}; nothing of this step is saved: lower "
        "config.learning_rate, or look at these documents"
    )


def _any_process(flag: bool) -> bool:
    """Returns whether the flag is set in any process. All processes must ask at the same step."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.process_allgather(np.array(flag)).any())


@contextlib.contextmanager
def _termination() -> Iterator[threading.Event]:
    """Yields an event that SIGTERM sets, so that a preempted run ends after a step and its checkpoint."""
    terminated = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield terminated
        return
    before = signal.signal(signal.SIGTERM, lambda *_: terminated.set())
    try:
        yield terminated
    finally:
        signal.signal(signal.SIGTERM, before)
