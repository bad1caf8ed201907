"""The ways of answering, as data: does a question adapt the weights, and does its prompt show documents?"""

from collections.abc import Mapping
from typing import NamedTuple


class Mode(NamedTuple):
    """One way of answering.

    Attributes:
        adapts: the retrieved documents' gradients are applied for the answer.
        shows: the retrieved documents stand in the prompt.

    A mode that does not adapt asks the base model in its own chat format, one that does in the words that
    the checkpoint was trained with.
    """

    adapts: bool
    shows: bool

    @property
    def retrieves(self) -> bool:
        return self.adapts or self.shows


MODES: Mapping[str, Mode] = {
    "direct": Mode(adapts=False, shows=False),
    "rag": Mode(adapts=False, shows=True),
    "regrad": Mode(adapts=True, shows=False),
    "regrad+icl": Mode(adapts=True, shows=True),
}
