"""What a meta-training run is: the typed form of an `experiments/configs/*.py` file."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import ml_collections

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.adaptation.inner import InnerProblem
from regrad_jax.adaptation.outer import ORDERS
from regrad_jax.adaptation.parameters import ALPHAS
from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.data.prompts import PROMPTS
from regrad_jax.errors import UserError
from regrad_jax.settings import arguments
from regrad_jax.training.sources import SourceConfig, source_config


@dataclasses.dataclass(frozen=True)
class MeshConfig:
    """How training is laid over devices: data x fsdp of them, of all processes together.

    Attributes:
        data: groups of devices; each holds the frozen weights once.
        fsdp: devices that share one copy of the frozen weights.
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
        adapter: what is adapted.
        weighting: document weights, a name in `DOCUMENT_WEIGHTS`.
        prompts: prompt family, a name in `PROMPTS`.
        theta: "zero" keeps theta* at 0, which makes a step several times cheaper (`project_factors`);
            "learned" trains it too, through second derivatives. Zero needs the core adapter.
        initial: folder of a released checkpoint to start from; empty starts at random. Where `adapter.rank`
            is above its rank, directions are added at random (`widen`).
        alpha: initial step size of every adapter tensor; without `initial`.
        initial_alpha_scale: multiplies the step sizes of `initial`, which several inner steps want shorter,
            and a higher rank longer.
        alpha_mode: how many step sizes there are, a name in `ALPHAS`.
        inner_steps: gradient steps on a document; more than one need theta "learned".
        damping: of the document gradients' preconditioner, as in `InnerProblem`; inf for plain gradients.
        order: "second" differentiates through document gradients, "first" takes them for constants.
        codec: document gradients are packed and unpacked by it on their way to the questions, so that a
            checkpoint learns to be served from a bank of it; "float32" changes nothing.
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
        clip_norm: bound of the joint gradient norm.
        eval_every: steps between validations.
        eval_documents: validation documents of each source, rounded down to whole batches.
        save_every: steps between checkpoints.
        batches_per_step: batches whose mean gradient makes one step, whatever devices they run on.
        dtype: of the frozen weights and of what is computed with them, "float32" or "bfloat16"; what is
            learned stays float32.
        remat: whether derivatives compute layers' insides again instead of keeping them.
        mesh: devices; they share a step's batches evenly.
    """

    base_model: str
    encoder: str
    seed: int
    adapter: AdapterConfig
    weighting: str
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
    inner_steps: int = 1
    damping: float = math.inf
    order: str = "second"
    codec: str = "float32"
    bases: str = "random"
    initial_alpha_scale: float = 1.0
    theta_rate: float = 1.0

    def __post_init__(self):
        _choice("weighting", self.weighting, DOCUMENT_WEIGHTS)
        _choice("prompts", self.prompts, PROMPTS)
        _choice("alpha_mode", self.alpha_mode, ALPHAS)
        _choice("theta", self.theta, ("zero", "learned"))
        if self.theta == "zero" and self.adapter.kind != "core":
            raise UserError("config.theta: 'zero' needs adapter.kind 'core'; use 'learned'")
        try:
            _ = self.inner  # refuses a damping that makes no sense
        except UserError as error:
            raise UserError(f"config.{error}") from error
        _choice("order", self.order, ORDERS)
        _choice("codec", self.codec, CODECS)
        _choice("bases", self.bases, ("random", "singular"))
        if self.bases == "singular" and self.adapter.kind != "core":
            raise UserError("config.bases: 'singular' needs adapter.kind 'core'; use 'random'")
        if self.bases == "singular" and self.initial:
            raise UserError("config.bases: 'singular' is where bases start, but config.initial has its own")
        scale = self.initial_alpha_scale
        if not isinstance(scale, int | float) or not 0 < scale < math.inf:
            raise UserError(f"config.initial_alpha_scale: {scale!r} must be a number above 0")
        if scale != 1.0 and not self.initial:
            raise UserError("config.initial_alpha_scale: without config.initial there is nothing to scale")
        if self.theta == "zero" and self.inner_steps > 1:
            raise UserError("config.inner_steps: more than one needs config.theta 'learned'")
        _choice("dtype", self.dtype, ("float32", "bfloat16"))
        _choice("decay", self.decay, ("cosine", "linear"))
        for name, source in self.sources.items():
            source.check(f"config.sources.{name}")
        for key in ("learning_rate", "clip_norm", "temperature", "theta_rate"):
            value = getattr(self, key)
            endless = value == math.inf and key != "clip_norm"  # where it clips nothing
            if not isinstance(value, int | float) or not value > 0 or endless:
                raise UserError(f"config.{key}: {value!r} must be a number above 0")
        if not self.stages:
            raise UserError("config.stages: there are none; give (steps, {source: share}) for each")
        for key in (
            "documents_per_question",
            "eval_every",
            "eval_documents",
            "save_every",
            "batches_per_step",
            "inner_steps",
        ):
            _positive(key, getattr(self, key))
        for key in ("data", "fsdp"):
            _positive(f"mesh.{key}", getattr(self.mesh, key))
        if self.batches_per_step % self.devices:
            raise UserError(
                f"config.batches_per_step: {self.batches_per_step} batches cannot be shared evenly by the "
                f"{self.devices} devices of config.mesh; give a multiple of {self.devices}"
            )
        for steps, shares in self.stages:
            _positive("stages", steps)
            for name in shares:
                _choice("stages", name, self.sources)
            if min(shares.values(), default=0) < 0 or not sum(shares.values()) > 0:
                raise UserError(f"config.stages: {shares} has a share below 0, or none above it")

    @property
    def total_steps(self) -> int:
        return sum(steps for steps, _ in self.stages)

    @property
    def inner(self) -> InnerProblem:
        return InnerProblem(self.adapter, self.weighting, self.inner_steps, self.damping)

    @property
    def devices(self) -> int:
        return self.mesh.data * self.mesh.fsdp

    @classmethod
    def from_dict(cls, config: ml_collections.ConfigDict) -> "TrainConfig":
        """Types a config file's values.

        Raises:
            UserError: a key is missing, unknown, or names nothing that exists.
        """
        values = config.to_dict()
        values["adapter"] = _build(AdapterConfig, "adapter", values.get("adapter", {}))
        values["mesh"] = _build(MeshConfig, "mesh", values.get("mesh", {}))
        values["sources"] = {
            name: source_config(f"config.sources.{name}", source)
            for name, source in values.get("sources", {}).items()
        }
        try:
            values["stages"] = tuple((steps, dict(shares)) for steps, shares in values.get("stages", ()))
        except (TypeError, ValueError) as error:
            raise UserError("config.stages: give (steps, {source: share}) for each stage") from error
        return _build(cls, "config", values)


def _build(cls, where: str, values: Mapping[str, Any]):
    return cls(**arguments(cls, where, values))


def _choice(key: str, value: str, known) -> None:
    if value not in known:
        raise UserError(f"config.{key}: {value!r} is unknown; choose one of {', '.join(known)}")


def _positive(key: str, value: Any) -> None:
    if not isinstance(value, int) or value < 1:
        raise UserError(f"config.{key}: {value!r} must be a whole number of at least 1")
