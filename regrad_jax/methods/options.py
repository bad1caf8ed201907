"""What may be chosen each time questions are asked."""

import dataclasses
import math

from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.engine.sampling import GREEDY, Sampling
from regrad_jax.errors import UserError
from regrad_jax.retrieval.table import RETRIEVERS


@dataclasses.dataclass(frozen=True)
class Options:
    """How questions are answered.

    Attributes:
        mode: a name in `METHODS`.
        top_k: the most documents for each question.
        gamma: multiplier of the step that documents make; 0 leaves the learned parameters as they are.
        weighting: document weights, a name in `DOCUMENT_WEIGHTS`; None takes those that the checkpoint was
            trained with.
        retriever: what finds the documents, a name in `RETRIEVERS`.
        max_new_tokens: the longest answer in tokens.
        sampling: how the tokens of an answer are chosen.
        free_text: for a question with choices, read the answer in what the model writes. Otherwise the choice
            is taken that the model is the most likely to write.

    Raises:
        UserError: a value is unknown or out of its range. The mode is looked up by whoever knows the methods.
    """

    mode: str = "regrad"
    top_k: int = 3
    gamma: float = 1.0
    weighting: str | None = None
    retriever: str = "dense"
    max_new_tokens: int = 20
    sampling: Sampling = GREEDY
    free_text: bool = False

    def __post_init__(self):
        for name in ("top_k", "max_new_tokens"):
            if (value := getattr(self, name)) < 1:
                raise UserError(f"`{name}` is {value}; it must be at least 1")
        if not math.isfinite(self.gamma):
            raise UserError(f"`gamma` is {self.gamma}; it must be a finite number")
        known = {"weighting": (None, *DOCUMENT_WEIGHTS), "retriever": tuple(RETRIEVERS)}
        for name, choices in known.items():
            if (value := getattr(self, name)) not in choices:
                names = ", ".join(choice for choice in choices if choice)
                raise UserError(f"`{name}` {value!r} is unknown; choose one of {names}")
