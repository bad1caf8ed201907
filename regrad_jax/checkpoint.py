"""A released checkpoint on disk: `adapter.safetensors` and `checkpoint.json` in one folder.

Everything that a document gradient depends on, apart from the base model's own bytes, is here or is
named here by digest.
"""

import dataclasses
import hashlib
import importlib.resources
import json
import math
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import safetensors.numpy

from regrad_jax.adaptation.adapter import AdapterConfig, Tree
from regrad_jax.adaptation.inner import InnerProblem
from regrad_jax.adaptation.parameters import MetaParams, step_sizes
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.data.prompts import PROMPTS
from regrad_jax.errors import UserError

SCHEMA = 1
DEFAULT = "smollm2-135m"  # the checkpoint that ships with the package


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What meta-training makes.

    Attributes:
        adapter: the adapter's shape.
        meta: what was learned.
        weighting: the document weights that it was trained with.
        prompts: prompt family.
        document_tokens: the longest document, in tokens, that it was trained with.
        documents_per_question: k that it was trained with.
        base_model: asset name or folder of the base model.
        base_digest: sha256 of the base model's weights.
        tokenizer_digest: sha256 of what the tokenizer does.
        training: the training config as plain values.
        metrics: what was measured of it.
        inner_steps: gradient steps on a document.
        damping: of their preconditioner, as in `InnerProblem`.
    """

    adapter: AdapterConfig
    meta: MetaParams
    weighting: str
    prompts: str
    document_tokens: int
    documents_per_question: int
    base_model: str
    base_digest: str
    tokenizer_digest: str
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    inner_steps: int = 1
    damping: float = math.inf

    @property
    def layout(self) -> RowLayout:
        return RowLayout.of(self.meta.theta)

    @property
    def inner(self) -> InnerProblem:
        return InnerProblem(self.adapter, self.weighting, self.inner_steps, self.damping)

    def fingerprint(self) -> dict[str, Any]:
        """Returns everything that a stored gradient depends on, as plain values.

        The temperature is left out, since rows are stored unscaled. Alpha is part of it with several inner
        steps only, since the second is taken where alpha led to.
        """
        facts = {
            "base_model": self.base_digest,
            "tokenizer": self.tokenizer_digest,
            "adapter": dataclasses.asdict(self.adapter) | {"targets": list(self.adapter.targets)},
            "adapter_weights": _digest({"theta": self.meta.theta, "bases": self.meta.bases}),
            "prompts": self.prompts,
            "document_tokens": self.document_tokens,
            "inner_loss": "mean next-token loss",
        }
        if self.inner_steps > 1:
            facts |= {"inner_steps": self.inner_steps, "alpha": _digest({"alpha": step_sizes(self.meta)})}
        if self.inner.is_damped:
            facts |= {"damping": self.damping}
        return facts


def refuse_existing(folder: pathlib.Path) -> None:
    """Raises UserError where there is something in the place of a new checkpoint."""
    if folder.exists():
        raise UserError(f"{folder}: already exists; choose another folder or remove it")


def save_checkpoint(folder: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Writes a checkpoint; the folder appears whole or not at all.

    Raises:
        UserError: the folder exists already.
    """
    folder = pathlib.Path(folder)
    refuse_existing(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    facts = {
        field.name: getattr(checkpoint, field.name)
        for field in dataclasses.fields(checkpoint)
        if field.name not in ("adapter", "meta")
    }
    facts |= {"schema": SCHEMA, "adapter": dataclasses.asdict(checkpoint.adapter)}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        made = pathlib.Path(scratch) / "made"
        made.mkdir()
        safetensors.numpy.save_file(_flatten(checkpoint.meta), made / "adapter.safetensors")
        (made / "checkpoint.json").write_text(json.dumps(_spelled(facts), indent=1, allow_nan=False) + "\n")
        # safetensors writes for its owner alone, but a checkpoint is to be shared.
        shutil.copymode(made / "checkpoint.json", made / "adapter.safetensors")
        os.rename(made, folder)


def load_checkpoint(path: str | os.PathLike[str] | None = None) -> Checkpoint:
    """Loads a checkpoint; without a path, the one that ships with the package.

    Raises:
        UserError: there is none, or it is of another schema.
    """
    if path is None:
        path = str(importlib.resources.files("regrad_jax") / "checkpoints" / DEFAULT)
    folder = pathlib.Path(path)
    try:
        facts = json.loads((folder / "checkpoint.json").read_text())
        tensors = safetensors.numpy.load_file(folder / "adapter.safetensors")
    except OSError as error:
        file = error.filename or "adapter.safetensors"  # safetensors does not say
        reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise UserError(f"{folder}: not a checkpoint ({file} {reason})") from error
    except (UnicodeDecodeError, json.JSONDecodeError, safetensors.SafetensorError) as error:
        raise UserError(f"{folder}: the checkpoint is damaged ({error}); copy it again") from error
    schema = facts.pop("schema", None) if isinstance(facts, dict) else None
    if schema != SCHEMA:
        raise UserError(f"{folder}: checkpoint schema {schema} is not {SCHEMA}; use a matching regrad")
    try:
        adapter = facts.pop("adapter")
        adapter["targets"] = tuple(adapter["targets"])
        facts["damping"] = float(facts.get("damping", math.inf))
        checkpoint = Checkpoint(adapter=AdapterConfig(**adapter), meta=_unflatten(tensors), **facts)
        _ = checkpoint.inner  # refuses what makes no sense
        for name, value, known in (
            ("prompts", checkpoint.prompts, PROMPTS),
            ("weighting", checkpoint.weighting, DOCUMENT_WEIGHTS),
        ):
            if value not in known:
                raise UserError(
                    f"{name} {value!r} is not known here ({', '.join(known)}); use a matching regrad"
                )
        return checkpoint
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder}: the checkpoint is damaged ({error!r}); copy it again") from error


def _spelled(value: Any) -> Any:
    """Returns plain values with infinities as the word that float() reads: JSON has no number for them."""
    if isinstance(value, Mapping):
        return {key: _spelled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(one) for one in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _flatten(meta: MetaParams) -> dict[str, np.ndarray]:
    tensors = {"log_temperature": np.asarray(meta.log_temperature).reshape(1)}
    trees = {"theta": meta.theta, "bases": meta.bases}
    if isinstance(meta.alpha, Mapping):
        trees["alpha"] = meta.alpha
    else:
        tensors["alpha"] = np.asarray(meta.alpha).reshape(1)
    for part, tree in trees.items():
        for target, factors in tree.items():
            for name, value in factors.items():
                tensors[f"{part}.{target}.{name}"] = np.ascontiguousarray(value)
    return tensors


def _unflatten(tensors: Mapping[str, np.ndarray]) -> MetaParams:
    trees: dict[str, dict[str, dict[str, Any]]] = {"theta": {}, "bases": {}, "alpha": {}}
    for path, value in tensors.items():
        if path in ("log_temperature", "alpha"):
            continue
        part, target, name = path.split(".")
        trees[part].setdefault(target, {})[name] = jnp.asarray(value, jnp.float32)
    # A kind without bases still has an (empty) entry for every target.
    trees["bases"] = {target: trees["bases"].get(target, {}) for target in trees["theta"]}
    temperature = jnp.asarray(tensors["log_temperature"][0], jnp.float32)
    alpha = jnp.asarray(tensors["alpha"][0], jnp.float32) if "alpha" in tensors else trees["alpha"]
    return MetaParams(trees["theta"], trees["bases"], alpha, temperature)


def _digest(trees: Mapping[str, Tree]) -> str:
    digest = hashlib.sha256()
    for part in sorted(trees):
        for target in sorted(trees[part]):
            for name in sorted(trees[part][target]):
                value = np.ascontiguousarray(trees[part][target][name], np.float32)
                digest.update(f"{part}.{target}.{name}{value.shape}".encode())
                digest.update(value.tobytes())
    return digest.hexdigest()
