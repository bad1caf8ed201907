"""The bank: documents' gradients at rest, with their retrieval keys and texts.

    manifest.json     fixed facts (manifest.py), written once
    shards/00000/     rows, keys and records (shard.py), and shards/00000.lock of its writer
    index/            made from the keys by retrieval/index.py

Crash story. `create` builds a whole empty bank in a folder beside the target and renames it into
place: there is no bank, or an empty one. From there on, every commit is one transaction of the
shard.
"""

import collections
import os
import pathlib
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.bank import shard
from regrad_jax.bank.codecs import CODECS
from regrad_jax.bank.manifest import FILE_NAME, Fingerprint, Manifest
from regrad_jax.bank.records import Entry, Record
from regrad_jax.errors import UserError

_SHARD = pathlib.Path("shards", "00000")


class Bank:
    """Documents' gradients at rest. Made by `Bank.create` or `Bank.open`.

    The first write takes the writer's lock; `close`, or the end of a `with` block, gives it back.

    Attributes:
      path: the bank's folder.
      manifest: its fixed facts.
      records: position -> Record, in the order of positions; not to be changed by others.
    """

    def __init__(self, path: pathlib.Path, manifest: Manifest):
        """Use `Bank.create` or `Bank.open`."""
        self.path = path
        self.manifest = manifest
        self.records: dict[int, Record] = {}
        self._positions: dict[str, int] = {}  # by id
        self._head: shard.Head
        codec = CODECS[manifest.codec]
        self._encode = jax.jit(codec.encode)
        self._decode = jax.jit(codec.decode, static_argnames="length")
        try:
            packed_bytes = codec.packed_bytes(manifest.row_length)
            self._shard = shard.Shard(path / _SHARD, packed_bytes, manifest.key_width)
            self._load()
        except shard.DamagedError as error:
            raise UserError(f"bank {path} is damaged ({error}): restore it or build it again") from error

    @classmethod
    def create(cls, path: str | os.PathLike[str], manifest: Manifest) -> "Bank":
        """Makes an empty bank.

        Args:
          path: a folder that does not exist yet, or is empty.
          manifest: the bank's fixed facts.

        Raises:
          UserError: something is there already.
        """
        path = pathlib.Path(path).absolute()
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UserError(f"cannot create a bank at {path}: it exists and is not empty")
        path.parent.mkdir(parents=True, exist_ok=True)
        packed_bytes = CODECS[manifest.codec].packed_bytes(manifest.row_length)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as scratch:
            draft = pathlib.Path(scratch, "bank")
            shard.Shard.create(draft / _SHARD, packed_bytes, manifest.key_width)
            with open(draft / FILE_NAME, "w") as file:
                file.write(manifest.to_json())
                file.flush()
                os.fsync(file.fileno())
            os.rename(draft, path)
        return cls(path, manifest)

    @classmethod
    def open(cls, path: str | os.PathLike[str], fingerprint: Fingerprint | None = None) -> "Bank":
        """Opens an existing bank.

        Args:
          path: the bank's folder.
          fingerprint: of the checkpoint in use; None opens the bank whatever made it.

        Raises:
          UserError: no bank there, a damaged one, or one of another fingerprint.
        """
        path = pathlib.Path(path).absolute()
        if not path.exists():
            raise UserError(f"there is no bank at {path}: make one with `regrad build`")
        try:
            text = (path / FILE_NAME).read_text()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UserError(f"{path} is not a bank: it holds no {FILE_NAME}") from error
        except UnicodeDecodeError as error:
            raise UserError(f"{path / FILE_NAME} is damaged: restore it from a copy") from error
        manifest = Manifest.from_json(text, path / FILE_NAME)
        if fingerprint is not None:
            manifest.require(fingerprint, path)
        return cls(path, manifest)

    @property
    def version(self) -> int:
        """Number of the last commit that this object has seen; 0 when there was none."""
        return self._head.version

    def lock(self) -> None:
        """Becomes the bank's only writer now instead of at the first write, and sees its latest commit.

        Raises:
          UserError: another process is writing.
        """
        self._begin_write()

    def append(
        self, entries: Sequence[Entry], rows_NxP: jax.typing.ArrayLike, keys_NxE: np.ndarray
    ) -> list[int]:
        """Commits a batch of documents whole; a document whose id is there already is replaced.

        Args:
          entries: N documents with distinct ids.
          rows_NxP: their gradients, float32, unscaled.
          keys_NxE: their retrieval keys, float32, of norm 1.

        Returns:
          Their positions.

        Raises:
          UserError: a gradient, key or loss is not finite (the documents are named), an id is
            given twice, or another process is writing. Nothing was added.
        """
        rows_NxP, keys_NxE = jnp.asarray(rows_NxP, jnp.float32), np.asarray(keys_NxE, np.float32)
        self._check(entries, rows_NxP, keys_NxE)
        if not entries:
            return []
        self._begin_write()
        time, first = shard.now(), self._head.next_position
        records = [Record.of(entry, first + i, time) for i, entry in enumerate(entries)]
        replaced = [self._positions[e.id] for e in entries if e.id in self._positions]
        packed_NxC = np.asarray(self._encode(rows_NxP))
        self._commit(replaced, shard.Batch(records, packed_NxC, keys_NxE))
        return [record.position for record in records]

    def delete(self, names: Iterable[str]) -> int:
        """Removes documents in one commit: row, key and record.

        Args:
          names: ids, or document ids, which remove every passage of the document. Unknown ones are
            passed over.

        Returns:
          How many rows were removed.

        Raises:
          UserError: another process is writing.
        """
        self._begin_write()
        unwanted = set(names)
        gone = [r.position for r in self.records.values() if {r.id, r.document_id} & unwanted]
        if gone:
            self._commit(gone)
        return len(gone)

    def read_packed(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Reads rows as they are stored, concurrently.

        Args:
          positions: K positions of documents; repeats are allowed.

        Returns:
          packed_KxC uint8, for the manifest's codec to decode.

        Raises:
          UserError: no document at a position, or its row is damaged (the documents are named).
        """
        return self._read("rows", positions)

    def read_rows(self, positions: Sequence[int] | np.ndarray) -> jax.Array:
        """Reads and decodes rows.

        Args:
          positions: K positions of documents; repeats are allowed.

        Returns:
          rows_KxP float32, on the default device.

        Raises:
          UserError: no document at a position, or its row is damaged (the documents are named).
        """
        return self._decode(self.read_packed(positions), length=self.manifest.row_length)

    def keys(self) -> tuple[np.ndarray, np.ndarray]:
        """Reads every key.

        Returns:
          positions_N int64, increasing, and keys_NxE float32.

        Raises:
          UserError: a key is damaged (the documents are named).
        """
        positions_N = np.fromiter(self.records, np.int64, len(self.records))
        return positions_N, self._read("keys", positions_N)

    def contains(self, id: str, sha256: str) -> bool:
        """Returns whether `id` is here with a text of this digest (`records.text_digest`)."""
        position = self._positions.get(id)
        return position is not None and self.records[position].sha256 == sha256

    def info(self) -> dict[str, Any]:
        """Returns what there is to know of the bank, ready for JSON. Sizes are bytes on disk.

        `bytes_per_document` counts the parts as stored; `other` is all else on the disk (the
        database's tree, what was deleted, the index) shared out evenly.
        """
        count, manifest = len(self.records), self.manifest
        on_disk = _disk_usage(self.path)
        parts: dict[str, float] = {}
        if count:
            row = CODECS[manifest.codec].packed_bytes(manifest.row_length)
            records = sum(len(shard.pack_record(record)) for record in self.records.values())
            parts["row"] = row + shard.CHECKSUM_BYTES
            parts["key"] = 4 * manifest.key_width + shard.CHECKSUM_BYTES
            parts["record"] = records / count
            parts["other"] = on_disk / count - sum(parts.values())
            parts["total"] = on_disk / count
        return {
            "path": str(self.path),
            "documents": count,
            "version": self.version,
            "bytes": on_disk,
            "bytes_per_document": {name: round(size, 1) for name, size in parts.items()},
            "codec": manifest.codec,
            "row_length": manifest.row_length,
            "embedder": manifest.embedder,
            "fingerprint": dict(manifest.fingerprint.fields),
        }

    def close(self) -> None:
        """Gives back the writer's lock, if held; the bank can still be read."""
        self._shard.unlock()

    def __len__(self) -> int:
        return len(self.records)

    def __enter__(self) -> "Bank":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, entries: Sequence[Entry], rows_NxP: jax.Array, keys_NxE: np.ndarray) -> None:
        count = len(entries)
        wanted = (count, self.manifest.row_length), (count, self.manifest.key_width)
        if (rows_NxP.shape, keys_NxE.shape) != wanted:
            raise ValueError(f"rows {rows_NxP.shape} and keys {keys_NxE.shape}, expected {wanted}")
        finite_N = np.asarray(jnp.isfinite(rows_NxP).all(axis=1))
        finite_N = finite_N & np.isfinite(keys_NxE).all(axis=1)
        finite_N = finite_N & np.isfinite([entry.inner_loss for entry in entries])
        if not finite_N.all():
            names = ", ".join(repr(entries[int(i)].id) for i in np.flatnonzero(~finite_N))
            raise UserError(f"the gradient, key or loss of {names} is not finite; nothing was added")
        for id, times in collections.Counter(entry.id for entry in entries).items():
            if times > 1:
                raise UserError(f"id {id!r} is given {times} times in one batch; nothing was added")

    def _begin_write(self) -> None:
        self._shard.lock()
        # Another writer may have committed before us, or a commit of ours failed at its very end.
        if self._shard.head() != self._head:
            self._load()

    def _commit(self, gone: Sequence[int], added: shard.Batch | None = None) -> None:
        records = added.records if added else ()
        head = shard.Head(
            version=self.version + 1,
            next_position=self._head.next_position + len(records),
            documents=len(self.records) - len(gone) + len(records),
            time=shard.now(),
        )
        self._shard.commit(head, gone, added)
        self._head = head
        for position in gone:
            del self._positions[self.records.pop(position).id]
        for record in records:
            self.records[record.position] = record
            self._positions[record.id] = record.position

    def _load(self) -> None:
        self._head, records = self._shard.load()
        self.records = {record.position: record for record in records}
        self._positions = {record.id: record.position for record in records}

    def _read(self, array: Literal["rows", "keys"], positions: Sequence[int] | np.ndarray) -> np.ndarray:
        positions_K = np.asarray(positions, np.int64)
        for position in positions_K.tolist():
            if position not in self.records:
                raise UserError(f"bank {self.path} has no document at position {position}")
        try:
            return self._shard.read(array, positions_K)
        except shard.DamagedError as error:
            names = ", ".join(repr(self.records[p].id) for p in error.positions)
            raise UserError(
                f"bank {self.path}: the stored {array} of {names or 'documents'} are damaged "
                f"({error}): delete these documents from the bank and build them again"
            ) from error


def _disk_usage(folder: pathlib.Path) -> int:
    return sum(
        os.lstat(os.path.join(root, name)).st_blocks * 512
        for root, _, names in os.walk(folder)
        for name in names
    )
