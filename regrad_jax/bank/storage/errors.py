"""What can go wrong with stored bytes, told apart by what mends it.

    DamagedError       bytes are missing or fail their checksum: restore them, or build them again
    UnreadableError    this user may not read a file or folder: change its permissions
    UnreachableError   the store does not answer: check the network, and repeat
    BusyError          another writer holds the lock: wait

A store that does not answer and a file that may not be read tell nothing of the bytes, so neither is ever
taken for damage. TensorStore raises ValueError for all of these and for a full disk; the text of the error
begins with a status code.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence

from regrad_jax.bank.storage.place import Home
from regrad_jax.errors import RunError, UserError

_UNREACHABLE_CODES = (
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "RESOURCE_EXHAUSTED",  # in a folder: no more files can be opened
)
# An answer that TensorStore has no use for, such as that a token has expired, comes with its HTTP status.
_UNREACHABLE_SIGNS = ("retry attempts failed", "http_response_code=")


class DamagedError(UserError):
    """Stored bytes are missing or fail their checksum.

    Attributes:
        positions: of the documents concerned; empty when the database itself is damaged.
    """

    def __init__(self, reason: str, positions: Sequence[int] = ()):
        super().__init__(reason)
        self.positions = list(positions)

    def of_bank(self, place: object) -> UserError:
        """Returns the error that names the bank whose database is damaged."""
        return UserError(f"bank {place} is damaged ({self}): restore it or build it again")


class UnreadableError(UserError):
    """This process may not read a file or folder. Nothing is known of what it holds."""

    def __init__(self, path: object, reason: str | None):
        super().__init__(f"{path} cannot be read: {reason}; read it as its owner, or change its permissions")


class UnreachableError(RunError):
    """The store does not answer, or not to us. Nothing is known of what it holds."""


class BusyError(UserError):
    """Another writer holds the lock."""


def is_unreachable(error: Exception) -> bool:
    """Returns whether an error of TensorStore tells of its store's absence, and not of what it holds."""
    text = str(error)
    return text.startswith(_UNREACHABLE_CODES) or any(sign in text for sign in _UNREACHABLE_SIGNS)


def unreachable(where: object, error: Exception) -> UnreachableError:
    """Returns the error that says in one line that a store cannot be reached."""
    return UnreachableError(
        f"{where} cannot be reached ({brief(error)}): check the URL or path, network and permissions"
    )


def require_answer(home: Home, error: Exception) -> None:
    """Raises an error of its own where a failed read tells nothing of what is stored.

    Raises:
        UnreadableError: a file or folder may not be read.
        UnreachableError: the store does not answer.
    """
    if not home.leased and str(error).startswith("PERMISSION_DENIED"):
        path = re.search(r'"([^"]+)": Permission denied', str(error))
        raise UnreadableError(path[1] if path else home, "Permission denied") from error
    if is_unreachable(error):
        raise unreachable(home, error) from error


@contextlib.contextmanager
def reading(where: object) -> Iterator[None]:
    """Turns the system's refusal to let a file or folder be read into UnreadableError."""
    try:
        yield
    except PermissionError as error:
        raise UnreadableError(error.filename or where, error.strerror) from error


@contextlib.contextmanager
def writing(home: Home) -> Iterator[None]:
    """Turns what TensorStore and the system raise while a shard is written into one line."""
    try:
        yield
    except (ValueError, OSError) as error:  # TensorStore reports a full disk as a ValueError
        if home.leased and is_unreachable(error):
            raise unreachable(home, error) from error
        raise UserError(
            f"{home} cannot be written ({brief(error)}); nothing was changed: "
            "make room or mend what is said there, and repeat"
        ) from error


def brief(error: Exception) -> str:
    """Returns an error of TensorStore in a line, without the whole spec that it ends in."""
    return " ".join(str(error).split(" [")[0].split())[:300]
