"""A bank in a local folder.

    manifest.json
    shards/00000/        a shard's database; after compactions 00000.1/, 00000.2/, ...: the highest counts
    shards/00000.lock    of its writer
    index/

Locks are `flock`s: they belong to processes and go with them.
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

from regrad_jax.bank.storage.place import MANIFEST, BusyError, Home, Lock, Place, Spec, writer
from regrad_jax.errors import UserError


class Folder(Place):
    """A bank's folder."""

    def __init__(self, path: str | os.PathLike[str]):
        """Takes a path, of a folder or of nothing yet."""
        self.path = pathlib.Path(path).absolute()

    def __str__(self) -> str:
        return str(self.path)

    def manifest(self) -> bytes | None:
        """As `Place.manifest`."""
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
            return None
        try:
            return (self.path / MANIFEST).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UserError(f"{self.path} is not a bank: it holds no {MANIFEST}") from error

    def shard(self, name: str, identity: str) -> Home:
        """As `Place.shard`."""
        return FolderHome(self.path / "shards" / name)

    @contextlib.contextmanager
    def create(self, manifest: bytes, identity: str) -> Iterator[Place]:
        """As `Place.create`: the bank is made in a folder beside its own and renamed."""
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise UserError(f"cannot create a bank at {self.path}: it exists and is not empty")
        try:
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
        for root, _, names in os.walk(self.path):
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # a writer has just renamed or removed it
                    blocks += os.lstat(os.path.join(root, name)).st_blocks
        return blocks * 512


class FolderHome(Home):
    """A shard's databases in a folder."""

    leased = False

    def __init__(self, path: pathlib.Path):
        """Takes the path of database 0."""
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def database(self, name: str) -> Spec:
        """As `Home.database`."""
        return {"driver": "file", "path": f"{self._path.parent / name}/"}

    def _databases(self) -> list[tuple[int, str]]:
        """Returns numbers and names, the current one last."""
        name = re.compile(re.escape(self._path.name) + r"(?:\.(\d+))?")
        matches = (name.fullmatch(path.name) for path in self._path.parent.glob(f"{self._path.name}*"))
        return sorted((int(match[1] or 0), match[0]) for match in matches if match)

    def current(self) -> str | None:
        """As `Home.current`."""
        return max(self._databases(), default=(0, None))[1]

    def hold(self) -> tuple[str, Callable[[], object]]:
        """As `Home.hold`: a shared lock on the database's folder."""
        while True:
            name = self.current()
            if name is None:
                raise FileNotFoundError(f"no database in {self}")
            with contextlib.suppress(FileNotFoundError):
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
        return _FileLock(file)

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
        """As `Home.sweep`."""
        *old, current = [self._path.parent / name for _, name in self._databases()]
        # TensorStore 0.1.86 writes a file under this name and renames it, but does not shorten one that is
        # there already: the next, shorter manifest would end in the rest of a killed writer's longer one.
        for unfinished in current.rglob("*.__lock"):
            unfinished.unlink(missing_ok=True)
        for draft in self._path.parent.glob(f".compact.{self._path.name}.*"):
            shutil.rmtree(draft, ignore_errors=True)
        for folder in old:
            with contextlib.suppress(FileNotFoundError), _flock(folder, fcntl.LOCK_EX) as unread:
                if unread:
                    # Its manifest first: a half deleted database is nobody's.
                    (folder / "manifest.ocdbt").unlink(missing_ok=True)
                    shutil.rmtree(folder, ignore_errors=True)


class _FileLock(Lock):
    def __init__(self, file: IO[str]):
        self._file = file

    def renew(self) -> None:
        pass  # a process cannot lose it

    def release(self) -> None:
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


def _sync(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
