"""What the bank costs above the disk under it: reading, appending, opening, growing, bytes.

Rows are random, texts are the almanac's, and no language model is needed. Everything happens in a temporary
folder, so TMPDIR chooses the disk. Two things that are compared are timed in turns, so that the noise of a
shared machine falls on both alike.
"""

import functools
import itertools
import os
import pathlib
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax import machine
from regrad_jax.adaptation.codecs import CODECS, DEFAULT_CODEC, weighted_sum
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.manifest import Fingerprint, Manifest
from regrad_jax.bank.records import Entry
from regrad_jax.data.almanac.generate import generate
from regrad_jax.progress import Progress, to_stderr

COMMIT = 32  # documents, as `regrad build` commits them
_TOP_K = 3
_KEY_WIDTH = 384  # all-MiniLM-L6-v2's
_TEXT_CHARACTERS = 600
_TINY_ROW, _TINY_KEY, _TINY_COMMIT = 64, 8, 1_000  # of the banks that are opened


class Repeats(NamedTuple):
    """How often each thing is timed, for a median.

    Attributes:
        builds: of the bank that is appended to.
        reads: of three rows.
        additions: of 1% more documents.
        openings: of a bank.
    """

    builds: int = 5
    reads: int = 300
    additions: int = 7
    openings: int = 7


REPEATS = Repeats()


class Batch(NamedTuple):
    """The arguments of `Bank.append`."""

    entries: Sequence[Entry]
    rows_NxP: np.ndarray
    keys_NxE: np.ndarray


class Appended(NamedTuple):
    """A bank, and the time that appending to it took.

    Attributes:
        path: the bank's folder.
        plain: a file of as many bytes as the bank's packed rows.
        seconds: of `Bank.append` for all documents.
        facts: for the report.
    """

    path: pathlib.Path
    plain: pathlib.Path
    seconds: float
    facts: dict[str, Any]


def measure(
    row_length: int,
    codec: str = DEFAULT_CODEC,
    documents: int = 500,
    many: int = 20_000,
    commit: int = COMMIT,
    progress: Progress = to_stderr,
    few: int = 1_000,
    repeats: Repeats = REPEATS,
) -> dict[str, Any]:
    """Measures banks of random rows.

    Args:
        row_length: P, numbers in a row.
        codec: how rows are packed.
        documents: in the bank that is appended to and read, at least 3. A bank keeps the last 32 MiB of rows
            in memory, so all rows of a small bank are read from memory.
        many: documents in the larger of the two banks that are opened.
        commit: documents that are appended at once.
        progress: takes a line of text now and then.
        few: documents in the smaller of the two banks that are opened.
        repeats: how often each thing is timed.

    Returns:
        `read`, `append`, `add` and `open`, as the functions below say; `bytes_per_document` by part;
        `machine`; and the arguments.
    """
    texts = make_texts()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        manifest = make_manifest(row_length, _KEY_WIDTH, codec)
        appended = measure_append(folder, manifest, documents, texts, progress, commit, repeats.builds)
        parts = Bank.open(appended.path).info()["bytes_per_document"]
        return {
            "codec": codec,
            "row_length": row_length,
            "documents": documents,
            "commit": commit,
            "append": appended.facts,
            "read": measure_read(appended, progress, repeats.reads),
            "bytes_per_document": parts,
            "add": measure_add(appended, texts, progress, commit, repeats.additions),
            "open": measure_open(folder, codec, [few, many], texts, progress, repeats.openings),
            "machine": machine.describe(),
        }


def measure_append(
    folder: pathlib.Path,
    manifest: Manifest,
    documents: int,
    texts: Sequence[str],
    progress: Progress,
    commit: int,
    builds: int,
) -> Appended:
    """Builds the same bank several times, each time beside a file that gets as many bytes and syncs as often.

    The facts are `mb_per_s` of packed bytes through `Bank.append`, `raw_mb_per_s` through write and fsync,
    and their `ratio`; `packing_mb_per_s` of the codec alone; and `ratio_packed`, the ratio without the
    codec's time.
    """
    path, plain = folder / "bank", folder / "plain"
    codec = CODECS[manifest.codec]
    pack = jax.jit(codec.encode)
    _build(path, manifest, documents, texts, commit)  # compiles for every size of a batch
    times = []
    for count in range(1, builds + 1):
        shutil.rmtree(path)
        parts_s = np.zeros(3)
        with Bank.create(path, manifest) as bank, open(plain, "wb", buffering=0) as file:
            for batch in _batches(manifest, documents, texts, commit):
                start = time.perf_counter()
                packed_NxC = np.asarray(pack(jnp.asarray(batch.rows_NxP)))
                packed = time.perf_counter()
                bank.append(*batch)
                appended = time.perf_counter()
                file.write(packed_NxC.data)
                os.fsync(file.fileno())
                parts_s += packed - start, appended - packed, time.perf_counter() - appended
        times.append(parts_s)
        progress(f"bank {count}/{builds} of {documents:,} documents appended in {parts_s[1]:.2f} s")
    packing_s, append_s, raw_s = np.median(times, axis=0).tolist()
    size = documents * manifest.packed_bytes
    facts = {
        "mb_per_s": size / append_s / 1e6,
        "raw_mb_per_s": size / raw_s / 1e6,
        "ratio": raw_s / append_s,
        "packing_mb_per_s": size / packing_s / 1e6,
        "ratio_packed": raw_s / (append_s - packing_s),
    }
    return Appended(path, plain, append_s, facts)


def measure_read(appended: Appended, progress: Progress, reads: int) -> dict[str, Any]:
    """Reads random rows, three at a time, and sums them with weights, as answering does.

    The files are in the system's page cache throughout. The facts are medians in microseconds:

        total_us       read, decode and weighted sum
        read_us        the read alone
        decode_us      decode and weighted sum alone
        first_read_us  the read of rows that are not in memory yet
        plain_us       pread of as many bytes, and their NumPy sum
        pread_us       the pread alone
        resident_us    gather, decode and sum of rows in device memory (`engine/resident.py`)

    `ratio` is total over plain, and `ratio_resident` is resident over plain.
    """
    bank = Bank.open(appended.path)
    length, codec = bank.manifest.row_length, CODECS[bank.manifest.codec]
    size = bank.packed_bytes
    total = jax.jit(
        lambda packed_KxC, weights_K: weighted_sum(codec, packed_KxC[None], weights_K[None], length)
    )
    weights_K = np.full(_TOP_K, 1 / _TOP_K, np.float32)
    triples = make_triples(np.fromiter(bank.records, np.int64))
    turns = itertools.cycle(triples)
    some_KxC, _ = bank.read_sound(triples[0])
    everything_NxC = jax.device_put(bank.read_sound(np.arange(len(bank)))[0])
    gather = jax.jit(lambda packed_NxC, places_K, weights_K: total(packed_NxC[places_K], weights_K))
    with open(appended.plain, "rb", buffering=0) as file:
        pread = lambda: [os.pread(file.fileno(), size, p * size) for p in next(turns).tolist()]
        calls: dict[str, Callable[[], object]] = {
            "total": lambda: total(bank.read_sound(next(turns))[0], weights_K).block_until_ready(),
            "read": lambda: bank.read_sound(next(turns)),
            "decode": lambda: total(some_KxC, weights_K).block_until_ready(),
            "resident": lambda: gather(everything_NxC, next(turns), weights_K).block_until_ready(),
            "plain": lambda: plain_sum(pread()),
            "pread": pread,
        }
        for _ in triples:  # every row once, so that the rows that fit into memory are there
            calls["read"]()
        microseconds = {f"{name}_us": 1e6 * s for name, s in _medians(calls, reads).items()}
    ratio = microseconds["total_us"] / microseconds["plain_us"]
    resident = microseconds["resident_us"] / microseconds["plain_us"]
    progress(
        f"{_TOP_K} rows read and summed in {microseconds['total_us']:.0f} us, {ratio:.2f} times plain; "
        f"in device memory {resident:.2f} times"
    )
    first_us = 1e6 * _first_read(appended.path, triples, reads)
    ratios = {"ratio": ratio, "ratio_resident": resident}
    return {"rows": _TOP_K, "first_read_us": first_us} | ratios | microseconds


def make_triples(positions_N: np.ndarray) -> np.ndarray:
    """Returns disjoint triples of positions in random order, (N // 3, 3)."""
    count = len(positions_N) // _TOP_K
    return np.random.default_rng(0).permutation(positions_N)[: count * _TOP_K].reshape(count, _TOP_K)


def plain_sum(rows: Sequence[bytes]) -> np.ndarray:
    """Adds up rows of bytes as float32: the least that any codec's sum would do."""
    sum_C = np.frombuffer(rows[0], np.int8).astype(np.float32)
    for row in rows[1:]:
        sum_C += np.frombuffer(row, np.int8)
    return sum_C


def _first_read(path: pathlib.Path, triples: np.ndarray, reads: int) -> float:
    """Returns the median seconds of the first reads since the bank was opened, each of other rows."""
    bank = Bank.open(path)
    bank.keys()  # the database's tree is read with them
    rest = iter(triples[:reads])
    return _medians({"read": lambda: bank.read_sound(next(rest))}, min(reads, len(triples)))["read"]


def measure_add(
    appended: Appended, texts: Sequence[str], progress: Progress, commit: int, additions: int
) -> dict[str, Any]:
    """Opens the bank, adds 1% more documents and closes it, several times over.

    The facts are `documents`, added each time; `ms` that an addition took; `opening_ms`, the part of it for
    opening; and `share`, the addition's time over the time for appending the whole bank.
    """
    bank = Bank.open(appended.path)
    first, more = len(bank), max(1, len(bank) // 100)
    times = []
    for addition in range(additions + 1):
        batches = list(_batches(bank.manifest, more, texts, commit, first + addition * more))
        start = time.perf_counter()
        with Bank.open(appended.path) as opened:
            opening_s = time.perf_counter() - start
            for batch in batches:
                opened.append(*batch)
        times.append((time.perf_counter() - start, opening_s))
    seconds, opening_s = np.median(times[1:], axis=0).tolist()  # the first one compiles
    progress(f"{more:,} documents added in {1e3 * seconds:.0f} ms")
    share = seconds / appended.seconds
    return {"documents": more, "share": share, "ms": 1e3 * seconds, "opening_ms": 1e3 * opening_s}


def measure_open(
    folder: pathlib.Path,
    codec: str,
    sizes: Sequence[int],
    texts: Sequence[str],
    progress: Progress,
    openings: int,
) -> dict[str, Any]:
    """Opens a bank of few documents and one of many. Their rows are tiny, and their texts are whole.

    The facts are `documents` of both; `ms` of both, medians; and `ratio` of many to few.
    """
    manifest = make_manifest(_TINY_ROW, _TINY_KEY, codec)
    calls: dict[str, Callable[[], object]] = {}
    for name, size in zip(("few", "many"), sizes, strict=True):
        _build(folder / name, manifest, size, texts, _TINY_COMMIT)
        progress(f"a bank of {size:,} documents is ready to be opened")
        calls[name] = functools.partial(Bank.open, folder / name)
    few, many = _medians(calls, openings).values()
    return {"documents": sizes, "ms": [1e3 * few, 1e3 * many], "ratio": many / few}


def _medians(calls: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Returns each call's median seconds. The calls take turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(some) for name, some in times.items()}


def make_manifest(row_length: int, key_width: int, codec: str) -> Manifest:
    """Returns the facts of a bank of random rows."""
    return Manifest(
        fingerprint=Fingerprint({"bench": "bank"}),
        row_length=row_length,
        row_layout=[],
        embedder="bench",
        embedder_digest="",
        key_width=key_width,
        codec=codec,
    )


def _build(path: pathlib.Path, manifest: Manifest, documents: int, texts: Sequence[str], commit: int) -> None:
    with Bank.create(path, manifest) as bank:
        for batch in _batches(manifest, documents, texts, commit):
            bank.append(*batch)


def _batches(
    manifest: Manifest, documents: int, texts: Sequence[str], commit: int, first: int = 0
) -> Iterator[Batch]:
    """Yields documents in batches of a commit's size, numbered from `first`."""
    rng = np.random.default_rng(first)
    for start in range(first, first + documents, commit):
        numbers = range(start, min(start + commit, first + documents))
        yield Batch(
            [_entry(number, texts) for number in numbers],
            rng.standard_normal((len(numbers), manifest.row_length), np.float32),
            rng.standard_normal((len(numbers), manifest.key_width), np.float32),
        )


def _entry(number: int, texts: Sequence[str]) -> Entry:
    name, text = f"bench-{number:08d}", texts[number % len(texts)]
    return Entry(
        id=name, document_id=name, text=text, source="bench.jsonl", tokens=len(text) // 4, inner_loss=3.14159
    )


def make_texts() -> list[str]:
    """Returns texts of one length, of several almanac entries each."""
    contents = [document.content for document in generate(300, seed=0, split="test").documents]
    # Each begins with another entry, and continues with as many as it takes.
    return [" ".join(contents[i:] + contents[:i])[:_TEXT_CHARACTERS] for i in range(len(contents))]
