"""Small banks for tests, and ways to damage them.

The row and key of a document follow from its id. So a test can tell whether a document is whole, in this
process or in another.
"""

import pathlib
from typing import Any

import numpy as np
import tensorstore as ts

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.builder import Encoded
from regrad_jax.bank.manifest import Fingerprint, Manifest
from regrad_jax.bank.records import Entry, text_digest
from regrad_jax.bank.storage.address import place_of
from regrad_jax.bank.storage.database import Widths, spec
from regrad_jax.data.documents import Passage

P, E = 100, 32  # numbers in a row and in a key
WIDTHS = Widths(4 * P, E)  # of a bank of float32 rows
FINGERPRINT = Fingerprint({"base_model": "sha256:aa", "adapter_config": {"rank": 32}})


def manifest(codec: str = "float32", shards: int = 1) -> Manifest:
    """The fixed facts of a small bank."""
    return Manifest(
        fingerprint=FINGERPRINT,
        row_length=P,
        row_layout=[],
        embedder="test",
        embedder_digest="",
        key_width=E,
        codec=codec,
        shards=shards,
    )


def ids(name: str, count: int) -> list[str]:
    """Names of documents: a0, a1, ..."""
    return [f"{name}{i}" for i in range(count)]


def by_shard(bank: Bank, ids: list[str]) -> dict[int, list[str]]:
    """Shard -> those of the ids whose documents belong to it."""
    return {n: [id for id in ids if bank.shard_of(id) == n] for n in range(bank.manifest.shards)}


def entry(id: str, **changes) -> Entry:
    """The document of an id."""
    given: dict[str, Any] = {"document_id": id, "text": f"Text of {id}.", "source": "corpus.jsonl"}
    return Entry(id=id, tokens=5, **{"inner_loss": 2.5} | given | changes)


def arrays(ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The rows and keys of documents."""
    rows_NxP, keys_NxE = np.empty((len(ids), P), np.float32), np.empty((len(ids), E), np.float32)
    for i, id in enumerate(ids):
        rng = np.random.default_rng(list(id.encode()))
        rows_NxP[i], keys_NxE[i] = rng.standard_normal(P), rng.standard_normal(E)
    return rows_NxP, keys_NxE


def append(bank: Bank, ids: list[str]) -> list[int]:
    """Appends documents in one batch; returns their positions."""
    return bank.append([entry(id) for id in ids], *arrays(ids))


def passages(ids: list[str]) -> list[Passage]:
    """The documents of these ids as `build` takes them."""
    return [Passage(id, id, f"Text of {id}.", "", "corpus.jsonl") for id in ids]


def encode(passages) -> Encoded:
    """Takes the place of a language model: 6 tokens in 8 a passage."""
    rows_NxP, keys_NxE = arrays([p.id for p in passages])
    count = len(passages)
    return Encoded(rows_NxP, keys_NxE, np.full(count, 6), np.full(count, 2.5), 8 * count)


def assert_holds(bank: Bank, ids: list[str]) -> None:
    """Asserts that a bank holds these documents and no others, each with its own row, key and text."""
    assert sorted(record.id for record in bank.records.values()) == sorted(ids)
    assert len(bank) - len(bank.damaged) == len(ids)
    positions, keys_NxE = bank.keys()
    rows_NxP, expected_NxE = arrays([bank.records[position].id for position in positions])
    np.testing.assert_array_equal(keys_NxE, expected_NxE)
    np.testing.assert_array_equal(bank.read_rows(positions), rows_NxP)
    for position in positions:
        record = bank.records[position]
        assert record.position == position
        assert record.text == f"Text of {record.id}."
        assert bank.contains(record.id, text_digest(record.text))


# ---- damage ----


def files(path: pathlib.Path) -> list[pathlib.Path]:
    """All files of a bank but its locks."""
    return sorted(f for f in path.rglob("*") if f.is_file() and f.suffix != ".lock")


def file_of(path: pathlib.Path, stored: bytes) -> pathlib.Path:
    """The one file of a bank that holds these bytes."""
    [file] = [f for f in files(path) if stored in f.read_bytes()]
    return file


def flip(file: pathlib.Path, offset: int, bit: int = 0) -> None:
    """Flips a bit of a file."""
    data = bytearray(file.read_bytes())
    data[offset] ^= 1 << bit
    file.write_bytes(data)


def flip_stored(path: pathlib.Path, stored: bytes) -> None:
    """Flips a bit of these bytes, wherever they lie in a bank's files."""
    file = file_of(path, stored)
    flip(file, file.read_bytes().find(stored) + 20)


def write_past(path: pathlib.Path, values: dict[str, bytes | None], number: int = 0) -> None:
    """Writes to a shard's database past the bank; None deletes a key."""
    home = place_of(path).shard(f"{number:05d}", "")
    name = home.current()
    assert name is not None
    kv = ts.KvStore.open(spec(home.database(name))).result()
    for key, value in values.items():
        kv.write(key, value).result()
