"""`regrad bank` on a real bank; no model is needed for it."""

import json

import numpy as np
import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.manifest import Fingerprint, Manifest
from regrad_jax.bank.records import Entry
from tests.cli.command import refuses, regrad


@pytest.fixture
def path(tmp_path):
    manifest = Manifest(
        fingerprint=Fingerprint({"base_model": "aa"}), row_length=256, row_layout=[], embedder="test",
        embedder_digest="", key_width=8,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    with Bank.create(tmp_path / "bank", manifest) as bank:
        for source, ids in (("north", ["a", "b"]), ("south", ["c"])):
            entries = [
                Entry(id=id, document_id=id, text=f"Text {id}.", source=source, tokens=3, inner_loss=1.0)
                for id in ids
            ]
            rows = rng.standard_normal((len(ids), 256))
            bank.append(entries, rows, np.eye(len(ids), 8, dtype=np.float32), "build")
    return tmp_path / "bank"


def say(*arguments: str) -> list[dict]:
    done = regrad("bank", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_bank_s_life(path):
    """Delete, see it in the log, roll back, compact: each by its verb."""
    bank = f"--bank={path}"
    assert say("delete", bank, "--source=north") == [{"deleted": 2, "documents": 1, "version": 3}]
    told = [(line["version"], line["added"], line["removed"], line["reason"]) for line in say("log", bank)]
    assert told == [(3, 0, 2, "delete"), (2, 1, 0, "build"), (1, 2, 0, "build"), (0, 0, 0, "")]
    assert say("rollback", bank, "--version=1") == [{"documents": 2, "version": 4}]
    assert say("verify", bank) == [{"documents": 2, "version": 4, "damaged": 0}]
    [compacted] = say("compact", bank)
    assert compacted["freed_bytes"] > 0
    assert {record.id for record in Bank.open(path).records.values()} == {"a", "b"}
    assert say("info", bank)[0]["oldest_version"] == 4
    refuses(regrad("bank", "rollback", bank, "--version=1"), "version 1 is not in the bank", "4 to 4")


def test_verify_names_what_is_damaged_and_exits_with_1(path):
    stored = Bank.open(path).read_packed([2]).tobytes()
    [file] = [f for f in path.rglob("*") if f.is_file() and stored in f.read_bytes()]
    data = bytearray(file.read_bytes())
    data[data.find(stored) + 5] ^= 1
    file.write_bytes(data)
    done = regrad("bank", "verify", f"--bank={path}")
    assert done.returncode == 1
    assert done.stdout.startswith("'c': row: ")
    assert say("delete", f"--bank={path}", "--damaged") == [{"deleted": 1, "documents": 2, "version": 3}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["delete"], ["nothing to delete"]),
        (["delete", "--id=z"], ["no document 'z'", "nothing was deleted"]),
        (["delete", "--source=west"], ["nothing from source 'west'"]),
        (["rollback"], ["--version", "regrad bank log"]),
        (["rebuild"], ["--to"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_misuse(path, arguments, words):
    refuses(regrad("bank", *arguments, f"--bank={path}"), *words)
    assert Bank.open(path).version == 2


def test_every_action_but_plan_needs_a_bank():
    refuses(regrad("bank", "info"), "--bank", "regrad bank info")


def test_a_plan_needs_no_bank():
    """Core of rank 32 on the upper half of Llama 3.2 1B: 8 layers of 3 x 32 x 32 numbers, 5 a byte."""
    [plan] = say("plan", "--model=llama3.2-1b", "--documents=21e6", "--codec=ternary", "--flops=1e12")
    assert plan["row_length"] == 24_576
    row = 4_916 + 96 * 2 + 4
    assert plan["bytes_per_document"]["row"] == row and plan["bytes_per_question"] == 3 * row
    assert plan["bytes"] == pytest.approx(21_000_000 * plan["bytes_per_document"]["total"])
    assert plan["documents_per_second"] == pytest.approx(1e12 / plan["flops_per_document"])
    assert plan["build_hours"] == pytest.approx(21e6 / plan["documents_per_second"] / 3600)
    assert 0 < plan["decode_ms_per_question"] < 1000


def test_a_plan_takes_a_folder_and_flags(tmp_path):
    (tmp_path / "config.json").write_text(
        json.dumps(
            {"model_type": "llama", "vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 5,
             "num_attention_heads": 2, "intermediate_size": 16}
        )
    )  # fmt: skip
    model = "plan", f"--model={tmp_path}", "--documents=7200", "--documents_per_second=2"
    [plan] = say(*model, "--adapter=lora", "--rank=2")
    assert plan["row_length"] == 3 * 3 * 2 * (8 + 16)  # layers 2, 3 and 4
    assert plan["build_hours"] == 1
    [other] = say(*model, "--adapter=lora_b", "--rank=2", "--first_layer=4", "--top_k=1", "--codec=float32")
    assert other["row_length"] == 2 * (16 + 16 + 8)
    assert other["bytes_per_question"] == 4 * 80 + 4


def test_a_plan_as_people_read_it():
    """Without --flops the machine's are measured, and it is said that they were."""
    done = regrad("bank", "plan", "--documents=1000")
    assert done.returncode == 0, done.stderr
    told = {line[:20].strip(): line[20:] for line in done.stdout.splitlines()}
    assert told["model"] == "smollm2-135m" and told["row"] == "46,080 numbers"
    assert told["read a question"] == "73.45 kB"  # 3 x (24,480 + 4)
    assert "measured here" in told["documents a second"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--documents"]),
        (["--documents=-5"], ["--documents is -5", "above 0"]),
        (["--documents=many"], ["--documents"]),
        (["--documents=5", "--model=llama9"], ["'llama9'", "llama3.2-1b", "config.json"]),
        (["--documents=5", "--model=tests"], ["no config.json"]),
        (["--documents=5", "--codec=int5"], ["--codec", "ternary"]),
        (["--documents=5", "--adapter=prefix"], ["'prefix'", "lora_b"]),
        (["--documents=5", "--rank=0"], ["adapter.rank: 0 must be a whole number"]),
        (["--documents=5", "--first_layer=30"], ["first_layer 30"]),
        (["--documents=5", "--flops=-1"], ["--flops is -1"]),
        (["--documents=5", "--documents_per_second=0"], ["--documents_per_second is 0"]),
    ],
    ids=lambda value: " ".join(value[-1:]),
)
def test_plans_that_cannot_be(arguments, words):
    refuses(regrad("bank", "plan", *arguments), *words)


@pytest.mark.parametrize(
    ("config", "words"),
    [('{"model_type": "llama"}', ["config.json", "num_attention_heads"]), ("{", ["not valid JSON"])],
)
def test_a_config_that_is_none(tmp_path, config, words):
    (tmp_path / "config.json").write_text(config)
    refuses(regrad("bank", "plan", "--documents=5", f"--model={tmp_path}"), *words)
