"""The processes that test_faults.py kills, races and starves of disk, and what both sides agree on.

A document's row and key follow from its text, so that whoever reads it can tell whether it is whole.
A writer announces each commit before it begins; the next announcement says that it has ended. `Model`
replays the announcements, and so knows what the bank must hold when the writer is dead.

As a program this is a server which forks a process for each task, so that a victim costs a fork and
not an import of JAX. A fork is safe only from a process of one thread: the server imports everything
and uses nothing of it, and it counts its threads before each fork.
"""

import hashlib
import itertools
import json
import os
import pathlib
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.builder import Encoded, build
from regrad_jax.bank.manifest import Fingerprint, Manifest
from regrad_jax.bank.records import text_digest
from regrad_jax.data.documents import Document, Passage, passages_of
from regrad_jax.errors import UserError
from regrad_jax.retrieval import index as retrieval
from regrad_jax.retrieval.scann import load_scann

P, E = 200, 8  # numbers in a row and in a key
DOCUMENTS = 12  # that a writer knows of, each in up to four passages
COMMIT_SIZE = 4  # passages; as many shapes for JAX to compile
SCANN_DOCUMENTS = 16  # ScaNN is trained on no fewer
_READ_AT_ONCE = 32
_PATIENCE = 900  # seconds that a task may take

try:
    load_scann()  # imported here, before any fork
    HAS_SCANN = True
except ImportError:
    HAS_SCANN = False

Announce = Callable[[dict[str, Any]], None]
Documents = dict[int, tuple[str, str]]  # position -> id and text


def manifest() -> Manifest:
    """Of a bank whose codec gives the rows here back as they were."""
    return Manifest(
        fingerprint=Fingerprint({"base_model": "none"}),
        row_length=P,
        row_layout=[],
        embedder="none",
        embedder_digest="",
        key_width=E,
        codec="int8",
    )


def row_and_key(text: str) -> tuple[np.ndarray, np.ndarray]:
    """What a document of this text must hold; int8 keeps the row exactly, its scales being 1."""
    data = hashlib.shake_256(text_digest(text).encode()).digest(P + E)
    numbers = np.maximum(np.frombuffer(data, np.int8), -127).astype(np.float64)
    row, key = numbers[:P], numbers[P:]
    row[::64] = 127
    return row.astype(np.float32), (key / np.linalg.norm(key)).astype(np.float32)


def rows_and_keys(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """`row_and_key` of several."""
    pairs = [row_and_key(text) for text in texts]
    rows, keys = [row for row, _ in pairs], [key for _, key in pairs]
    return np.array(rows, np.float32).reshape(-1, P), np.array(keys, np.float32).reshape(-1, E)


def encode(passages: Sequence[Passage]) -> Encoded:
    """Takes the place of the language model."""
    count = len(passages)
    return Encoded(
        *rows_and_keys([p.content for p in passages]), np.full(count, 5), np.full(count, 2.5), 8 * count
    )


def cut(document: str, revision: int, parts: int) -> list[Passage]:
    """A document in one of its revisions, cut into so many passages."""
    texts = [f"Part {i} of {document} in revision {revision}." + " More." * revision for i in range(parts)]
    return passages_of(Document(document, " ".join(texts), "Title", "corpus"), texts)


class Model:
    """The bank as it must be.

    Attributes:
      versions: the documents of every version.
      oldest: the oldest version that can be opened.
    """

    def __init__(self):
        """An empty bank."""
        self.versions: list[Documents] = [{}]
        self.oldest = 0
        self._end = 0  # position of the next document

    @property
    def state(self) -> tuple[int, int]:
        """Latest and oldest version."""
        return len(self.versions) - 1, self.oldest

    def commit(self, operation: dict[str, Any]) -> None:
        """Replays an operation that was announced; one that changes nothing makes no version."""
        after = self._after(operation, self.versions[-1])
        if after != self.versions[-1]:
            self.versions.append(after)
        if operation["do"] == "put":
            self._end += len(operation["documents"])
        if operation["do"] == "compact":
            self.oldest = len(self.versions) - 1

    def _after(self, operation: dict[str, Any], now: Documents) -> Documents:
        match operation:
            case {"do": "put", "documents": documents}:
                ids = {id for id, _ in documents}
                kept = {p: known for p, known in now.items() if known[0] not in ids}
                return kept | {self._end + i: (id, text) for i, (id, text) in enumerate(documents)}
            case {"do": "delete", "documents": names}:
                return {p: known for p, known in now.items() if _document(known[0]) not in names}
            case {"do": "build", "passages": ids}:  # drops what was cut otherwise; its puts are announced
                cut_now = {_document(id) for id in ids}
                return {
                    p: known
                    for p, known in now.items()
                    if known[0] in ids or _document(known[0]) not in cut_now
                }
            case {"do": "rollback", "version": version}:
                return self.versions[version]
        return now

    def settle(self, operation: dict[str, Any] | None, bank: Bank) -> str:
        """Takes in the operation that a fault fell upon: the bank has it wholly, or not at all."""
        found = bank.version, bank.info()["oldest_version"]
        absent = found == self.state
        if operation and not absent:
            self.commit(operation)
        assert found == self.state, f"bank at (version, oldest) {found}, expected {self.state}"
        return "absent" if absent else "done"


def _document(id: str) -> str:
    return id.split("#")[0]


def step(bank: Bank, rng: random.Random, announce: Announce) -> None:
    """Does one of the things that writers do."""
    match rng.choice(["build"] * 4 + ["delete", "rollback", "compact", "index"]):
        case "build":
            documents = rng.sample(range(DOCUMENTS), rng.randint(1, 6))
            passages = [p for d in documents for p in cut(f"d{d}", rng.randrange(3), rng.randint(1, 4))]
            build_aloud(bank, passages, announce)
        case "delete":
            names = [f"d{d}" for d in rng.sample(range(DOCUMENTS), 2)]
            announce({"do": "delete", "documents": names})
            bank.delete(names)
        case "rollback":
            version = rng.choice(bank.log(6)).version
            announce({"do": "rollback", "version": version})
            bank.rollback(version)
        case "compact":
            announce({"do": "compact"})
            bank.compact()
        case "index":
            announce({"do": "index"})
            open_index(bank)


def build_aloud(bank: Bank, passages: Sequence[Passage], announce: Announce) -> None:
    """Builds, and announces each commit: `encode` is called before a commit, after the last one's end."""

    def encode_aloud(batch: Sequence[Passage]) -> Encoded:
        announce({"do": "put", "documents": [(p.id, p.content) for p in batch]})
        return encode(batch)

    announce({"do": "build", "passages": [p.id for p in passages]})
    build(bank, passages, encode_aloud, commit_size=COMMIT_SIZE, progress=lambda line: None)


def open_index(bank: Bank) -> retrieval.Index:
    """The bank's index, of the kind that is kept on the disk where it can be."""
    kind: retrieval.Kind = "scann" if HAS_SCANN and len(bank) >= SCANN_DOCUMENTS else "exact"
    return retrieval.open_index(bank, kind)


def check_whole(bank: Bank, positions: Sequence[int]) -> None:
    """Asserts that these documents have the row and the key of their text."""
    texts = [bank.records[p].text for p in positions]
    assert [bank.records[p].sha256 for p in positions] == [text_digest(text) for text in texts]
    rows, keys = rows_and_keys(texts)
    stored = dict(zip(*bank.keys(), strict=True))
    np.testing.assert_array_equal(np.array([stored[p] for p in positions]).reshape(-1, E), keys)
    padded = np.resize(np.array(positions, np.int64), -(-len(positions) // _READ_AT_ONCE) * _READ_AT_ONCE)
    for start in range(0, len(padded), _READ_AT_ONCE):  # of one size: JAX compiles once
        some = np.asarray(bank.read_rows(padded[start : start + _READ_AT_ONCE]))
        expected = rows[start : start + _READ_AT_ONCE]
        np.testing.assert_array_equal(some[: len(expected)], expected)


def check_holds(bank: Bank, documents: Documents) -> None:
    """Asserts that the bank holds these documents and no others, whole."""
    assert bank.verify() == []
    held = {p: (r.id, r.text) for p, r in bank.records.items()}
    assert held == documents, f"held or expected, not both: {sorted(held.items() ^ documents.items())}"
    assert len({id for id, _ in held.values()}) == len(held), "an id is there twice"
    check_whole(bank, list(documents))


def digest(documents: Documents) -> str:
    """For two processes to compare what they hold to be the bank's documents."""
    return hashlib.sha256(json.dumps(sorted(documents.items())).encode()).hexdigest()


def current_database(path: str) -> int:
    """The number of the bank's database, which is that of its compactions."""
    names = os.listdir(pathlib.Path(path, "shards"))
    return max(int(f"0{name[6:]}") for name in names if name.startswith("00000") and name != "00000.lock")


def announcements(journal: pathlib.Path) -> list[dict[str, Any]]:
    """What a process announced; a last line that is not ended was not announced yet."""
    return [json.loads(line) for line in journal.read_text().split("\n")[:-1]] if journal.exists() else []


def _announcer(journal: str) -> Announce:
    file = open(journal, "a")  # noqa: SIM115 (open until the process dies)

    def announce(operation: dict[str, Any]) -> None:
        file.write(json.dumps(operation) + "\n")
        file.flush()
        os.fsync(file.fileno())

    return announce


def warm(path: str) -> None:
    """Fills JAX's cache of compiled programs with all that the other tasks run."""
    with Bank.create(path, manifest()) as bank:
        for size in range(1, COMMIT_SIZE + 1):
            build_aloud(bank, [p for d in range(size) for p in cut(f"{size}-{d}", 0, 1)], lambda _: None)
        check_whole(bank, list(bank.records))


def churn(path: str, journal: str, seed: int, steps: int | None = None) -> None:
    """Writes, for ever or for a number of steps, each with the bank opened anew."""
    # A cache file that is half written when we are killed would not be the bank's fault.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1e6)
    rng, announce, parent = random.Random(seed), _announcer(journal), os.getppid()
    for _ in itertools.count() if steps is None else range(steps):
        if os.getppid() != parent:
            return  # the tests are gone
        with Bank.open(path) as bank:
            step(bank, rng, announce)
    announce({"do": "end"})


def read(path: str, journal: str, seed: int, stop: str) -> None:
    """Reads the latest version again and again until there is a file `stop`, and tells what it saw."""
    rng, announce, parent = random.Random(seed), _announcer(journal), os.getppid()
    while os.getppid() == parent and not os.path.exists(stop):
        database = current_database(path)
        bank = Bank.open(path)
        check_whole(bank, list(bank.records)[::2])
        time.sleep(rng.uniform(0, 0.2))  # for the writer to commit and to compact
        documents = {p: (r.id, r.text) for p, r in bank.records.items()}
        check_holds(bank, documents)
        assert bank.info()["bytes"] > 0  # counted while files come and go
        compacted = current_database(path) != database
        announce({"version": bank.version, "digest": digest(documents), "compacted": compacted})


def fill(folder: str, journal: str, limit: bool) -> None:
    """Writes until the disk is full, tries all that writes, makes space and goes on.

    Args:
      folder: of a small file system, or of any where `limit` is to stand for a full one.
      journal: gets a line for every error, and a last one with the documents at the end.
      limit: allow no file to grow beyond 8 KB.
    """
    path, ballast, model = pathlib.Path(folder, "bank"), pathlib.Path(folder, "ballast"), Model()
    announce = _announcer(journal)
    bank = Bank.create(path, manifest())

    def put(number: int) -> bool:
        passages = [p for d in range(COMMIT_SIZE) for p in cut(f"f{number}-{d}", 2, 1)]
        return attempt(lambda say: build_aloud(bank, passages, say))

    def other(write: Callable[..., object], **operation: object) -> bool:
        def announced(say: Announce) -> None:
            say({"do": write.__name__, **operation})
            write(*operation.values())

        return attempt(announced)

    def attempt(write: Callable[[Announce], object]) -> bool:
        """Writes; should that fail, the bank is as it was, or as it was to be."""
        said = list[dict[str, Any]]()
        try:
            write(said.append)
        except UserError as error:
            *said, operation = said
            for ended in said:
                model.commit(ended)
            found = Bank.open(path)
            outcome = model.settle(operation, found)
            check_holds(found, model.versions[-1])
            announce({"operation": operation["do"], "outcome": outcome, "error": repr(error)[:300]})
            return False
        for ended in said:
            model.commit(ended)
        return True

    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
    else:
        ballast.write_bytes(bytes(os.statvfs(folder).f_bavail * 4096 - 100_000))
    failed = next(number for number in itertools.count() if not put(number))
    assert failed > 3, "full before anything was committed"
    other(bank.compact)
    other(bank.delete, documents=["f0-0", "f1-1"])
    other(bank.rollback, version=2)
    put(failed)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ballast.unlink(missing_ok=True)
    assert put(failed + 1) and other(bank.compact) and put(failed + 2)
    check_holds(bank, model.versions[-1])
    announce({"end": list(model.versions[-1].items())})


def holds(path: str, journal: str) -> None:
    """Asserts, in a process of its own, that the bank holds what `fill` said at its end."""
    documents = announcements(pathlib.Path(journal))[-1]["end"]
    with Bank.open(path) as bank:
        bank.lock()
        check_holds(bank, {position: (id, text) for position, (id, text) in documents})


TASKS = {task.__name__: task for task in (warm, churn, read, fill, holds)}


def serve() -> None:
    """Forks a process for each order {"task": NAME, ...} and answers its id; {"reap": ID} its exit code."""
    for line in sys.stdin:
        order = json.loads(line)
        if "reap" in order:
            print(os.waitstatus_to_exitcode(os.waitpid(order["reap"], 0)[1]), flush=True)
            continue
        assert len(os.listdir("/proc/self/task")) == 1, "a process of several threads is not safe to fork"
        if process := os.fork():
            print(process, flush=True)
            continue
        try:
            signal.alarm(_PATIENCE)
            os.dup2(2, 1)  # the answers are the server's
            TASKS[order.pop("task")](**order)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)


if __name__ == "__main__":
    serve()
