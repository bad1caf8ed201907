"""`regrad bank` on a real bank; no model is needed for it."""

import json

import numpy as np
import pytest
from test_verbs import refuses, regrad

from regrad_jax.bank.manifest import Fingerprint, Manifest
from regrad_jax.bank.records import Entry
from regrad_jax.bank.store import Bank


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
    stored = Bank.open(path)._shard.values([2])["rows/c/2/0"]
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
