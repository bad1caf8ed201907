"""What methods are measured on: the documents of one bank, and question sets about them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from regrad_jax.data.datasets import DATASETS, load, typed_settings
from regrad_jax.data.documents import Document, Question
from regrad_jax.errors import UserError
from regrad_jax.evaluation.harness import QuestionSet
from regrad_jax.settings import require_whole


class Testbed(NamedTuple):
    """The documents of a bank, and question sets by their label."""

    documents: list[Document]
    question_sets: dict[str, QuestionSet]


class Part(NamedTuple):
    """One data set of a bank.

    Attributes:
        kind: a name in `data.datasets.DATASETS`.
        settings: of its reader.
        split: "train", "validation" or "test".
        sample: how many questions to ask, spread evenly over the documents; 0 asks all.
        where: its place in the config, with which messages begin.
    """

    kind: str
    settings: Mapping[str, Any] = {}
    split: str = "test"
    sample: int = 0
    where: str = ""


def parse_parts(plan: Mapping[str, Any], where: str) -> dict[str, Part]:
    """Returns the parts of a bank by the labels of their question sets.

    A plan with the key `parts` has several data sets in one bank, each under its label. Any other plan is one
    data set, whose label is its kind, and its split where it names one.

    Args:
        plan: a group of the config, without the keys that do not concern documents and questions.
        where: its place in the config, with which messages begin.

    Raises:
        UserError: a key is unknown or missing, or a value is wrong.
    """
    if "parts" not in plan:
        label = f"{plan.get('kind')} {plan['split']}" if "split" in plan else str(plan.get("kind"))
        return {label: _part(plan, where)}
    if others := sorted(set(plan) - {"parts"}):
        raise UserError(f"{where}: key {others[0]!r} cannot stand beside 'parts'; move it into a part")
    if not isinstance(plan["parts"], Mapping) or not plan["parts"]:
        raise UserError(f"{where}.parts: give at least one data set, by the label of its questions")
    return {label: _part(part, f"{where}.parts.{label}") for label, part in plan["parts"].items()}


def _part(values: Any, where: str) -> Part:
    if not isinstance(values, Mapping):
        raise UserError(f"{where}: {values!r} is no group of keys; give at least a kind")
    settings = dict(values)
    kind = str(settings.pop("kind", None))
    of_part = {key: settings.pop(key) for key in ("split", "sample") if key in settings}
    part = Part(kind, settings, **of_part, where=where)
    typed_settings(kind, settings, where)
    require_whole(f"{where}.sample", part.sample, least=0)
    return part


def read_parts(parts: Mapping[str, Part]) -> Testbed:
    """Reads the data sets of one bank.

    Raises:
        UserError: a data set cannot be read.
    """
    testbed = Testbed([], {})
    for label, part in parts.items():
        dataset = load(part.kind, part.split, part.settings, part.where)
        testbed.documents.extend(dataset.documents)
        questions = spread(dataset.questions, part.sample)
        testbed.question_sets[label] = QuestionSet(questions, DATASETS[part.kind].score)
    return testbed


def refuse_seen(parts: Mapping[str, Part], trained: Sequence[Mapping[str, Any]]) -> None:
    """Refuses data sets of which a checkpoint may have seen in training what it would be tested on.

    Args:
        parts: what it would be tested on.
        trained: the data sets of its training, each a group of `kind` and settings.

    Raises:
        UserError: a data set says that its settings conflict with those of the training.
    """
    for part in parts.values():
        here = typed_settings(part.kind, part.settings, part.where)
        for dataset in trained:
            if dataset["kind"] != part.kind:
                continue
            settings = {key: value for key, value in dataset.items() if key != "kind"}
            there = typed_settings(part.kind, settings, "the training config of the checkpoint")
            if reason := DATASETS[part.kind].conflicts(there, here):
                raise UserError(f"{part.where}.{reason}")


def spread(questions: Sequence[Question], count: int) -> list[Question]:
    """Returns so many of the questions, evenly over them; 0 returns all."""
    count = min(count or len(questions), len(questions))
    return [questions[i * len(questions) // count] for i in range(count)]
