"""Generates an almanac of any size: invented entries in varied prose with questions, from a seed.

No model can know the facts. The splits share neither names nor phrasings, so what is learned on one
must be read out of the documents of another.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regrad_jax.data.almanac.kinds import Kind, phrasings_of_split
from regrad_jax.data.almanac.library import KINDS
from regrad_jax.data.almanac.names import SPLITS
from regrad_jax.data.documents import Document, Question
from regrad_jax.errors import UserError

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
# "a" before a vowel, "one" and "uni-" aside; only templates and word lists pass here, so this is enough.
_ARTICLE = re.compile(r"\b([Aa])(?= (?:[aeio](?!ne\b)|u(?!ni|se|ti)))")
_FACTS = (3, 6)  # questionable fields that a document states, at least and at most


class Almanac(NamedTuple):
    """Documents and the questions that they answer."""

    documents: list[Document]
    questions: list[Question]


def generate(entities: int, *, seed: int, split: str, kinds: Sequence[str] | None = None) -> Almanac:
    """Generates entries, one document each; the first n of a larger almanac are the smaller one.

    Args:
        entities: how many.
        seed: of everything drawn.
        split: "train", "validation" or "test".
        kinds: names of the kinds to draw from; all by default.

    Raises:
        UserError: an unknown split or kind.
    """
    if split not in SPLITS:
        raise UserError(f"almanac: split {split!r} is unknown; choose one of {', '.join(SPLITS)}")
    chosen = _kinds(kinds)
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    documents: list[Document] = []
    questions: list[Question] = []
    used: set[str] = set()
    for number in range(entities):
        kind = chosen[int(rng.integers(len(chosen)))]
        document, asked = entry(kind, rng, split, f"almanac-{split}-{seed}-{number:05d}", used)
        documents.append(document)
        questions += asked
    return Almanac(documents, questions)


def _kinds(wanted: Sequence[str] | None) -> list[Kind]:
    by_name = {kind.name: kind for kind in KINDS}
    unknown = [name for name in wanted or () if name not in by_name]
    if unknown:
        raise UserError(f"almanac: kind {unknown[0]!r} is unknown; there are {', '.join(by_name)}")
    return [by_name[name] for name in wanted] if wanted else list(KINDS)


def entry(
    kind: Kind, rng: np.random.Generator, split: str, document_id: str, used: set[str]
) -> tuple[Document, list[Question]]:
    """Returns one document and its questions; `used` holds the names taken so far, and gets this one."""
    name = kind.subject(rng, split)
    while name in used:
        name = kind.subject(rng, split)
    used.add(name)
    values = {field: draw(rng, split) for field, draw in kind.fields.items()}
    values |= {"name": name, "short": _short(name), "alias": _pick(rng, kind.aliases)}
    sentences, stated = _sentences(kind, rng, split)
    text = " ".join(_fill(sentence, values) for sentence in sentences)
    title = ""
    if rng.random() < 0.5:
        title = _fill(_pick(rng, phrasings_of_split(kind.titles, split)), values)
    document = Document(document_id, text, title=title, source=kind.genre)
    questions = []
    for field in sorted(stated & set(kind.questions)):
        wording = _pick(rng, phrasings_of_split(kind.questions[field], split))
        questions.append(
            Question(
                id=f"{document_id}-{field}",
                question=_fill(wording, values),
                answers=(values[field],),
                document_id=document_id,
            )
        )
    return document, questions


def _sentences(kind: Kind, rng: np.random.Generator, split: str) -> tuple[list[str], set[str]]:
    """Returns an opening and statements in random order, no field stated twice, and what they state."""
    openings = phrasings_of_split(kind.openings, split)
    statements = phrasings_of_split(kind.statements, split)
    wanted = int(rng.integers(_FACTS[0], _FACTS[1] + 1))
    opening = _pick(rng, openings)
    chosen, stated = [opening], _stated(opening, kind)
    for place in rng.permutation(len(statements)):
        if len(stated & set(kind.questions)) >= wanted:
            break
        fields = _stated(statements[place], kind)
        if not fields & stated:
            chosen.append(statements[place])
            stated |= fields
    return chosen, stated


def _stated(sentence: str, kind: Kind) -> set[str]:
    return set(_PLACEHOLDER.findall(sentence)) & set(kind.fields)


def _fill(template: str, values: dict[str, str]) -> str:
    text = _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)
    text = _ARTICLE.sub(r"\1n", text)
    return text[:1].upper() + text[1:]


def _short(name: str) -> str:
    """Returns how a name is repeated: "Maravik" for "Maravik Dreltworth", all of it for "the Orsk dam"."""
    return name.split()[-1] if re.fullmatch(r"[A-Z]\w+ [A-Z]\w+", name) else name


def _pick(rng: np.random.Generator, items: Sequence[str]) -> str:
    return items[int(rng.integers(len(items)))]
