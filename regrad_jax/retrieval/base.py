"""What a search is asked, what it is made from, and what it gives."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from regrad_jax.data.documents import Question

Version = tuple[int, ...]  # of a bank, exactly: the commits of each of its shards


class Retrieved(NamedTuple):
    """The passages that Q questions found, best first.

    Attributes:
        positions_QxK: int64, the passages' positions in the bank; -1 where a question found fewer than K.
        scores_QxK: float32, by which they are ordered; of no meaning at a position of -1.
    """

    positions_QxK: np.ndarray
    scores_QxK: np.ndarray


class KeySource(Protocol):
    """The keys of one version of a bank: what an index is made from.

    Attributes:
        state: the version.
        index_folder: where indexes of the bank are kept on this machine.
        read_only: whether an index of this version must not take the place of a kept one, since the version
            is an older one.
    """

    @property
    def state(self) -> Version: ...
    @property
    def index_folder(self) -> str: ...
    @property
    def read_only(self) -> bool: ...

    def positions(self) -> np.ndarray:
        """Returns the positions of all passages, int64, increasing."""
        ...

    def keys(self, positions_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reads the keys at these positions.

        Returns:
            positions_M of those keys that are not damaged, int64, and keys_MxE, float32.
        """
        ...


class PassageSource(KeySource, Protocol):
    """One version of a bank, what a retriever is made from. A `Bank` is one."""

    def texts(self, positions: Sequence[int]) -> dict[int, str]:
        """Returns position -> text of the passages at these positions that are not damaged."""
        ...


class Retriever(Protocol):
    """A search in one version of a bank.

    Attributes:
        reason: a sentence that says which kind of search this is and why.
    """

    @property
    def reason(self) -> str: ...

    def search(self, questions: Sequence[Question], k: int) -> Retrieved:
        """Finds the best passages for each question.

        Args:
            questions: Q questions, of which search reads the wording alone.
            k: the most passages for a question.

        Returns:
            K passages a question; K is at most k, and at most the number of passages that can be found.
        """
        ...
