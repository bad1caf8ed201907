"""What a bank holds and what is wrong with it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from regrad_jax.bank.contents import Contents
from regrad_jax.bank.manifest import Manifest
from regrad_jax.bank.records import pack_record, text_digest
from regrad_jax.bank.storage.database import ARRAYS, CHECKSUM_BYTES
from regrad_jax.bank.storage.errors import DamagedError
from regrad_jax.bank.storage.shards import Shards

_READ_AT_ONCE = 1024  # documents

Progress = Callable[[int, int], None]  # documents done, documents in all


class Fault(NamedTuple):
    """A stored document that cannot be trusted.

    Attributes:
        position: in the arrays of rows and keys; None where not even that is known.
        id: of the document; empty where the record that says so is lost.
        reason: what is wrong.
    """

    position: int | None
    id: str
    reason: str


def verify(shards: Shards, contents: Contents, progress: Progress = lambda done, total: None) -> list[Fault]:
    """Reads everything that this version of a bank holds, against all checksums.

    Args:
        shards: of the bank.
        contents: of the bank.
        progress: takes (documents done, documents in all) now and then.

    Returns:
        What is wrong, at most one fault a document, by position; empty when nothing is.

    Raises:
        UserError: the database itself cannot be read.
    """
    faults = {position: Fault(position, "", reason) for position, reason in contents.damaged.items()}
    faults |= _chunk_faults(shards, contents, progress) | _record_faults(contents)
    orphans = shards.orphans({*contents.records, *contents.damaged})
    for position in orphans:
        faults[position] = Fault(position, "", "orphan: a row or key without a record")
    report = [faults[position] for position in sorted(faults)]
    count = shards.documents
    if (missing := count - len(contents.records) - len(contents.damaged) - len(orphans)) > 0:
        reason = f"missing: {missing} of the bank's {count} documents are not there at all"
        report.append(Fault(None, "", reason))
    return report


def _chunk_faults(shards: Shards, contents: Contents, progress: Progress) -> dict[int, Fault]:
    """Returns by position the documents whose row or key cannot be read."""
    faults: dict[int, Fault] = {}
    positions = list(contents.records)
    for start in range(0, len(positions), _READ_AT_ONCE):
        some = np.array(positions[start : start + _READ_AT_ONCE])
        for array in ARRAYS:
            try:
                shards.read(array, some)
            except DamagedError as error:
                reason = f"{array[:-1]}: {error}"
                faults |= {p: Fault(p, contents.records[p].id, reason) for p in error.positions}
        progress(min(start + _READ_AT_ONCE, len(positions)), len(positions))
    return faults


def _record_faults(contents: Contents) -> dict[int, Fault]:
    """Returns by position the documents whose record can be read and is wrong all the same."""
    faults: dict[int, Fault] = {}
    for position, record in contents.records.items():
        if text_digest(record.text) != record.sha256:
            faults[position] = Fault(position, record.id, "text: is not that of its sha256")
        if (other := contents.position_of[record.id]) != position:
            reason = f"id: is that of the document at position {other} too"
            faults[position] = Fault(position, record.id, reason)
    return faults


def info(manifest: Manifest, shards: Shards, contents: Contents) -> dict[str, Any]:
    """Returns the facts of a bank, ready for JSON. Sizes are bytes on the disk.

    `bytes_per_document` counts the parts of a document as they are stored. Its `other` is everything else on
    the disk, shared out evenly: the database's tree, what was deleted, the index. Of a bucket it is not known
    what lies on the disk.

    Args:
        manifest: the bank's fixed facts.
        shards: of the bank.
        contents: of the bank.

    Raises:
        UserError: a folder of the bank may not be read.
    """
    count = len(contents.records)
    on_disk = shards.place.usage()
    parts: dict[str, float] = {}
    if count:
        parts["row"] = manifest.packed_bytes + CHECKSUM_BYTES
        parts["key"] = 4 * manifest.key_width + CHECKSUM_BYTES
        parts["record"] = sum(len(pack_record(record)) for record in contents.records.values()) / count
        if on_disk is not None:
            parts["other"] = on_disk / count - sum(parts.values())
        parts["total"] = sum(parts.values())
    return {
        "path": str(shards.place),
        "documents": count,
        "version": shards.version,
        "oldest_version": shards.oldest(),
        "shards": len(shards),
        "damaged_records": len(contents.damaged),
        "bytes": on_disk,
        "bytes_per_document": {name: round(size, 1) for name, size in parts.items()},
        "codec": manifest.codec,
        "row_length": manifest.row_length,
        "embedder": manifest.embedder,
        "fingerprint": dict(manifest.fingerprint.fields),
    }
