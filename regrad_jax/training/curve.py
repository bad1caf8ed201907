"""A run as a picture: the course of training, and what gradients are worth on held-out questions."""

import contextlib
import json
import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from regrad_jax.plotting import pyplot

_WINDOW = 20  # steps that a training curve is averaged over
_WIDTH, _HEIGHT = 4.6, 3.0  # of a panel, inches
# Whose gradients answer -> the ending of a figure's name, label, colour.
_GRADIENTS = (
    ("", "own documents", "C0"),
    ("_other", "other documents", "C1"),
    ("_none", "no gradient", "C2"),
)

Line = dict[str, Any]


def plot_run(metrics: pathlib.Path, path: pathlib.Path) -> None:
    """Draws metrics.jsonl: a column for training, one for every validated source, and one for step sizes.

    The distance between the lines "own documents" and "other documents" is knowledge. What both have in
    common against "no gradient" is only the form of an answer.
    """
    plt = pyplot()
    lines = read_metrics(metrics)
    steps = [line for line in lines if "outer_loss" in line]
    validations = [line for line in lines if "validation" in line]
    sources = list(dict.fromkeys(line["source"] for line in steps))
    validated = list(dict.fromkeys(source for line in validations for source in line["validation"]))
    columns = 2 + len(validated)
    figure, panels = plt.subplots(3, columns, figsize=(_WIDTH * columns, 3 * _HEIGHT), squeeze=False)

    def by_source(panel, value: Callable[[Line], float], **labels) -> None:
        for source in sources:
            chosen = [line for line in steps if line["source"] == source]
            panel.plot(*_smooth([(line["step"], value(line)) for line in chosen]), label=source)
        panel.set(xlabel="step", **labels)
        panel.legend(frameon=False)

    loss, norm, speed = panels[:, 0]
    by_source(loss, lambda line: line["outer_loss"], title="training", ylabel="answer loss (nats per token)")
    by_source(norm, lambda line: line.get("gradient_norm", math.nan), ylabel="gradient norm", yscale="log")
    by_source(speed, lambda line: _speed(line, "tasks_per_s"), ylabel="tasks/s", ylim=(0, None))
    for column, source in zip(panels.T[1:], validated, strict=False):
        seen = [
            (line["step"], line["validation"][source]) for line in validations if source in line["validation"]
        ]
        _draw_validation(column, source, seen)

    sizes, rate, peak = panels[:, -1]
    for name in dict.fromkeys(name for line in validations for name in line.get("alpha", {})):
        points = [(line["step"], line["alpha"].get(name, math.nan)) for line in validations]
        sizes.plot(*zip(*points, strict=True), marker="o", label=name)
    sizes.set(title="step sizes", xlabel="step", ylabel="alpha, mean over layers")
    if sizes.lines:
        sizes.legend(frameon=False, fontsize="small")
    rates = [line.get("learning_rate", math.nan) for line in steps]
    rate.plot([line["step"] for line in steps], rates, label="learning rate")
    rate.set(xlabel="step", ylabel="learning rate")
    by_source(
        peak, lambda line: 100 * _speed(line, "share_of_peak"), ylabel="share of peak, %", ylim=(0, 100)
    )
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_validation(panels: Sequence[Any], source: str, seen: Sequence[tuple[int, Line]]) -> None:
    """Draws losses, scores and document losses of one source, given (step, figures) of every validation."""
    losses, scores, documents = panels
    steps = [step for step, _ in seen]
    values = lambda name: [figures.get(name, math.nan) for _, figures in seen]
    for ending, label, colour in _GRADIENTS:
        losses.plot(steps, values(ending[1:] or "gold"), marker="o", color=colour, label=label)
        for name, style in (("exact", "-"), ("f1", "--")):
            percent = [100 * value for value in values(name + ending)]
            scores.plot(steps, percent, style, marker="o", color=colour, label=f"{name}, {label}")
    for name, label in (("document_before", "before its step"), ("document_after", "after it")):
        documents.plot(steps, values(name), marker="o", label=label)
    losses.set(
        title=f"{source}, validation", xlabel="step", ylim=(0, None), ylabel="answer loss (nats per token)"
    )
    scores.set(xlabel="step", ylim=(0, 100), ylabel="exact match and F1, %")
    documents.set(xlabel="step", ylim=(0, None), ylabel="document loss (nats per token)")
    for panel in panels:
        panel.legend(frameon=False, fontsize="small")


def _speed(line: Line, name: str) -> float:
    return line.get("speed", {}).get(name, math.nan)


def read_metrics(path: pathlib.Path) -> list[dict[str, Any]]:
    """Returns the lines of a metrics.jsonl: none where there is no file. A torn last line is left out."""
    lines = []
    for line in path.read_text().splitlines() if path.exists() else []:
        with contextlib.suppress(ValueError):
            lines.append(json.loads(line))
    return lines


def _smooth(points: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    steps, values = np.array(points).T
    width = min(_WINDOW, max(len(values) // 3, 1))  # a line, however short the run
    return steps[width - 1 :], np.convolve(values, np.ones(width) / width, "valid")
