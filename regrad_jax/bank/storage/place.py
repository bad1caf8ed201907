"""What a folder and a bucket have in common as places where a bank lives.

A place keeps the manifest of one bank and a home for each of its shards, which are parts with one writer
each. A home keeps the databases of one shard. A database has a name, and one of them is the current one. A
compaction copies what the latest version needs into the next database. Then that one is current, and the old
one is removed when nobody reads it any more.

`folder.py` and `bucket.py` implement these protocols, and `address.py` chooses between them. Where a
docstring there says "As `Place.create`", the contract stands here.
"""

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any, Protocol

MANIFEST = "manifest.json"
Spec = dict[str, Any]  # a TensorStore key-value store as JSON

_RETRIES = {"max_retries": 6, "initial_delay": "250ms", "max_delay": "8s"}
# For TensorStore contexts: half a minute of trying, where its default is many.
CONTEXT = {"s3_request_retries": _RETRIES, "gcs_request_retries": _RETRIES}


class Lock(Protocol):
    """A writer's lock, from `Home.lock` until `release`."""

    def renew(self) -> None:
        """Makes sure, before a commit, that the lock has not been lost.

        Raises:
            BusyError: another writer has taken it.
        """
        ...

    def release(self) -> None:
        """Gives the lock back."""
        ...


class Home(Protocol):
    """Where the databases of one shard lie. Its `str` names it in messages.

    Attributes:
        leased: whether a writer's lock is a lease, which ends by itself. Then a lock can be lost while its
            holder lives, and a database can be removed while it is read.
    """

    leased: bool

    def database(self, name: str) -> Spec:
        """Returns the key-value store that a database's files are in."""
        ...

    def current(self) -> str | None:
        """Returns the name of the current database; None where there is none.

        Raises:
            UnreadableError: the folder may not be read.
        """
        ...

    def hold(self) -> tuple[str, Callable[[], object]]:
        """Keeps the current database from being removed, where the place can do that (see `leased`).

        Returns:
            The database's name, and a function to call when the database is no longer read.

        Raises:
            FileNotFoundError: there is none.
            UnreadableError: its folder may not be read.
        """
        ...

    def lock(self) -> Lock:
        """Becomes the only writer.

        Raises:
            BusyError: another writer holds the lock (the message names it).
            UserError: the lock cannot be written.
        """
        ...

    def draft(self) -> contextlib.AbstractContextManager[Spec]:
        """Yields where to write the next database, to the `with` block.

        The database becomes the current one when the block ends without an exception.
        """
        ...

    def sweep(self) -> None:
        """Removes what dead writers left, and databases that were replaced and are no longer read.

        It needs the lock.
        """
        ...


class Place(Protocol):
    """Where one bank lives. Its `str` names it in messages."""

    def manifest(self) -> bytes | None:
        """Returns the manifest's text, or None where there is no bank.

        Raises:
            UserError: the folder holds something else, or may not be read.
        """
        ...

    def shard(self, name: str, identity: str) -> Home:
        """Returns the home of a shard.

        Args:
            name: of the shard.
            identity: the `id` in the bank's manifest.
        """
        ...

    def create(self, manifest: bytes, identity: str) -> contextlib.AbstractContextManager["Place"]:
        """Yields where to make the shards of a new bank, to the `with` block.

        The bank exists when the block has ended without an exception.

        Raises:
            UserError: the place is taken already, or cannot be written.
        """
        ...

    def index_folder(self, identity: str) -> str:
        """Returns the folder, on this machine, of the search index of the bank with this identity."""
        ...

    def usage(self) -> int | None:
        """Returns bytes on the disk; None where that cannot be known.

        Raises:
            UnreadableError: a folder may not be read.
        """
        ...


def writer() -> str:
    """Returns the name of this process, for the messages to those that its lock keeps out."""
    return f"process {os.getpid()} on {socket.gethostname()}"
