"""The config of a meta-training run: the typed form of an `experiments/configs/*.py` file."""

import contextlib
import dataclasses
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
    Range,
    above,
    at_least,
    check_choice,
    check_choices,
    check_range,
    check_ranges,
)
from regrad_jax.settings import arguments
from regrad_jax.training.sources import SourceConfig, source_config


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
        theta_rate: theta's learning rate, as a share of `learning_rate`. Theta's numbers are
            smaller than those of the bases.
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
            source.check(f"config.sources.{name}")
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
            name: source_config(f"config.sources.{name}", source)
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
    return cls(**arguments(cls, name, values))
