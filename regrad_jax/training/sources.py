"""The sources of a training run: which data set each one is, and how it becomes batches."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from regrad_jax.data.datasets import complete
from regrad_jax.errors import UserError
from regrad_jax.settings import arguments, require_share, require_whole


@dataclasses.dataclass(frozen=True)
class SourceConfig:
    """One source of the mixture. Lengths are in tokens of the base model.

    Attributes:
        dataset: the data set: `kind`, a name in `DATASETS`, and every setting of its reader, as
            `data.datasets.complete` returns it.
        anchors: anchor questions a batch; each brings its document and retrieved distractors.
        questions_per_document: questions asked of every document of a batch.
        document_tokens: documents are padded to this length; longer ones are left out.
        document_buckets: shorter lengths, increasing. A step's documents are padded to the first of them that
            all fit. Each costs a compilation.
        question_tokens: prompt and answer are padded to this length together; longer ones are left out.
        answer_tokens: the longest answer that is trained on.
        context: share of a training batch's questions that are asked with their documents in the prompt, best
            first, as mode regrad+icl asks. A question whose prompt is then too long is asked blind.
        gold_absent: share of a training batch's questions whose own document is not among the documents that
            they use, as when retrieval misses. The answer to learn stays the true one.
    """

    dataset: Mapping[str, Any]
    anchors: int = 3
    questions_per_document: int = 3
    document_tokens: int = 96
    document_buckets: tuple[int, ...] = ()
    question_tokens: int = 40
    answer_tokens: int = 12
    context: float = 0.0
    gold_absent: float = 0.0

    @property
    def kind(self) -> str:
        """The data set's kind."""
        return self.dataset["kind"]

    def check(self, where: str) -> None:
        """Checks how the data set is batched; `source_config` has checked the data set itself.

        Args:
            where: the source's place in the config, with which messages begin.

        Raises:
            UserError: a size, length or share makes no sense.
        """
        for key in (
            "anchors",
            "questions_per_document",
            "document_tokens",
            "question_tokens",
            "answer_tokens",
        ):
            require_whole(f"{where}.{key}", getattr(self, key))
        lengths = (0, *self.document_buckets, self.document_tokens)
        if any(not isinstance(n, int) for n in lengths) or list(lengths) != sorted(set(lengths)):
            raise UserError(
                f"{where}.document_buckets: {self.document_buckets} must be whole numbers that increase, "
                f"between 0 and document_tokens, {self.document_tokens}"
            )
        for key in ("context", "gold_absent"):
            require_share(f"{where}.{key}", getattr(self, key))


def source_config(where: str, values: Mapping[str, Any]) -> SourceConfig:
    """Returns a source of a config, typed; settings of the data set that are left out have their defaults.

    Args:
        where: the source's place in the config, with which messages begin.
        values: the source's keys.

    Raises:
        UserError: a key is unknown or missing, or a setting of the data set has a wrong value.
    """
    typed = arguments(SourceConfig, where, values)
    return SourceConfig(**typed | {"dataset": complete(typed["dataset"], f"{where}.dataset")})


def nested_source(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a source with its data set in a group of its own, as `SourceConfig` has it.

    Older run folders and checkpoints have no group for the data set. Its kind and the settings of all kinds
    stand among the sizes of batches there. A source that has the group is returned as it is.

    >>> nested_source({"kind": "almanac", "path": "", "entities": 9, "kinds": [], "anchors": 2})
    {'dataset': {'kind': 'almanac', 'entities': 9, 'kinds': []}, 'anchors': 2}
    """
    if "dataset" in values:
        return dict(values)
    of_kinds = {"almanac": ("entities", "kinds"), "squad": ("path", "train_articles", "validation_articles")}
    flat = {"kind", *(name for names in of_kinds.values() for name in names)}
    own = ("kind", *of_kinds.get(values.get("kind", ""), ()))
    dataset = {name: values[name] for name in own if name in values}
    return {"dataset": dataset, **{name: value for name, value in values.items() if name not in flat}}
