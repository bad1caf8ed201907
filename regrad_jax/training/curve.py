"""A run as a picture: outer loss, and on held-out questions what gradients are worth."""

import contextlib
import json
import pathlib
from typing import Any

import numpy as np

from regrad_jax.plotting import pyplot

_WINDOW = 20  # steps that the loss is averaged over


def plot_run(metrics: pathlib.Path, path: pathlib.Path) -> None:
    """Draws a run's metrics.jsonl: the training loss by source, and validation by source.

    The distance between the lines "own documents" and "other documents" is knowledge; what both lose
    against "no gradient" is only the form of an answer.
    """
    plt = pyplot()
    lines = read_metrics(metrics)
    steps = [line for line in lines if "outer_loss" in line]
    validations = [line for line in lines if "validation" in line]
    sources = list(dict.fromkeys(line["source"] for line in steps))
    validated = list(dict.fromkeys(source for line in validations for source in line["validation"]))
    count = 1 + len(validated)
    figure, panels = plt.subplots(1, count, figsize=(5 * count, 3.6), squeeze=False)
    for source in sources:
        chosen = [line for line in steps if line["source"] == source]
        panels[0][0].plot(*_smooth([(line["step"], line["outer_loss"]) for line in chosen]), label=source)
    panels[0][0].set(title="training", xlabel="step", ylabel="answer loss (nats per token)")
    panels[0][0].legend(frameon=False)
    for panel, source in zip(panels[0][1:], validated, strict=True):
        seen = [
            (line["step"], line["validation"][source]) for line in validations if source in line["validation"]
        ]
        for key, label in (("gold", "own documents"), ("other", "other documents"), ("none", "no gradient")):
            panel.plot([s for s, _ in seen], [v[key] for _, v in seen], marker="o", label=label)
        panel.set(title=f"{source}, validation", xlabel="step", ylim=(0, None))
        panel.legend(frameon=False)
        exact = panel.twinx()
        exact.plot([s for s, _ in seen], [100 * v["exact"] for _, v in seen], color="black", linestyle=":")
        exact.set(ylim=(0, 100), ylabel="exact match, % (dotted)")
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)


def read_metrics(path: pathlib.Path) -> list[dict[str, Any]]:
    """Returns the lines of a metrics.jsonl; none where there is no file, and not a torn last one."""
    lines = []
    for line in path.read_text().splitlines() if path.exists() else []:
        with contextlib.suppress(ValueError):
            lines.append(json.loads(line))
    return lines


def _smooth(points: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    steps, values = np.array(points).T
    width = min(_WINDOW, len(values))
    return steps[width - 1 :], np.convolve(values, np.ones(width) / width, "valid")
