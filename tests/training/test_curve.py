"""The plot of a run: a panel for the training loss and one for every source that is validated."""

import json

import matplotlib.figure
import pytest

from regrad_jax.training.curve import plot_run


@pytest.mark.parametrize("validated", [[], ["almanac"], ["almanac", "squad"]])
def test_a_panel_for_every_validated_source(validated, tmp_path, monkeypatch):
    """A source may have a share of training and no validation, or none yet."""
    found = {"gold": 1.0, "other": 2.0, "none": 3.0, "exact": 0.5}
    lines = [
        {"step": 1, "source": "almanac", "outer_loss": 2.0},
        {"step": 2, "source": "squad", "outer_loss": 3.0},
    ]
    if validated:
        lines.append({"step": 2, "validation": dict.fromkeys(validated, found)})
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    titles = []
    save = matplotlib.figure.Figure.savefig

    def watching(figure, *arguments, **options):
        titles.extend(title for axes in figure.axes if (title := axes.get_title()))
        return save(figure, *arguments, **options)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", watching)
    plot_run(tmp_path / "metrics.jsonl", tmp_path / "curve.png")
    assert titles == ["training", *(f"{source}, validation" for source in validated)]
    assert (tmp_path / "curve.png").stat().st_size > 5_000
