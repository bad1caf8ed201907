"""The log of a run: a line a step on stderr for people, metrics.jsonl and TensorBoard for programs."""

import functools
import json
import os
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import tensorboardX

from regrad_jax import machine
from regrad_jax.adaptation.outer import OuterMetrics
from regrad_jax.adaptation.parameters import MetaParams, step_sizes
from regrad_jax.progress import to_stderr
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.curve import read_metrics
from regrad_jax.training.state import learning_rate


def is_first() -> bool:
    """Returns whether this process speaks and writes for all processes."""
    return jax.process_index() == 0


def say(line: str) -> None:
    """Writes a line of progress, once for all processes."""
    if is_first():
        to_stderr(line)


# Runs that follow each other in one process share the measurement.
_matmul_flops = functools.cache(machine.matmul_flops)


class RunLog:
    """Writes metrics.jsonl, TensorBoard's events, and a line a step on stderr."""

    def __init__(self, path: pathlib.Path, start: int, config: TrainConfig):
        if is_first():
            # A killed run repeats the steps after its latest checkpoint, and each step is to be logged once.
            kept = [line for line in read_metrics(path) if start and line["step"] <= start]
            draft = path.with_suffix(".draft")
            draft.write_text("".join(json.dumps(line) + "\n" for line in kept))
            os.replace(draft, path)
        self._file = open(path if is_first() else os.devnull, "a")  # noqa: SIM115 as long as the run
        self._board = None
        if is_first():  # events of steps after the checkpoint are purged for the same reason
            board = str(path.with_name("tensorboard"))
            self._board = tensorboardX.SummaryWriter(board, purge_step=start + 1 if start else 0)
        self._start, self._total = start, config.total_steps
        self._learning_rate = learning_rate(config)
        self._computes_all = config.theta == "learned"  # otherwise much is taken from `ActivationCache`
        # The cores of a CPU have one peak together, however many devices they are divided into.
        peaks = jax.process_count() if jax.default_backend() == "cpu" else config.devices
        self._peak = peaks * _matmul_flops(config.dtype)
        self._began = self._last = time.monotonic()

    def step(
        self,
        step: int,
        source: str,
        tasks: int,
        flops: float,
        metrics: OuterMetrics,
        norm: jax.Array,
        meta: MetaParams,
    ) -> None:
        """Logs a step.

        Args:
            step: its number, from 1.
            source: the source of its batches.
            tasks: questions in them.
            flops: floating-point operations that it cannot do without.
            metrics: of `train_step`.
            norm: of the mean gradient.
            meta: the parameters after the step.
        """
        loss, now = float(metrics.outer_loss), time.monotonic()
        seconds, self._last = now - self._last, now
        # The first step of a run compiles, so rates begin after it.
        if step == self._start + 1:
            self._began = now
        rate = (step - self._start - 1) / max(now - self._began, 1e-9)
        facts = {
            "step": step, "source": source, "outer_loss": loss,
            "token_accuracy": float(metrics.token_accuracy), "gradient_norm": float(norm),
            "temperature": float(jnp.exp(meta.log_temperature)),
            "learning_rate": float(self._learning_rate(step - 1)), "time": time.time(),
        }  # fmt: skip
        speed = {"seconds": seconds, "tasks_per_s": tasks / seconds}
        if self._computes_all:
            speed["share_of_peak"] = flops / seconds / self._peak
        self._write(facts | {"speed": speed})
        self._plot(step, {f"train/{source}": facts, "speed": speed})
        share = f"{speed['share_of_peak']:.0%} of peak, " if self._computes_all else ""
        left = f"{(self._total - step) / rate / 60:.0f} min left" if rate else "with compiling"
        say(
            f"step {step}/{self._total} {source}: loss {loss:.3f}, token accuracy "
            f"{facts['token_accuracy']:.0%}, {tasks / seconds:.2f} tasks/s, {share}{left}"
        )

    def validation(self, step: int, results: Mapping[str, Any], meta: MetaParams) -> None:
        """Logs the figures of every validated source, and the mean step size of every adapter tensor."""
        means = {
            f"{target}/{factor}": float(jnp.mean(alpha))
            for target, factors in step_sizes(meta).items()
            for factor, alpha in factors.items()
        }
        self._write({"step": step, "validation": results, "alpha": means, "time": time.time()})
        self._plot(step, {f"validation/{name}": r for name, r in results.items()} | {"alpha": means})
        for name, r in results.items():
            say(
                f"  validation {name}: exact match {r['exact']:.1%} (others' documents "
                f"{r['exact_other']:.1%}, no gradient {r['exact_none']:.1%}), F1 {r['f1']:.1%} "
                f"({r['f1_other']:.1%}, {r['f1_none']:.1%}), "
                f"answer loss {r['gold']:.3f} gold, {r['other']:.3f} other, {r['none']:.3f} none; "
                f"document loss {r['document_before']:.3f} before its step, {r['document_after']:.3f} after"
            )
        self._last = time.monotonic()  # the time of validation belongs to no step

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
