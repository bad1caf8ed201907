"""`regrad evaluate` on a tiny checkpoint and a user's own corpus."""

import dataclasses
import json
import shutil

from regrad_jax.bank.bank import Bank
from regrad_jax.checkpoint import load_checkpoint, save_checkpoint
from tests.cli.command import refuses, regrad


def test_an_evaluation_reports_keeps_its_bank_and_goes_on_with_it(folder, tmp_path, minilm):
    run = lambda *more: regrad(
        "evaluate", f"--config={folder / 'mine.py'}", f"--checkpoint={folder / 'checkpoint'}",
        f"--workdir={tmp_path}", *more,
    )  # fmt: skip
    first = run("--config.datasets.mine.codec=float32")
    assert first.returncode == 0, first.stderr
    assert "Direct" in first.stdout and "ReGrad k=1" in first.stdout
    results = json.loads((tmp_path / "report" / "results.json").read_text())
    assert len(results["results"]) == 2 and results["codecs"] == {"mine": "float32"}
    bank = Bank.open(tmp_path / "banks" / "mine")
    assert bank.manifest.codec == "float32" and len(bank) >= 6
    state = bank.state

    again = run("--config.datasets.mine.codec=float32")
    assert again.returncode == 0, again.stderr
    assert Bank.open(tmp_path / "banks" / "mine").state == state  # no gradient was computed again

    # Other documents now: those of before are gone from the bank.
    kept = (folder / "corpus.jsonl").read_text()
    (folder / "corpus.jsonl").write_text("\n".join(kept.splitlines()[:5]))
    assert run("--config.datasets.mine.codec=float32").returncode == 0
    left = {record.document_id for record in Bank.open(tmp_path / "banks" / "mine").records.values()}
    assert left == {json.loads(line)["id"] for line in kept.splitlines()[:5]}
    # Empty is the checkpoint's own, and not whatever an earlier evaluation left there.
    refuses(run("--config.datasets.mine.codec="), "is packed as float32, not int4")
    refuses(run("--config.datasets.mine.codec=int9"), "config.datasets.mine: codec 'int9' is unknown")


def test_articles_of_the_training_are_not_tested_on(folder, tmp_path, minilm):
    """A file that training split otherwise is refused."""
    article = lambda n: {
        "title": f"Article {n}",
        "paragraphs": [
            {
                "context": f"Lamp {n} is lit by Toril.",
                "qas": [{"id": f"q{n}", "question": "Who lights it?", "answers": [{"text": "Toril"}]}],
            }
        ],
    }
    (tmp_path / "file.json").write_text(json.dumps({"data": [article(n) for n in range(5)]}))
    source = {"kind": "squad", "path": "elsewhere/file.json", "train_articles": 3, "validation_articles": 1}
    trained = {"sources": {"s": source, "invented": {"kind": "almanac", "path": ""}}}
    checkpoint = dataclasses.replace(load_checkpoint(folder / "checkpoint"), training=trained)
    save_checkpoint(tmp_path / "checkpoint", checkpoint)
    plan = {"kind": "squad", "path": str(tmp_path / "file.json"), "split": "test", "settings": ("Direct",)}
    plan |= {"train_articles": 2, "validation_articles": 1}
    (tmp_path / "plan.py").write_text(
        f"import ml_collections\n\n\ndef get_config():\n"
        f"    return ml_collections.ConfigDict({{'datasets': {{'mine': {plan}}}}})\n"
    )
    run = lambda *more: regrad(
        "evaluate", f"--config={tmp_path / 'plan.py'}", f"--checkpoint={tmp_path / 'checkpoint'}",
        f"--workdir={tmp_path / 'run'}", *more,
    )  # fmt: skip
    refuses(run(), "config.datasets.mine.train_articles: 2, but the checkpoint was trained with 3")
    assert not (tmp_path / "run").exists()
    done = run("--config.datasets.mine.train_articles=3")
    assert done.returncode == 0, done.stderr
    other = shutil.copy(tmp_path / "file.json", tmp_path / "unseen.json")  # of which all may be tested on
    done = run(f"--config.datasets.mine.path={other}", "--config.datasets.mine.train_articles=0")
    assert done.returncode == 0, done.stderr


def test_a_plan_that_says_something_else_is_refused(folder, tmp_path):
    plan = {"kind": "own", "corpus": "a.jsonl", "questions": "q.jsonl", "settings": ("Direct",)}
    for config, words in (
        ({"datasets": {"mine": plan}, "codec": "int4"}, "config: unknown key 'codec'"),
        ({"datasets": {"mine": "own"}}, "config.datasets.mine: 'own' is no group of keys"),
        ({"datasets": {"mine": plan | {"settings": ()}}}, "key 'settings' is missing"),
        ({"datasets": {"mine": plan | {"settings": ("Magic",)}}}, "setting 'Magic' is unknown"),
    ):
        (tmp_path / "plan.py").write_text(
            f"import ml_collections\n\n\ndef get_config():\n    return ml_collections.ConfigDict({config})\n"
        )
        refuses(
            regrad("evaluate", f"--config={tmp_path / 'plan.py'}", f"--workdir={tmp_path / 'run'}"), words
        )
        assert not (tmp_path / "run").exists()
