"""What each codec costs: bytes a document on disk, error of the applied update, and answers."""

import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.adaptation.parameters import step_sizes
from regrad_jax.api import ReGrad
from regrad_jax.bank.bank import Bank
from regrad_jax.data.documents import Question
from regrad_jax.evaluation.harness import QuestionSet
from regrad_jax.evaluation.harness import measure as measure_method
from regrad_jax.evaluation.knowledge import gold_losses
from regrad_jax.evaluation.question_sets import Part, read_parts
from regrad_jax.evaluation.settings import SETTINGS
from regrad_jax.library.banks import BuildOptions
from regrad_jax.methods.base import Setup
from regrad_jax.methods.lookup import Lookup
from regrad_jax.methods.table import make_method
from regrad_jax.plotting import pyplot
from regrad_jax.progress import Progress, to_stderr

_SETTING = "ReGrad k=1"
_COMMIT = 32  # documents


def measure(
    regrad: ReGrad,
    codecs: Sequence[str] = tuple(CODECS),
    path: str | os.PathLike[str] | None = None,
    entities: int = 500,
    questions: int = 300,
    progress: Progress = to_stderr,
) -> list[dict[str, Any]]:
    """Packs one bank of float32 rows with each of some codecs and asks it the same questions.

    Args:
      regrad: the checkpoint to measure.
      codecs: names in `CODECS`.
      path: where the bank of float32 rows is kept, or is already; by default it is not kept.
      entities: almanac test entries in the bank, beside the fieldnotes.
      questions: almanac questions asked with one document each.
      progress: takes a line of text now and then.

    Returns:
      For each codec: `bits` a number; `bytes_per_document`, all that the bank takes on the disk shared
      out; `update_error`, mean norm of the applied update's error over the update's norm;
      `answer_loss`, nats per answer token with the right document's gradient, which tells codecs apart
      that answer alike (None where no such document is a single passage); `exact_match` and `f1`, percent.
    """
    almanac = Part("almanac", {"entities": entities}, sample=questions)
    data = read_parts({"almanac": almanac, "fieldnotes": Part("fieldnotes")})
    with tempfile.TemporaryDirectory() as scratch:
        plain, _ = regrad.build(
            data.documents,
            path or pathlib.Path(scratch, "plain"),
            BuildOptions(codec="float32"),
            progress,
        )
        asked = data.question_sets["almanac"].questions
        return [
            _measure_one(regrad, plain, pathlib.Path(scratch, codec), codec, asked, progress)
            for codec in codecs
        ]


def _measure_one(
    regrad: ReGrad, plain: Bank, path: pathlib.Path, codec: str, asked: Sequence[Question], progress: Progress
) -> dict[str, Any]:
    bank = recode(plain, path, codec)
    places = {record.id: position for position, record in bank.records.items()}
    step = max(1, len(plain) // 100)
    errors = []
    for position, record in list(plain.records.items())[::step]:
        wanted = _update(regrad, plain, position)
        got = _update(regrad, bank, places[record.id])
        errors.append(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))
    setup = Setup(regrad.runtime, SETTINGS[_SETTING].options, Lookup(regrad.runtime, bank), progress=progress)
    result = measure_method(make_method(setup), codec, _SETTING, QuestionSet(asked))
    losses = gold_losses(regrad.runtime, bank, asked)
    length = bank.manifest.row_length
    return {
        "codec": codec,
        "bits": 8 * CODECS[codec].packed_bytes(length) / length,
        "bytes_per_document": bank.info()["bytes_per_document"]["total"],
        "update_error": float(np.mean(errors)),
        "answer_loss": float(losses.mean()) if losses.size else None,
        "exact_match": result.score.exact_match,
        "f1": result.score.f1,
    }


def _update(regrad: ReGrad, bank: Bank, position: int) -> np.ndarray:
    """Returns alpha . g of a stored document, flat: what a step of weight one applies."""
    grads = regrad.runtime.layout(bank).unflatten(bank.read_rows([position])[0])
    scaled = jax.tree.map(lambda alpha, g: alpha * g, step_sizes(regrad.checkpoint.meta), grads)
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(scaled)])


def recode(plain: Bank, path: pathlib.Path, codec: str) -> Bank:
    """Makes a bank of the same documents with rows packed by another codec."""
    bank = Bank.create(path, dataclasses.replace(plain.manifest, codec=codec))
    positions, keys_NxE = plain.keys()
    with bank:
        for start in range(0, len(positions), _COMMIT):
            some = positions[start : start + _COMMIT]
            rows = plain.read_rows(some)
            bank.append([plain.records[int(p)] for p in some], rows, keys_NxE[start : start + _COMMIT])
    return bank


def plot(path: str | os.PathLike[str], measured: Sequence[Mapping[str, Any]]) -> None:
    """Draws exact match and F1 against bytes a document."""
    plt = pyplot()
    figure, panel = plt.subplots(figsize=(7, 4))
    shown = sorted(measured, key=lambda facts: facts["bytes_per_document"])
    kib = [facts["bytes_per_document"] / 1024 for facts in shown]
    panel.plot(kib, [facts["exact_match"] for facts in shown], "o-", color="#2b6cb0", label="exact match")
    panel.plot(kib, [facts["f1"] for facts in shown], "o-", color="#a0aec0", label="F1")
    for x, facts in zip(kib, shown, strict=True):
        panel.annotate(
            facts["codec"], (x, facts["f1"]), xytext=(0, 6), textcoords="offset points", ha="center"
        )
    panel.set_xscale("log", base=2)
    panel.set_ylim(bottom=0)
    panel.set_xlabel("KiB a document on the disk, everything included")
    panel.set_ylabel("percent")
    panel.legend(frameon=False)
    panel.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)
