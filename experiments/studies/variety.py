r"""Measures on the fieldnotes what checkpoints have learned from 1, 7 and 55 kinds of entries.

    .venv/bin/python experiments/studies/variety.py --workdir runs/variety

WORKDIR is that of the sweep experiments/sweeps/variety.py. For every run of the sweep, the program makes a
bank of the fieldnotes and asks their questions with k = 1. The fieldnotes belong to no kind of entry. The
program prints a table and writes fieldnotes.json and fieldnotes.png into WORKDIR.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from regrad_jax.api import ReGrad
from regrad_jax.data.readers.fieldnotes import load_fieldnotes
from regrad_jax.evaluation.harness import QuestionSet, evaluate
from regrad_jax.evaluation.knowledge import knowledge_gap
from regrad_jax.methods.base import Setup
from regrad_jax.plotting import pyplot

_SETTING = "ReGrad k=1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--workdir", type=pathlib.Path, required=True, help="where the sweep's runs are")
    workdir = parser.parse_args().workdir
    releases = sorted(workdir.glob("*kinds/release"), key=_kinds)
    if not releases:
        parser.error(f"{workdir} has no finished run; launch/sweep.py experiments/sweeps/variety.py first")
    rows = [_measured(release) for release in releases]
    (workdir / "fieldnotes.json").write_text(json.dumps(rows, indent=1) + "\n")
    _plot(rows, workdir / "fieldnotes.png")
    print("kinds  right gradient  another's  exact match          F1")
    for row in rows:
        exact, f1 = ("{:5.1f} [{:.1f}, {:.1f}]".format(*row[of]) for of in ("exact", "f1"))
        print(f"{row['kinds']:5}  {row['gold']:14.3f}  {row['other']:9.3f}  {exact:19}  {f1}")


def _kinds(release: pathlib.Path) -> int:
    return int(release.parent.name.removesuffix("kinds"))


def _measured(release: pathlib.Path) -> dict:
    regrad = ReGrad.load(release)
    documents, questions = load_fieldnotes()
    with tempfile.TemporaryDirectory() as scratch:
        setup = Setup(regrad.runtime, folder=pathlib.Path(scratch) / "bank")
        [result] = evaluate(setup, documents, {"fieldnotes": QuestionSet(questions)}, (_SETTING,))
        gap = knowledge_gap(regrad.runtime, regrad.open(setup.folder), questions)
    if gap is None:
        sys.exit(f"{release}: cuts every fieldnote in two; train with sources.almanac.document_tokens=192")
    score = result.score
    return {
        "kinds": _kinds(release),
        "gold": gap.gold,
        "other": gap.other,
        "exact": [score.exact_match, *score.exact_match_interval],
        "f1": [score.f1, *score.f1_interval],
    }


def _plot(rows: list[dict], path: pathlib.Path) -> None:
    plt = pyplot()
    figure, panels = plt.subplots(1, 2, figsize=(10, 4))
    kinds = [row["kinds"] for row in rows]
    for gradient, colour in (("gold", "#2b6cb0"), ("other", "#a0aec0")):
        panels[0].plot(kinds, [row[gradient] for row in rows], "o-", color=colour, label=gradient)
    panels[0].set(xscale="log", xlabel="kinds of entries in training", ylabel="answer loss, nats per token")
    panels[0].legend()
    for of, colour in (("exact", "#2b6cb0"), ("f1", "#c05621")):
        mean, low, high = zip(*(row[of] for row in rows), strict=True)
        panels[1].plot(kinds, mean, "o-", color=colour, label=of)
        panels[1].fill_between(kinds, low, high, color=colour, alpha=0.15)
    panels[1].set(xscale="log", xlabel="kinds of entries in training", ylabel="%, fieldnotes, 95% intervals")
    panels[1].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main()
