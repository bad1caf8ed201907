"""Generates invented entries with questions: as many as are wanted, about things that no model can know."""

from dataclasses import dataclass

from regrad_jax.data.almanac.generate import generate
from regrad_jax.data.documents import Document, Question
from regrad_jax.settings import require_whole

_SEED = 7


@dataclass(frozen=True)
class AlmanacSettings:
    """Which almanac.

    Attributes:
        entities: entries to generate, a document each.
        kinds: names of the kinds of entries to draw from; all when empty.
        held_out_entities: entries of the splits "validation" and "test". None takes `entities`; a training
            run then takes as many as it validates on.
        seed: of everything drawn; None takes a training run's own, and 7 elsewhere. The splits share neither
            names nor phrasings, whatever the seed.
    """

    entities: int
    kinds: tuple[str, ...] = ()
    held_out_entities: int | None = None
    seed: int | None = None

    def __post_init__(self):
        require_whole("entities", self.entities)
        if self.held_out_entities is not None:
            require_whole("held_out_entities", self.held_out_entities)
        if self.seed is not None:
            require_whole("seed", self.seed, least=0)


def read(split: str, settings: AlmanacSettings) -> tuple[list[Document], list[Question]]:
    """Returns the entries of a split and their questions.

    Raises:
        UserError: a kind is unknown.
    """
    held_out = settings.entities if settings.held_out_entities is None else settings.held_out_entities
    almanac = generate(
        settings.entities if split == "train" else held_out,
        seed=_SEED if settings.seed is None else settings.seed,
        split=split,
        kinds=settings.kinds,
    )
    return almanac.documents, almanac.questions
