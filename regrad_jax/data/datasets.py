"""The data sets that training and evaluation use, in one table.

A data set is a name in `DATASETS` and the settings of its reader. In a config it is one group of keys: the
settings, and `kind` for the name.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from regrad_jax.data.documents import Document, Question
from regrad_jax.data.readers import almanac, fieldnotes, own, passages, squad
from regrad_jax.data.splits import SPLITS
from regrad_jax.errors import UserError
from regrad_jax.settings import arguments


class Dataset(NamedTuple):
    """Documents, and questions that they answer.

    Attributes:
        documents: with distinct ids.
        questions: each with at least one answer.
    """

    documents: list[Document]
    questions: list[Question]


def _no_conflict(trained: Any, settings: Any) -> str | None:
    """The splits of most data sets do not depend on settings."""
    return None


class DatasetKind(NamedTuple):
    """What is known of a kind of data set.

    Attributes:
        read: (split, settings) -> (documents, questions); the split is one of `SPLITS`.
        settings: a frozen dataclass; it raises a `UserError` that begins with the name of a wrong setting.
        score: the metric family that scores answers, a name in evaluation's table of metrics.
        conflicts: (settings of a training, settings here) -> why a checkpoint of that training may have seen
            what is tested on here, beginning with the name of a setting; None where it has not.
    """

    read: Callable[[str, Any], tuple[list[Document], list[Question]]]
    settings: type
    score: str = "short_answer"
    conflicts: Callable[[Any, Any], str | None] = _no_conflict


DATASETS: Mapping[str, DatasetKind] = {
    "almanac": DatasetKind(almanac.read, almanac.AlmanacSettings),
    "fieldnotes": DatasetKind(fieldnotes.read, fieldnotes.FieldnotesSettings),
    "squad": DatasetKind(squad.read, squad.SquadSettings, conflicts=squad.conflicts),
    "passages": DatasetKind(passages.read, passages.PassagesSettings),
    "own": DatasetKind(own.read, own.OwnSettings, conflicts=own.conflicts),
}


def load(kind: str, split: str, settings: Mapping[str, Any], where: str = "") -> Dataset:
    """Returns the documents and questions of a split.

    Args:
        kind: a name in `DATASETS`.
        split: "train", "validation" or "test".
        settings: of the kind's reader, by name.
        where: the place of the settings in a config, with which messages about them begin.

    Raises:
        UserError: an unknown kind, split or setting, a wrong value, or files that cannot be read.
    """
    checked = typed_settings(kind, settings, where or f"data set {kind!r}")
    if split not in SPLITS:
        raise UserError(f"split {split!r} is unknown; choose one of {', '.join(SPLITS)}")
    return Dataset(*DATASETS[kind].read(split, checked))


def typed_settings(kind: str, settings: Mapping[str, Any], where: str) -> Any:
    """Returns the settings of a kind's reader as its frozen dataclass.

    Raises:
        UserError: an unknown kind or setting, or a wrong value; the message begins with `where`.
    """
    if kind not in DATASETS:
        raise UserError(f"{where}: kind {kind!r} is unknown; choose one of {', '.join(DATASETS)}")
    values = arguments(DATASETS[kind].settings, where, settings)
    try:
        return DATASETS[kind].settings(**values)
    except UserError as error:
        raise UserError(f"{where}.{error}") from None


def complete(dataset: Mapping[str, Any], where: str = "dataset") -> dict[str, Any]:
    """Returns a data set's group of keys with every setting that is left out at its default.

    Raises:
        UserError: as `typed_settings`, or there is no kind.

    >>> complete({"kind": "squad", "path": "file.json"})
    {'kind': 'squad', 'path': 'file.json', 'train_articles': 36.0, 'validation_articles': 4.0}
    """
    if not isinstance(dataset, Mapping):
        raise UserError(f"{where}: {dataset!r} is no group of keys; give a kind and its settings")
    settings = dict(dataset)
    kind = settings.pop("kind", None)
    if kind is None:
        raise UserError(f"{where}: key 'kind' is missing; choose one of {', '.join(DATASETS)}")
    return {"kind": kind, **dataclasses.asdict(typed_settings(kind, settings, where))}
