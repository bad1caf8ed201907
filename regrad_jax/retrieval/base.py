"""What a retriever gives back, and what it can do."""

from typing import NamedTuple, Protocol

import numpy as np


class Retrieved(NamedTuple):
    positions_QxK: np.ndarray
    scores_QxK: np.ndarray


class Retriever(Protocol):
    reason: str

    def search(self, questions, k) -> Retrieved: ...
