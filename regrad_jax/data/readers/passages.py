"""Reads passages with short questions from one JSONL file, a passage a line; a name in .gz means gzip.

A line is an object like this one, which a file has on a single line:

    {"id": "tides/3",                           unique in the file; a string or a whole number
     "title": "Tide tables",                    optional
     "text": "High water at Orsk is at nine.",
     "source": "harbour notes",                 optional
     "split": "train",                          train, validation or test
     "questions": [                             may be empty
       {"id": "tides/3-1",                      unique in the file; a string or a whole number
        "question": "When is high water?",
        "answers": ["at nine", "nine"],         at least one; the first is the one to learn
        "extractive": true}]}                   whether an answer stands in the text word by word

Other fields are ignored. Public collections repeat an id now and then. The later entry then gets a suffix
("tides/3~2"), and a warning says how many there are.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from regrad_jax.data.documents import Document, Question
from regrad_jax.data.fields import (
    id_field,
    json_object,
    json_type,
    list_field,
    optional_text_field,
    text_field,
    texts_field,
)
from regrad_jax.data.splits import SPLITS
from regrad_jax.data.text_files import read_json_lines
from regrad_jax.errors import UserError
from regrad_jax.settings import require_text

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PassagesSettings:
    """Which file.

    Attributes:
        path: a .jsonl or .jsonl.gz file; every passage names its split.
    """

    path: str

    def __post_init__(self):
        require_text("path", self.path)


def read(split: str, settings: PassagesSettings) -> tuple[list[Document], list[Question]]:
    """Returns the passages of a split and their questions, in the order of the file.

    The whole file is checked, whatever the split.

    Raises:
        UserError: the file cannot be read, a line is not of the form above (the message names the file, the
            line and the field), or no passage is of the split.
    """
    path = Path(settings.path)
    splits: dict[str, tuple[list[Document], list[Question]]] = {name: ([], []) for name in SPLITS}
    passage_ids, question_ids = _UniqueIds(), _UniqueIds()
    for number, record in read_json_lines(path):
        where = f"{path}, line {number}"
        documents, questions = splits[_split(record, where)]
        document = Document(
            id=passage_ids.unique(id_field(record, where)),
            text=text_field(record, "text", where),
            title=optional_text_field(record, "title", where),
            source=optional_text_field(record, "source", where),
        )
        documents.append(document)
        for index, value in enumerate(list_field(record, "questions", where)):
            entry = f"{where}, questions[{index}]"
            questions.append(_question(json_object(value, entry), document.id, question_ids, entry))
    for ids, name in ((passage_ids, "passages"), (question_ids, "questions")):
        if ids.repeated:
            _log.warning("%s: %d %s repeat an id and got a new one", path, ids.repeated, name)
    if not splits[split][0]:
        found = [name for name, (documents, _) in splits.items() if documents]
        raise UserError(
            f"{path}: no passage is of split {split!r}; the file holds {' and '.join(found) or 'no passages'}"
        )
    return splits[split]


def _split(record: dict[str, object], where: str) -> str:
    split = text_field(record, "split", where)
    if split not in SPLITS:
        raise UserError(f'{where}: "split" is {split!r}; it must be one of {", ".join(SPLITS)}')
    return split


def _question(record: dict[str, object], document_id: str, ids: "_UniqueIds", where: str) -> Question:
    answers = texts_field(record, "answers", where)
    if not answers:
        raise UserError(f'{where}: no "answers"; add a list of at least one')
    if not isinstance(extractive := record.get("extractive"), bool):
        found = "nothing" if extractive is None else json_type(extractive)
        raise UserError(f'{where}: "extractive" must be true or false, found {found}')
    return Question(
        id=ids.unique(id_field(record, where)),
        question=text_field(record, "question", where).strip(),
        answers=tuple(dict.fromkeys(answers)),  # distinct, in their order
        document_id=document_id,
    )


class _UniqueIds:
    """Gives out every id once: an id that is taken gets the suffix ~2, or the next that is free."""

    def __init__(self) -> None:
        self.repeated = 0
        self._times: dict[str, int] = {}

    def unique(self, wanted: str) -> str:
        given = wanted
        if wanted in self._times:
            self.repeated += 1
        while given in self._times:
            self._times[wanted] += 1
            given = f"{wanted}~{self._times[wanted]}"
        self._times[given] = 1
        return given
