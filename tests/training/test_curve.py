"""The plot of a run: columns for training and its means, and one for every source that is validated."""

import json

import matplotlib.figure
import numpy as np
import pytest

from regrad_jax.training.curve import plot_run

FIGURES = {
    "gold": 1.0, "other": 2.0, "none": 3.0, "exact": 0.5, "exact_other": 0.04, "exact_none": 0.02,
    "f1": 0.6, "f1_other": 0.08, "f1_none": 0.06, "document_before": 4.0, "document_after": 0.7,
}  # fmt: skip


def _draw(lines, folder, monkeypatch):
    """Returns every panel's title, label of its values, and lines: label -> values."""
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    seen = []
    save = matplotlib.figure.Figure.savefig

    def watching(figure, *arguments, **options):
        for axes in figure.axes:
            drawn = {line.get_label(): list(np.asarray(line.get_ydata(), float)) for line in axes.get_lines()}
            seen.append((axes.get_title(), axes.get_ylabel(), drawn))
        return save(figure, *arguments, **options)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", watching)
    plot_run(folder / "metrics.jsonl", folder / "curve.png")
    assert (folder / "curve.png").stat().st_size > 5_000
    return seen


def _step(step: int, source: str, loss: float, **more) -> dict:
    facts = {"gradient_norm": 7.0, "learning_rate": 1e-3, "speed": {"tasks_per_s": 2.0, "share_of_peak": 0.4}}
    return {"step": step, "source": source, "outer_loss": loss} | facts | more


@pytest.mark.parametrize("validated", [[], ["almanac"], ["almanac", "squad"]])
def test_a_column_for_every_validated_source(validated, tmp_path, monkeypatch):
    """A source may have a share of training and no validation, or none yet."""
    lines = [_step(1, "almanac", 2.0), _step(2, "squad", 3.0)]
    if validated:
        lines.append({"step": 2, "validation": dict.fromkeys(validated, FIGURES), "alpha": {"up/R": 0.9}})
    titles = [title for title, _, _ in _draw(lines, tmp_path, monkeypatch) if title]
    assert titles == ["training", *(f"{source}, validation" for source in validated), "step sizes"]


def test_everything_that_is_logged_is_drawn(tmp_path, monkeypatch):
    validation = {"validation": {"almanac": FIGURES}, "alpha": {"up/R": 0.9, "down/R": 0.8}}
    lines = [_step(1, "almanac", 2.0), {"step": 1} | validation]
    drawn = {label: lines for _, label, lines in _draw(lines, tmp_path, monkeypatch)}
    own, other, none = "own documents", "other documents", "no gradient"
    losses = drawn.pop("answer loss (nats per token)")  # the last panel of that name: validation
    assert losses == {own: [1.0], other: [2.0], none: [3.0]}
    assert drawn == {
        "gradient norm": {"almanac": [7.0]},
        "tasks/s": {"almanac": [2.0]},
        "share of peak, %": {"almanac": [40.0]},
        "learning rate": {"learning rate": [1e-3]},
        "alpha, mean over layers": {"up/R": [0.9], "down/R": [0.8]},
        "document loss (nats per token)": {"before its step": [4.0], "after it": [0.7]},
        "exact match and F1, %": {
            f"exact, {own}": [50.0], f"exact, {other}": [4.0], f"exact, {none}": [2.0],
            f"f1, {own}": [60.0], f"f1, {other}": [8.0], f"f1, {none}": [6.0],
        },
    }  # fmt: skip


def test_a_run_from_before_a_figure_was_logged_is_drawn_without_it(tmp_path, monkeypatch):
    lines = [
        {"step": 1, "source": "almanac", "outer_loss": 2.0},
        {"step": 1, "validation": {"almanac": {"gold": 1.0, "other": 2.0, "none": 3.0, "exact": 0.5}}},
    ]
    assert _draw(lines, tmp_path, monkeypatch)
