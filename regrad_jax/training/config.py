"""The config of a meta-training run: the typed form of an `experiments/configs/*.py` file."""

import contextlib
import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ml_collections

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.adaptation.outer import ORDERS
from regrad_jax.adaptation.parameters import ALPHAS
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.data.prompts import PROMPTS
from regrad_jax.errors import UserError
from regrad_jax.ranges import (
    SHARE,
    Range,
    above,
    at_least,
    check_choice,
    check_choices,
    check_range,
    check_ranges,
)


@dataclasses.dataclass(frozen=True)
class SourceConfig:
    """One dataset of the mixture. Lengths are in tokens of the base model.

    Attributes:
        kind: "almanac" (generated) or "squad" (a SQuAD-format file).
        path: the file, for kind "squad".
        train_articles: for kind "squad", how many of the file's articles, the first, are trained on.
        validation_articles: how many behind them are validated on; the rest is test.
        entities: invented entities to generate, for kind "almanac".
        kinds: the almanac's kinds to draw from; all when empty.
        anchors: anchor questions a batch; each brings its document and retrieved distractors.
        questions_per_document: questions asked of every document of a batch.
        document_tokens: documents are padded to this; longer ones are left out.
        document_buckets: shorter lengths, increasing, that a step's documents are padded to where all of them
            fit; each costs a compilation.
        question_tokens: prompt and answer are padded to this; longer ones are left out.
        answer_tokens: the longest answer that is trained on.
        context: share of a training batch's questions that are asked with the documents that they use in
            the prompt, best first, as mode regrad+icl asks; one that is then too long is asked blind.
        gold_absent: share of a training batch's questions whose own document is not among those that they
            use, as when retrieval misses; the answer to learn stays the true one.
    """

    kind: str
    path: str = ""
    train_articles: int = 36
    validation_articles: int = 4
    entities: int = 0
    kinds: tuple[str, ...] = ()
    anchors: int = 3
    questions_per_document: int = 3
    document_tokens: int = 96
    document_buckets: tuple[int, ...] = ()
    question_tokens: int = 40
    answer_tokens: int = 12
    context: float = 0.0
    gold_absent: float = 0.0


@dataclasses.dataclass(frozen=True)
class MeshConfig:
    """How training is laid over devices: data x fsdp of them, of all processes together.

    Attributes:
        data: groups of devices; each group holds the frozen weights once.
        fsdp: devices of a group, which share one copy of the frozen weights.
    """

    data: int = 1
    fsdp: int = 1


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """A meta-training run.

    Attributes:
        base_model: asset name or folder of the frozen decoder.
        encoder: asset name or folder of the sentence encoder that retrieves distractors.
        seed: of everything random.
        inner: the adapter, and how documents move the network for a question.
        prompts: prompt family, a name in `PROMPTS`.
        theta: "zero" keeps theta* at 0, which makes a step several times cheaper (`project_factors`).
            "learned" trains it too, through second derivatives. Zero needs the core adapter.
        initial: folder of a released checkpoint to start from; empty starts at random. Where
            `inner.adapter.rank` is above its rank, directions are added at random (`widen`).
        alpha: initial step size of every adapter tensor; without `initial`.
        initial_alpha_scale: multiplies the step sizes of `initial`. Several inner steps want them shorter,
            and a higher rank wants them longer.
        alpha_mode: how many step sizes there are, a name in `ALPHAS`.
        order: "second" differentiates through document gradients, "first" takes them for constants.
        codec: the rounding of rows that document gradients go through on their way to the questions, so that
            the checkpoint learns to be served from a bank of this codec. "float32" rounds nothing.
        bases: where a core adapter's bases start without `initial`: "random", or the weights' leading
            "singular" vectors.
        temperature: initial temperature of the relevance weights.
        documents_per_question: k of a task, the question's own document among them.
        sources: the datasets by name.
        stages: (steps, {source: share of batches}) in order.
        learning_rate: the peak.
        theta_rate: theta's learning rate, as a share of all else's; its entries are smaller.
        weight_decay: AdamW's, on everything that is learned.
        warmup_steps: linear warm-up from 1% of the peak.
        decay: "cosine" or "linear", to zero (cosine: to 1e-6) at the last step.
        clip_norm: bound of the joint gradient norm; infinity clips nothing.
        eval_every: steps between validations.
        eval_documents: validation documents of each source, rounded down to whole batches.
        save_every: steps between checkpoints.
        batches_per_step: batches whose mean gradient makes one step, whatever devices they run on.
        dtype: type of the frozen weights and of what is computed with them, "float32" or "bfloat16". The
            learned parameters stay float32.
        remat: whether derivatives compute the insides of layers again instead of keeping them.
        mesh: the devices, which share a step's batches evenly.
    """

    base_model: str
    encoder: str
    seed: int
    inner: InnerProblem
    prompts: str
    theta: str
    initial: str
    alpha: float
    alpha_mode: str
    temperature: float
    documents_per_question: int
    sources: Mapping[str, SourceConfig]
    stages: tuple[tuple[int, Mapping[str, float]], ...]
    learning_rate: float
    weight_decay: float
    warmup_steps: int
    decay: str
    clip_norm: float
    eval_every: int
    eval_documents: int
    save_every: int
    batches_per_step: int = 1
    dtype: str = "float32"
    remat: bool = False
    mesh: MeshConfig = MeshConfig()
    order: str = "second"
    codec: str = "float32"
    bases: str = "random"
    initial_alpha_scale: float = 1.0
    theta_rate: float = 1.0

    def __post_init__(self):
        check_choices("config", self, _CHOICES)
        check_ranges("config", self, _RANGES)
        check_ranges("config.mesh", self.mesh, _MESH_RANGES)
        for name, source in self.sources.items():
            _check_source(f"config.sources.{name}", source)
        _check_stages(self.stages, self.sources)
        for contradicts, message in _CONTRADICTIONS:
            if contradicts(self):
                raise UserError(f"config.{message}")
        if self.batches_per_step % self.devices:
            raise UserError(
                f"config.batches_per_step: {self.batches_per_step} batches cannot be shared evenly by the "
                f"{self.devices} devices of config.mesh; give a multiple of {self.devices}"
            )

    @property
    def total_steps(self) -> int:
        return sum(steps for steps, _ in self.stages)

    @property
    def devices(self) -> int:
        return self.mesh.data * self.mesh.fsdp

    @classmethod
    def from_dict(cls, config: ml_collections.ConfigDict) -> "TrainConfig":
        """Types a config file's values.

        Raises:
            UserError: a key is missing or unknown, or its value makes no sense.
        """
        values = config.to_dict()
        values["inner"] = _inner(values.get("inner", {}))
        values["mesh"] = _build(MeshConfig, "config.mesh", values.get("mesh", {}))
        values["sources"] = {
            name: _build(SourceConfig, f"config.sources.{name}", source)
            for name, source in values.get("sources", {}).items()
        }
        try:
            values["stages"] = tuple((steps, dict(shares)) for steps, shares in values.get("stages", ()))
        except (TypeError, ValueError) as error:
            raise UserError("config.stages: give (steps, {source: share}) for each stage") from error
        return _build(cls, "config", values)


_CHOICES = {
    "prompts": PROMPTS,
    "theta": ("zero", "learned"),
    "alpha_mode": ALPHAS,
    "order": ORDERS,
    "codec": CODECS,
    "bases": ("random", "singular"),
    "dtype": ("float32", "bfloat16"),
    "decay": ("cosine", "linear"),
}

_COUNT = at_least(1, whole=True)

# Every number of a run's own keys. Those of `inner` are checked where their classes are.
_RANGES: Mapping[str, Range] = {
    "seed": at_least(0, whole=True),
    "alpha": at_least(0),
    "temperature": above(0),
    "documents_per_question": _COUNT,
    "learning_rate": above(0),
    "weight_decay": at_least(0),
    "warmup_steps": at_least(0, whole=True),
    "clip_norm": above(0, endless=True),
    "eval_every": _COUNT,
    "eval_documents": _COUNT,
    "save_every": _COUNT,
    "batches_per_step": _COUNT,
    "initial_alpha_scale": above(0),
    "theta_rate": above(0),
}
_MESH_RANGES: Mapping[str, Range] = {"data": _COUNT, "fsdp": _COUNT}
_SOURCE_RANGES: Mapping[str, Range] = {
    "train_articles": _COUNT,
    "validation_articles": _COUNT,
    "entities": at_least(0, whole=True),
    "anchors": _COUNT,
    "questions_per_document": _COUNT,
    "document_tokens": _COUNT,
    "question_tokens": _COUNT,
    "answer_tokens": _COUNT,
    "context": SHARE,
    "gold_absent": SHARE,
}

# Settings that make no sense together: (whether a config has them, the message after "config.").
_CONTRADICTIONS: Sequence[tuple[Callable[[TrainConfig], bool], str]] = (
    (
        lambda config: config.theta == "zero" and config.inner.adapter.kind != "core",
        "theta: 'zero' needs config.inner.adapter.kind 'core'; use 'learned'",
    ),
    (
        lambda config: config.theta == "zero" and config.inner.steps > 1,
        "inner.steps: more than one needs config.theta 'learned'",
    ),
    (
        lambda config: config.bases == "singular" and config.inner.adapter.kind != "core",
        "bases: 'singular' needs config.inner.adapter.kind 'core'; use 'random'",
    ),
    (
        lambda config: config.bases == "singular" and config.initial != "",
        "bases: 'singular' is where bases start, but config.initial has its own",
    ),
    (
        lambda config: config.initial_alpha_scale != 1.0 and not config.initial,
        "initial_alpha_scale: without config.initial there is nothing to scale",
    ),
)


def _check_source(name: str, source: SourceConfig) -> None:
    check_choice(f"{name}.kind", source.kind, ("almanac", "squad"))
    check_ranges(name, source, _SOURCE_RANGES)
    lengths = [0, *source.document_buckets, source.document_tokens]
    whole = all(length in at_least(0, whole=True) for length in lengths)
    if not whole or lengths != sorted(set(lengths)):
        raise UserError(
            f"{name}.document_buckets: {source.document_buckets} must be whole numbers that increase, "
            f"between 0 and document_tokens, {source.document_tokens}"
        )


def _check_stages(stages: Sequence[tuple[int, Mapping[str, float]]], sources: Mapping[str, Any]) -> None:
    if not stages:
        raise UserError("config.stages: there are none; give (steps, {source: share}) for each")
    for steps, shares in stages:
        check_range("config.stages", steps, _COUNT)
        for name, share in shares.items():
            check_choice("config.stages", name, sources)
            check_range(f"config.stages: the share of {name}", share, at_least(0))
        if not sum(shares.values()) > 0:
            raise UserError(f"config.stages: {shares} has no share above 0")


def _inner(values: Any) -> InnerProblem:
    # These classes name themselves "inner" and "adapter", so the groups that they stand in are added.
    with _within("config"):
        if isinstance(values, Mapping) and "adapter" in values:
            with _within("inner"):
                adapter = _build(AdapterConfig, "adapter", values["adapter"])
            values = {**values, "adapter": adapter}
        return _build(InnerProblem, "inner", values)


@contextlib.contextmanager
def _within(group: str) -> Iterator[None]:
    """Puts a group's name before the key that a message begins with."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{group}.{error}") from error


def _build(cls, name: str, values: Any):
    """Returns an instance of a config class, its sequences as tuples."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if not isinstance(values, Mapping):
        raise UserError(f"{name}: {values!r} is not a group of keys; its keys are {', '.join(fields)}")
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise UserError(f"{name}: unknown key {unknown[0]!r}; known keys: {', '.join(fields)}")
    required = {n for n, f in fields.items() if f.default is dataclasses.MISSING}
    missing = sorted(required - set(values))
    if missing:
        raise UserError(f"{name}: key {missing[0]!r} is missing")
    hints = typing.get_type_hints(cls)
    sequences = {key for key in values if typing.get_origin(hints[key]) is tuple}
    for key in sequences:
        if not isinstance(values[key], list | tuple):
            raise UserError(f"{name}.{key}: {values[key]!r} must be several values in brackets")
    return cls(**{key: tuple(value) if key in sequences else value for key, value in values.items()})
