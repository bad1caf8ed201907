"""A bank in a local folder.

    manifest.json
    shards/00000/        the first database of a shard; compactions make 00000.1/, 00000.2/, ...,
                         and the one with the highest number counts
    shards/00000.lock    the lock of the shard's writer
    index/               the search index

Locks are `flock`s. They belong to processes, so the system releases them when a process dies.
"""

import contextlib
import fcntl
import functools
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

from regrad_jax.bank.storage.errors import BusyError, reading
from regrad_jax.bank.storage.place import MANIFEST, Home, Lock, Place, Spec, writer
from regrad_jax.errors import UserError


class Folder(Place):
    """A bank's folder."""

    def __init__(self, path: str | os.PathLike[str]):
        """Takes the path of a folder, which need not exist yet."""
        self.path = pathlib.Path(path).absolute()

    def __str__(self) -> str:
        return str(self.path)

    def manifest(self) -> bytes | None:
        """As `Place.manifest`."""
        with reading(self.path):
            # In this order: a bank that another process makes meanwhile appears with its manifest, or not
            # yet.
            if self._is_free():
                return None
            try:
                return (self.path / MANIFEST).read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
                raise UserError(f"{self.path} is not a bank: it holds no {MANIFEST}") from error

    def _is_free(self) -> bool:
        """Returns whether a bank can be made here: nothing exists, or an empty folder."""
        return not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir()))

    def shard(self, name: str, identity: str) -> Home:
        """As `Place.shard`."""
        return FolderHome(self.path / "shards" / name)

    @contextlib.contextmanager
    def create(self, manifest: bytes, identity: str) -> Iterator[Place]:
        """As `Place.create`. The bank is made in a folder beside its own, which is renamed at the end."""
        try:
            if not self._is_free():
                raise UserError(f"cannot create a bank at {self.path}: it exists and is not empty")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=f".{self.path.name}.") as scratch:
                draft = Folder(pathlib.Path(scratch, "bank"))
                yield draft
                with open(draft.path / MANIFEST, "wb") as file:
                    file.write(manifest)
                    file.flush()
                    os.fsync(file.fileno())
                _sync(draft.path)
                os.rename(draft.path, self.path)
            _sync(self.path.parent)
        except OSError as error:  # no permission, no room, or another process was faster
            raise UserError(f"cannot create a bank at {self.path}: {error.strerror}") from error

    def index_folder(self, identity: str) -> str:
        """As `Place.index_folder`: inside the bank."""
        return str(self.path / "index")

    def usage(self) -> int:
        """As `Place.usage`."""
        blocks = 0
        with reading(self):
            for root, _, names in os.walk(self.path, onerror=_unless_gone):
                for name in names:
                    with contextlib.suppress(FileNotFoundError):  # a writer has just renamed or removed it
                        blocks += os.lstat(os.path.join(root, name)).st_blocks
        return blocks * 512


class FolderHome(Home):
    """The databases of a shard, in a folder."""

    leased = False

    def __init__(self, path: pathlib.Path):
        """Takes the path of the first database; those of later ones follow from it."""
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def database(self, name: str) -> Spec:
        """As `Home.database`."""
        return {"driver": "file", "path": f"{self._path.parent / name}/"}

    def _databases(self) -> list[tuple[int, str]]:
        """Returns numbers and names, the current one last."""
        database = re.compile(re.escape(self._path.name) + r"(?:\.(\d+))?")
        with reading(self._path.parent):
            try:
                names = os.listdir(self._path.parent)
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted((int(match[1] or 0), match[0]) for match in map(database.fullmatch, names) if match)

    def current(self) -> str | None:
        """As `Home.current`."""
        return max(self._databases(), default=(0, None))[1]

    def hold(self) -> tuple[str, Callable[[], object]]:
        """As `Home.hold`: a shared lock on the database's folder."""
        while True:
            name = self.current()
            if name is None:
                raise FileNotFoundError(f"no database in {self}")
            with contextlib.suppress(FileNotFoundError), reading(self):
                descriptor = os.open(self._path.parent / name, os.O_RDONLY | os.O_DIRECTORY)
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                if self.current() == name:
                    return name, functools.partial(os.close, descriptor)
                os.close(descriptor)  # compacted in between

    def lock(self) -> Lock:
        """As `Home.lock`."""
        try:
            file = open(self._path.with_suffix(".lock"), "a+")  # noqa: SIM115 (open as long as it is held)
        except OSError as error:
            raise UserError(f"{self} cannot be written: {error.strerror}; mend that, and repeat") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read() or "another process"
            file.close()
            raise BusyError(f"{self} is being written by {holder}: wait for it to end") from None
        file.truncate(0)
        file.write(writer())
        file.flush()
        return FileLock(file)

    @contextlib.contextmanager
    def draft(self) -> Iterator[Spec]:
        """As `Home.draft`: beside its place, and renamed into it."""
        shards = self._path.parent
        shards.mkdir(parents=True, exist_ok=True)
        present = self._databases()
        place = self._path.with_suffix(f".{present[-1][0] + 1}") if present else self._path
        with tempfile.TemporaryDirectory(dir=shards, prefix=f".compact.{self._path.name}.") as scratch:
            folder = pathlib.Path(scratch, "database")
            folder.mkdir()
            yield {"driver": "file", "path": f"{folder}/"}
            os.rename(folder, place)
        _sync(shards)

    def sweep(self) -> None:
        """As `Home.sweep`. What this process may not remove stays."""
        *old, current = [self._path.parent / name for _, name in self._databases()]
        # TensorStore 0.1.86 writes a file under this name and then renames it, but it does not shorten a file
        # that exists already. A shorter manifest, written over the longer one of a killed writer, would end
        # in the rest of the longer one.
        for unfinished in current.rglob("*.__lock"):
            unfinished.unlink(missing_ok=True)
        for draft in self._path.parent.glob(f".compact.{self._path.name}.*"):
            shutil.rmtree(draft, ignore_errors=True)
        for folder in old:
            with (
                contextlib.suppress(FileNotFoundError, PermissionError),
                _flock(folder, fcntl.LOCK_EX) as is_unread,
            ):
                if is_unread:
                    # The manifest goes first, so that nobody opens a database that is half deleted.
                    (folder / "manifest.ocdbt").unlink(missing_ok=True)
                    shutil.rmtree(folder, ignore_errors=True)


class FileLock(Lock):
    """A `flock` on an open file."""

    def __init__(self, file: IO[str]):
        """Takes the file, which is locked already."""
        self._file = file

    def renew(self) -> None:
        """As `Lock.renew`. A process cannot lose this lock."""

    def release(self) -> None:
        """As `Lock.release`."""
        self._file.close()


@contextlib.contextmanager
def _flock(folder: pathlib.Path, kind: int) -> Iterator[bool]:
    """Tries to lock a folder; yields whether that worked."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _unless_gone(error: OSError) -> None:
    """Raises an error of `os.walk`, unless the folder has just been removed."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _sync(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
