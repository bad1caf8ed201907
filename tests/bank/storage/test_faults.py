"""The bank under real faults: killed writers, flipped bits, readers beside a writer, a full disk.

Short by default. The long runs, each with the faults that it is to have:

    REGRAD_FAULT_ROUNDS=200 pytest -s tests/bank/storage/test_faults.py -k sigkill
    REGRAD_FAULT_FLIPS=2000 pytest -s tests/bank/storage/test_faults.py -k flip
    REGRAD_FAULT_READERS=8 pytest -s tests/bank/storage/test_faults.py -k readers

REGRAD_FAULT_SEED=N makes another run of each.
"""

import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.records import Record
from regrad_jax.errors import UserError
from tests.bank.storage import fault_worker
from tests.bank.storage.fault_worker import Model, announcements, check_holds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts threads and mounts as Linux does")

ROUNDS = int(os.environ.get("REGRAD_FAULT_ROUNDS", "5"))
FLIPS = int(os.environ.get("REGRAD_FAULT_FLIPS", "40"))
READERS = int(os.environ.get("REGRAD_FAULT_READERS", "4"))
SEED = int(os.environ.get("REGRAD_FAULT_SEED", "0"))

# In user and mount namespaces of its own nobody needs to be root, and a mount is gone with its processes.
_ON_SMALL_DISK = ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=400k tmpfs "$0" && exec "$@"']


class Server:
    """fault_worker.py as a process.

    Attributes:
      disk: a small file system that only the server's processes see; None where it cannot be mounted.
    """

    def __init__(self, folder: pathlib.Path):
        disk = folder / "disk"
        disk.mkdir()
        small = [*_ON_SMALL_DISK, str(disk)]
        can_mount = shutil.which("unshare") and not subprocess.run([*small, "true"]).returncode
        self.disk = disk if can_mount else None
        self._process = subprocess.Popen(
            [*(small if can_mount else []), sys.executable, fault_worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ
            | {
                "JAX_PLATFORMS": "cpu",
                "XLA_FLAGS": "",  # one device starts sooner than eight
                "OPENBLAS_NUM_THREADS": "1",  # it starts the others when imported
                "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            },
        )

    def start(self, task: str, **given: object) -> int:
        """Starts a process; returns its id."""
        return self._ask({"task": task, **given})

    def reap(self, process: int) -> int:
        """Waits for a process to end; returns its exit code, or less the signal that ended it."""
        return self._ask({"reap": process})

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, order: dict[str, object]) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order, default=str) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    server = Server(folder)
    assert server.reap(server.start("warm", path=folder / "bank")) == 0
    yield server
    server.close()


def _wait_for(journal: pathlib.Path, count: int) -> None:
    """Waits until a process has announced so much."""
    deadline = time.monotonic() + 300
    while len(announcements(journal)) < count:
        assert time.monotonic() < deadline, f"nothing in {journal}"
        time.sleep(0.01)


def _check_index(bank: Bank) -> None:
    """Asserts that the index is of the present keys: ScaNN may miss a neighbour, not name a wrong one."""
    positions, keys = bank.keys()
    found, scores = fault_worker.open_index(bank).search(keys, 3)
    key_of = dict(zip(positions, keys, strict=True))
    own = [[key @ key_of[position] for position in row] for key, row in zip(keys, found, strict=True)]
    np.testing.assert_allclose(scores, np.reshape(own, scores.shape), atol=1e-5)


def _check_survivor(path: pathlib.Path, model: Model, operation: dict | None, rng: random.Random) -> str:
    """Asserts that a bank whose writer was killed is the model's, before or after the last operation.

    Returns:
      What became of that operation.
    """
    with Bank.open(path) as bank:
        outcome = model.settle(operation, bank)
        check_holds(bank, model.versions[-1])
        _check_index(bank)
        bank.lock()  # the dead writer's went with it
        left = sorted(file.name for file in (path / "shards").iterdir())
        assert len(left) == 2 and left[1] == "00000.lock", f"{left}: a dead writer left something"
    past = rng.randint(model.oldest, len(model.versions) - 1)
    check_holds(Bank.open(path, version=past), model.versions[past])
    return outcome


def test_sigkill_at_random_moments_loses_nothing_that_was_committed(server, tmp_path):
    path, model, rng = tmp_path / "bank", Model(), random.Random(SEED)
    Bank.create(path, fault_worker.manifest()).close()
    outcomes: collections.Counter[str] = collections.Counter()
    for number in range(ROUNDS):
        journal, seed = tmp_path / f"journal{number}", rng.randrange(1 << 32)
        writer = server.start("churn", path=path, journal=journal, seed=seed)
        _wait_for(journal, rng.randrange(12))  # with 0 it is killed while it starts or opens the bank
        time.sleep(rng.uniform(0, 0.15))  # an operation takes about as long
        os.kill(writer, signal.SIGKILL)
        assert server.reap(writer) == -signal.SIGKILL, "the writer died before it was killed"
        *ended, operation = announcements(journal) or [None]
        print(f"round {number}, seed {seed}: {len(ended)} ended, then {operation}")
        for past in ended:
            model.commit(past)
        outcome = _check_survivor(path, model, operation, rng)
        outcomes[f"{operation['do'] if operation else 'start'} {outcome}"] += 1
    print(f"{ROUNDS} kills, {len(model.versions) - 1} commits:", dict(sorted(outcomes.items())))
    assert len(model.versions) > 1
    corpus = [p for d in range(fault_worker.DOCUMENTS) for p in fault_worker.cut(f"d{d}", 7, 3)]
    with Bank.open(path) as bank:
        fault_worker.build_aloud(bank, corpus, model.commit)
        assert len(bank) == len(corpus)
        check_holds(bank, model.versions[-1])
    check_holds(Bank.open(path), model.versions[-1])


def _churned(path: pathlib.Path) -> Bank:
    """A bank with a past: replaced and deleted documents, a rollback, a compaction, commits behind it."""
    rng = random.Random(SEED)
    said: list[dict] = []
    with Bank.create(path, fault_worker.manifest()) as bank:
        while len(bank) < 20 or not {"rollback", "delete"} <= {operation["do"] for operation in said}:
            fault_worker.step(bank, rng, said.append)
        bank.compact()
        for _ in range(12):
            passages = fault_worker.cut(f"d{rng.randrange(fault_worker.DOCUMENTS)}", rng.randrange(9), 2)
            fault_worker.build_aloud(bank, passages, said.append)
        bank.delete(["d3"])
    return Bank.open(path)


def _flip(file: pathlib.Path, offset: int, bit: int) -> None:
    with open(file, "r+b") as stream:
        stream.seek(offset)
        [byte] = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte ^ 1 << bit]))


Contents = dict[int, tuple[Record, bytes, bytes]]  # position -> record, packed row and key


def _contents(bank: Bank) -> Contents:
    """All that can be read of a bank, for comparison bit by bit."""
    packed, sound = bank.read_sound(list(bank.records))
    rows = {p: row for p, row, ok in zip(bank.records, packed, sound, strict=True) if ok}
    keys = dict(zip(*bank.keys(), strict=True))
    return {p: (bank.records[p], rows[p].tobytes(), keys[p].tobytes()) for p in rows.keys() & keys.keys()}


def _outcome(path: pathlib.Path, version: int, truth: Contents) -> str:
    """Reads a bank in which a bit is wrong: nothing untrue is returned, nothing is lost without a word."""
    try:
        bank = Bank.open(path, version=version)
        faults, found = bank.verify(), _contents(bank)
    except UserError:
        return "refused"
    assert found.items() <= truth.items()
    assert {*truth} - {*found} <= {fault.position for fault in faults}
    return "reported" if faults else "harmless"


def test_a_flipped_bit_is_detected_or_harmless(tmp_path):
    path, rng = tmp_path / "bank", random.Random(SEED)
    bank = _churned(path)
    versions = range(bank.info()["oldest_version"], bank.version + 1)
    truth = {version: _contents(Bank.open(path, version=version)) for version in versions}
    latest, past = collections.Counter(), collections.Counter()
    for number in range(FLIPS):
        # Each file as likely as any other: most are small, and the tree and its root lie in these.
        file = rng.choice(
            sorted(f for f in (path / "shards").rglob("*") if f.is_file() and f.suffix != ".lock")
        )
        offset, bit, version = rng.randrange(file.stat().st_size), rng.randrange(8), rng.choice(versions)
        print(f"flip {number}: {file.relative_to(path)}, byte {offset}, bit {bit}, version {version}")
        _flip(file, offset, bit)
        latest[_outcome(path, versions[-1], truth[versions[-1]])] += 1
        past[_outcome(path, version, truth[version])] += 1
        _flip(file, offset, bit)
    print(f"{FLIPS} flips: {dict(latest)} in the latest version, {dict(past)} in one of any age")
    assert latest["refused"] + latest["reported"] > 0
    assert _outcome(path, versions[-1], truth[versions[-1]]) == "harmless"


def test_a_flipped_bit_of_any_byte_of_the_manifest_is_refused(tmp_path):
    Bank.create(tmp_path / "bank", fault_worker.manifest())
    file = tmp_path / "bank" / "manifest.json"
    for offset in range(file.stat().st_size):
        _flip(file, offset, offset % 8)
        with pytest.raises(UserError, match=r"manifest\.json"):
            Bank.open(tmp_path / "bank")
        _flip(file, offset, offset % 8)
    assert len(Bank.open(tmp_path / "bank")) == 0


def test_readers_beside_a_writer_see_whole_versions(server, tmp_path):
    path, stop, rng = tmp_path / "bank", tmp_path / "stop", random.Random(SEED)
    Bank.create(path, fault_worker.manifest()).close()
    said = [tmp_path / f"reader{number}" for number in range(READERS)]
    readers = [
        server.start("read", path=path, journal=journal, seed=rng.randrange(1 << 32), stop=stop)
        for journal in said
    ]
    for journal in said:
        _wait_for(journal, 1)
    seed = rng.randrange(1 << 32)
    print(f"the writer's seed: {seed}")
    writer = server.start("churn", path=path, journal=tmp_path / "writer", seed=seed, steps=8 * READERS)
    writer_s_end = server.reap(writer)
    stop.touch()
    assert [server.reap(reader) for reader in readers] == [0] * READERS, "a reader failed: see its traceback"
    assert writer_s_end == 0
    model = Model()
    operations = announcements(tmp_path / "writer")
    for operation in operations:
        model.commit(operation)
    expected = [fault_worker.digest(documents) for documents in model.versions]
    seen = [sight for journal in said for sight in announcements(journal)]
    assert [sight for sight in seen if sight["digest"] != expected[sight["version"]]] == []
    versions, compacted = {sight["version"] for sight in seen}, sum(sight["compacted"] for sight in seen)
    print(f"{len(seen)} readings of {len(versions)} versions, {compacted} with a compaction meanwhile")
    assert len(versions) > 5 and compacted
    check_holds(Bank.open(path), model.versions[-1])


@pytest.mark.parametrize("kind", ["file system", "file size limit"])
def test_a_full_disk_loses_nothing_and_space_mends_it(server, tmp_path, kind):
    folder = tmp_path if kind == "file size limit" else server.disk
    if folder is None:
        pytest.skip("no small file system: `unshare -Urm` or a mount of tmpfs in it is not permitted here")
    journal = tmp_path / "journal"
    writer = server.start("fill", folder=folder, journal=journal, limit=kind == "file size limit")
    end = server.reap(writer)
    said = announcements(journal)
    print(*said[:-1], sep="\n")
    assert end == 0, "the writer failed: see its traceback"
    assert said[0]["operation"] == "put" and said[-1]["end"]
    assert server.reap(server.start("holds", path=folder / "bank", journal=journal)) == 0
