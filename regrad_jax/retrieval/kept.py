"""ScaNN indexes on disk: each bank's folder keeps one index, under the name of the version that it is of.

On disk, if a save dies:

    index written                     in a folder `.*` beside its place, which a later save sweeps away
    digest of its files written       the same; the index is complete but not in its place
    folder renamed to VERSION         complete
    other versions' folders deleted   several are complete, or some are half deleted; their digests tell

An index can be deleted at any time, since it can be built again from the bank's keys.
"""

import contextlib
import hashlib
import os
import pathlib
import shutil
import tempfile
import time
from typing import NamedTuple

from regrad_jax.retrieval.base import Version
from regrad_jax.retrieval.scann import ScannIndex

_DIGEST = "sha256"  # the file that vouches for an index's other files
_ABANDONED_SECONDS = 3600


class Kept(NamedTuple):
    """An index from disk, and whether it is of the version that was asked for."""

    scann_index: ScannIndex
    is_of_version: bool


def save(index: ScannIndex, folder: str | os.PathLike[str], version: Version) -> None:
    """Keeps an index in place of those of other versions.

    Args:
        index: of all passages of the version.
        folder: of the bank's indexes; created when absent.
        version: of the bank.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as scratch:
        draft = pathlib.Path(scratch, "index")
        draft.mkdir()
        index.write(draft)
        (draft / _DIGEST).write_text(_digest(draft))
        shutil.rmtree(folder / _name(version), ignore_errors=True)  # a damaged one
        # Where the name is taken again, another process has just saved the same index.
        with contextlib.suppress(OSError):
            os.rename(draft, folder / _name(version))
    for other in folder.glob("[0-9]*"):
        if other.name != _name(version):
            shutil.rmtree(other, ignore_errors=True)
    for draft in folder.glob(".*"):  # of processes that were killed; young ones may be at work
        with contextlib.suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(draft, ignore_errors=True)


def load(folder: str | os.PathLike[str], version: Version) -> Kept | None:
    """Loads an index: of this version, or else the newest sound one. Returns None where there is none."""
    own = pathlib.Path(folder, _name(version))
    for home in [own, *sorted(pathlib.Path(folder).glob("[0-9]*"), reverse=True)]:
        # A newer save may delete the files meanwhile, and a bank may move to a machine without ScaNN.
        with contextlib.suppress(OSError, EOFError, ValueError, RuntimeError, ImportError):
            if (home / _DIGEST).read_text() == _digest(home):
                return Kept(ScannIndex.read(home), home == own)
    return None


def remove(folder: str | os.PathLike[str]) -> None:
    """Deletes every index of a bank."""
    shutil.rmtree(folder, ignore_errors=True)


def _digest(folder: pathlib.Path) -> str:
    """Returns the sha256 of an index's files. From damaged ones ScaNN would return wrong documents."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name != _DIGEST:
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _name(version: Version) -> str:
    name = f"{sum(version):08d}"
    if len(version) > 1:
        name += "-" + hashlib.sha256(repr(version).encode()).hexdigest()[:16]
    return name
