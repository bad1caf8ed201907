"""Generates an almanac of any size from a seed: invented entries in varied prose, with questions.

No model can know the facts. The splits share neither names nor phrasings, so a model that was trained on
one split can answer the questions of another only from its documents.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regrad_jax.data.almanac.kinds import Kind
from regrad_jax.data.almanac.library import KINDS, load_kind
from regrad_jax.data.almanac.names import SPLITS, pick
from regrad_jax.data.almanac.wording import fill, placeholders, short
from regrad_jax.data.documents import Document, Question
from regrad_jax.errors import UserError

_FACTS = (3, 6)  # A document states at least and at most so many fields that have questions.


class Almanac(NamedTuple):
    """Documents and the questions that they answer."""

    documents: list[Document]
    questions: list[Question]


def generate(entities: int, *, seed: int, split: str, kinds: Sequence[str] | None = None) -> Almanac:
    """Returns generated entries, one document each. A larger almanac of a seed begins with the smaller ones.

    Args:
        entities: the number of entries.
        seed: the seed of everything that is drawn.
        split: "train", "validation" or "test".
        kinds: names of the kinds to draw from; all by default.

    Raises:
        UserError: a split or a kind is unknown, or the data file of a kind has a fault.
    """
    if split not in SPLITS:
        raise UserError(f"almanac: split {split!r} is unknown; choose one of {', '.join(SPLITS)}")
    chosen = _kinds(kinds)
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    almanac = Almanac([], [])
    names: set[str] = set()
    for number in range(entities):
        kind = pick(rng, chosen)
        document, questions = entry(kind, rng, split, f"almanac-{split}-{seed}-{number:05d}", names)
        almanac.documents.append(document)
        almanac.questions.extend(questions)
    return almanac


def _kinds(wanted: Sequence[str] | None) -> list[Kind]:
    if unknown := [name for name in wanted or () if name not in KINDS]:
        raise UserError(f"almanac: kind {unknown[0]!r} is unknown; there are {', '.join(KINDS)}")
    return [load_kind(name) for name in wanted or KINDS]


def entry(
    kind: Kind, rng: np.random.Generator, split: str, document_id: str, taken: set[str]
) -> tuple[Document, list[Question]]:
    """Returns one document and its questions.

    Args:
        kind: the kind of entry.
        rng: draws everything, and is advanced.
        split: the split whose names and phrasings are used.
        document_id: the id of the document, with which the ids of its questions begin.
        taken: the names of earlier entries. The entry's name is none of them and is added.
    """
    name = kind.subject(rng, split)
    while name in taken:
        name = kind.subject(rng, split)
    taken.add(name)
    values = {field: draw(rng, split) for field, draw in kind.fields.items()}
    values |= {"name": name, "short": short(name), "alias": pick(rng, kind.aliases)}
    sentences, stated = _sentences(kind, rng, split)
    text = " ".join(fill(sentence, values) for sentence in sentences)
    title = ""
    if rng.random() < 0.5:
        title = fill(pick(rng, kind.titles.of_split(split)), values)
    document = Document(document_id, text, title=title, source=kind.genre)
    questions = [
        Question(
            id=f"{document_id}-{field}",
            question=fill(pick(rng, kind.questions[field].of_split(split)), values),
            answers=(values[field],),
            document_id=document_id,
        )
        for field in sorted(stated & kind.questions.keys())
    ]
    return document, questions


def _sentences(kind: Kind, rng: np.random.Generator, split: str) -> tuple[list[str], set[str]]:
    """Returns an opening with statements in random order, and the fields that they state, each once."""
    statements = kind.statements.of_split(split)
    wanted = int(rng.integers(_FACTS[0], _FACTS[1] + 1))
    opening = pick(rng, kind.openings.of_split(split))
    chosen, stated = [opening], _stated(opening, kind)
    for place in rng.permutation(len(statements)):
        if len(stated & kind.questions.keys()) >= wanted:
            break
        fields = _stated(statements[place], kind)
        if not fields & stated:
            chosen.append(statements[place])
            stated |= fields
    return chosen, stated


def _stated(sentence: str, kind: Kind) -> set[str]:
    return placeholders(sentence) & kind.fields.keys()
