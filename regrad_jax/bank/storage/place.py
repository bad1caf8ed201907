"""Where a bank lives: what a folder (folder.py) and a bucket (bucket.py) have in common for the rest of it.

A place keeps the manifest and the homes of the shards. A shard's home keeps its databases, which have names
and of which one counts: the current one. Each compaction makes the next.
"""

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any, Protocol

from regrad_jax.errors import RunError, UserError

MANIFEST = "manifest.json"
Spec = dict[str, Any]  # a TensorStore key-value store as JSON

_RETRIES = {"max_retries": 6, "initial_delay": "250ms", "max_delay": "8s"}
# For TensorStore contexts: half a minute of trying, where its default is many.
CONTEXT = {"s3_request_retries": _RETRIES, "gcs_request_retries": _RETRIES}


class UnreachableError(RunError):
    """The store does not answer, or not to us. Nothing is known of what it holds."""


class BusyError(UserError):
    """Another writer holds the lock."""


class Lock(Protocol):
    """A held writer's lock."""

    def renew(self) -> None:
        """Makes sure that the lock is still held, before a commit.

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
      leased: whether nothing can be held for good: a lock can be lost while its holder lives, and a database
        be removed while it is read.
    """

    leased: bool

    def database(self, name: str) -> Spec:
        """Returns the key-value store of a database's files."""
        ...

    def current(self) -> str | None:
        """Returns the name of the current database; None where there is none."""
        ...

    def hold(self) -> tuple[str, Callable[[], object]]:
        """Keeps the current database from being removed.

        Returns:
          Its name, and what to call when it is no longer read.

        Raises:
          FileNotFoundError: there is none.
        """
        ...

    def lock(self) -> Lock:
        """Becomes the only writer.

        Raises:
          BusyError: another writer holds the lock (it is named).
        """
        ...

    def draft(self) -> contextlib.AbstractContextManager[Spec]:
        """Yields where to write the next database; it is the current one when the block has ended well."""
        ...

    def sweep(self) -> None:
        """Removes what dead writers and compactions left behind and nobody reads; needs the lock."""
        ...


class Place(Protocol):
    """Where one bank lives. Its `str` names it in messages."""

    def manifest(self) -> bytes | None:
        """Returns the manifest's text, or None where there is no bank.

        Raises:
          UserError: what is there is no bank.
        """
        ...

    def shard(self, name: str, identity: str) -> Home:
        """Returns the home of a shard, of the bank of this identity."""
        ...

    def create(self, manifest: bytes, identity: str) -> contextlib.AbstractContextManager["Place"]:
        """Yields where to make the shards of a new bank; the bank is there when the block has ended well.

        Raises:
          UserError: something is there already.
        """
        ...

    def index_folder(self, identity: str) -> str:
        """Returns the folder of the search index on this machine, for the bank of this identity."""
        ...

    def usage(self) -> int | None:
        """Returns bytes on the disk; None where that cannot be known."""
        ...


def is_unreachable(error: Exception) -> bool:
    """Returns whether an error of TensorStore tells of its store's absence, and not of what it holds."""
    codes = (
        "UNAVAILABLE",
        "DEADLINE_EXCEEDED",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "RESOURCE_EXHAUSTED",  # in a folder: no more files can be opened
    )
    # An answer that TensorStore has no use for, such as that a token has expired, comes with its HTTP status.
    signs = ("retry attempts failed", "http_response_code=")
    return str(error).startswith(codes) or any(sign in str(error) for sign in signs)


def unreachable(where: object, error: Exception) -> UnreachableError:
    """Returns the error that says so in one line."""
    return UnreachableError(
        f"{where} cannot be reached ({brief(error)}): check the URL or path, network and permissions"
    )


def brief(error: Exception) -> str:
    """Returns an error of TensorStore in a line, without the whole spec that it ends in."""
    return " ".join(str(error).split(" [")[0].split())[:300]


def writer() -> str:
    """Returns how this process is named to those that its lock keeps out."""
    return f"process {os.getpid()} on {socket.gethostname()}"
