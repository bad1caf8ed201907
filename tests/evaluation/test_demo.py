"""The demo shows what it claims, or fails after it has written its report."""

import json
import shutil

import pytest

from regrad_jax.errors import RunError
from regrad_jax.evaluation import demo
from tests.tiny_regrad import SILENT


@pytest.fixture
def run(regrad, tmp_path, monkeypatch):
    """Runs a small demo, told which answers count as right: the tiny model knows nothing."""
    monkeypatch.setattr(demo, "_ENTITIES", 1)
    monkeypatch.setattr(demo, "_QUESTIONS", 1)
    monkeypatch.setattr(demo, "_SETTINGS", ("Direct", "ReGrad k=1"))

    def run(right: list[bool]) -> str:
        answers = iter(right)
        monkeypatch.setattr(demo, "exact_match", lambda *_: next(answers))
        shutil.rmtree(tmp_path / "report", ignore_errors=True)
        return demo.run_demo(regrad, tmp_path, SILENT)

    return run


def test_a_demo_that_holds(run, regrad, tmp_path):
    text = run([True, False])
    assert "(gone)" in text and "bit-identical" in text and "ReGrad k=1" in text
    report = tmp_path / "report"
    assert {"results.json", "report.html", "results.png"} <= {path.name for path in report.iterdir()}
    removed = json.loads((report / "results.json").read_text())["removal"]["document"]
    present = {record.document_id for record in regrad.open(tmp_path / "bank").records.values()}
    assert removed not in present and len(present) == 40


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ([False] * 2, "not one answer of ReGrad k=1 was right"),
        ([True, True], "was removed and is still known"),
    ],
    ids=["nothing is right", "nothing goes"],
)
def test_a_claim_that_does_not_hold(right, words, run, tmp_path):
    with pytest.raises(RunError, match=words):
        run(right)
    assert (tmp_path / "report" / "report.html").exists()


def test_weights_that_change(run, regrad, tmp_path, monkeypatch):
    digests = iter(["aaaa", "bbbb"])
    monkeypatch.setattr(type(regrad.runtime.engine), "weights_digest", lambda self: next(digests))
    with pytest.raises(RunError, match="weights have changed: sha256 aaaa before, bbbb after"):
        run([True, False])
    assert (tmp_path / "report" / "report.html").exists()
