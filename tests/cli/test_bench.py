"""`regrad bench` as far as it needs no base model."""

import json

import pytest

from tests.cli.command import refuses, regrad


@pytest.mark.parametrize("form", ["--json", "--nojson"])
def test_the_bank_s_bench_needs_no_model(tmp_path, form):
    sizes = "--documents=40", "--many=50", "--codec=sign", "--commit=20"
    done = regrad("bench", "bank", *sizes, form, REGRAD_HOME=str(tmp_path), TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
    if form == "--json":
        facts = json.loads(done.stdout)
        assert (facts["bench"], facts["codec"], facts["documents"], facts["commit"]) == (
            "bank",
            "sign",
            40,
            20,
        )
        assert facts["row_length"] == 141_120  # of the checkpoint that ships
        assert facts["bytes_per_document"]["row"] == 17_640 + 2 * 552 + 4
    else:
        told = dict(line.split(None, 1) for line in done.stdout.splitlines())
        assert told["bench"] == "bank" and told["open.documents.1"] == "50"
        assert float(told["read.ratio"]) > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["banks"], ["no bench is called 'banks'", "encode", "bank"]),
        (["bank", "--documents=2"], ["--documents"]),
        (["codecs", "--codecs=int4,int5"], ["--codecs", "'int5' is unknown", "int8"]),
        (["bank", "--codec=int5"], ["--codec", "int8"]),
        (["bank", "--checkpoint=absent"], ["not a checkpoint"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_misuse(arguments, words):
    refuses(regrad("bench", *arguments), *words)
