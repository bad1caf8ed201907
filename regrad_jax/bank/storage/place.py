"""What a folder and a bucket have in common as places where a bank lives.

A place keeps the manifest of one bank and a home for each of its shards. A home keeps the databases of one
shard. Databases have names. One of them is the current one, and each compaction makes the next.
`folder.py` and `bucket.py` implement these protocols, and `address.py` chooses between them.
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
        leased: whether nothing here can be kept for good. Then a lock can be lost while its holder lives, and
            a database can be removed while it is read.
    """

    leased: bool

    def database(self, name: str) -> Spec:
        """Returns the key-value store of a database's files."""
        ...

    def current(self) -> str | None:
        """Returns the name of the current database; None where there is none.

        Raises:
            UnreadableError: the folder may not be read.
        """
        ...

    def hold(self) -> tuple[str, Callable[[], object]]:
        """Keeps the current database from being removed.

        Returns:
            Its name, and a function to call when the database is no longer read.

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
        """Yields where to write the next database, which becomes the current one when the block ends well."""
        ...

    def sweep(self) -> None:
        """Removes what dead writers and compactions left and nobody reads; needs the lock."""
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
        """Yields where to make the shards of a new bank. The bank exists when the block has ended well.

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
