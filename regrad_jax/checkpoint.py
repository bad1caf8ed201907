"""A released checkpoint on disk: `adapter.safetensors` and `checkpoint.json` in one folder.

A checkpoint holds everything that a document gradient depends on, or names it by digest: only the base
model's own bytes lie elsewhere.
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
from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.adaptation.parameters import MetaParams, step_sizes
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.data.prompts import PROMPTS
from regrad_jax.errors import UserError
from regrad_jax.ranges import check_choices

SCHEMA = 2
DEFAULT = "smollm2-135m"  # the checkpoint that ships with the package


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The result of meta-training.

    Attributes:
        inner: the adapter, and how documents move the network for a question.
        meta: what was learned.
        prompts: prompt family.
        document_tokens: the longest document, in tokens, that it was trained with.
        documents_per_question: k that it was trained with.
        base_model: asset name or folder of the base model.
        base_digest: sha256 of the base model's weights.
        tokenizer_digest: sha256 of what the tokenizer does.
        encoder: asset name or folder of the sentence encoder whose scores its document weights rest on.
        codec: the codec whose rounding of rows it was trained with, a name in `CODECS`; "float32" for none.
        training: the training config as plain values.
        metrics: what was measured of it.
        data_digests: name of a data set -> sha256 of the data that it was trained on.
    """

    inner: InnerProblem
    meta: MetaParams
    prompts: str
    document_tokens: int
    documents_per_question: int
    base_model: str
    base_digest: str
    tokenizer_digest: str
    encoder: str
    codec: str
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    data_digests: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        check_choices("checkpoint", self, {"prompts": PROMPTS, "codec": CODECS})

    @property
    def layout(self) -> RowLayout:
        return RowLayout.of(self.meta.theta)

    def fingerprint(self) -> dict[str, Any]:
        """Returns everything that a stored gradient depends on, as plain values.

        The temperature is left out, since it changes weights and not gradients. So is alpha with one inner
        step. With several, the second gradient is taken where alpha led to.
        """
        adapter = self.inner.adapter
        facts = {
            "base_model": self.base_digest,
            "tokenizer": self.tokenizer_digest,
            "adapter": dataclasses.asdict(adapter) | {"targets": list(adapter.targets)},
            "adapter_weights": _digest({"theta": self.meta.theta, "bases": self.meta.bases}),
            "prompts": self.prompts,
            "document_tokens": self.document_tokens,
            "inner_loss": "mean next-token loss",
        }
        if self.inner.steps > 1:
            facts |= {"inner_steps": self.inner.steps, "alpha": _digest({"alpha": step_sizes(self.meta)})}
        return facts | self.inner.fingerprint()


def refuse_existing(folder: pathlib.Path) -> None:
    """Raises UserError where something stands in the place of a new checkpoint."""
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
        if field.name not in ("inner", "meta")
    }
    facts |= {"schema": SCHEMA, "inner": dataclasses.asdict(checkpoint.inner)}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        draft = pathlib.Path(scratch) / "draft"
        draft.mkdir()
        safetensors.numpy.save_file(_flatten(checkpoint.meta), draft / "adapter.safetensors")
        (draft / "checkpoint.json").write_text(json.dumps(_spelled(facts), indent=1, allow_nan=False) + "\n")
        # safetensors writes for its owner alone, but a checkpoint is to be shared.
        shutil.copymode(draft / "checkpoint.json", draft / "adapter.safetensors")
        os.rename(draft, folder)


def load_checkpoint(path: str | os.PathLike[str] | None = None) -> Checkpoint:
    """Loads a checkpoint; without a path, the one that ships with the package.

    Raises:
        UserError: there is none, it is damaged, or this program does not know its schema or its settings.
    """
    if path is None:
        path = str(importlib.resources.files("regrad_jax") / "checkpoints" / DEFAULT)
    folder = pathlib.Path(path)
    facts, tensors = _read(folder)
    try:
        if facts.get("schema") == 1:
            facts = _from_schema_1(facts)
        if (schema := facts.pop("schema", None)) != SCHEMA:
            raise UserError(f"checkpoint schema {schema} is not {SCHEMA}")
        return Checkpoint(**facts | {"inner": _inner(facts["inner"]), "meta": _unflatten(tensors)})
    except UserError as error:
        raise UserError(f"{folder}: {error}; use a matching regrad") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder}: the checkpoint is damaged ({error!r}); copy it again") from error


def _read(folder: pathlib.Path) -> tuple[Any, dict[str, np.ndarray]]:
    try:
        facts = json.loads((folder / "checkpoint.json").read_text())
        return facts, safetensors.numpy.load_file(folder / "adapter.safetensors")
    except OSError as error:
        file = error.filename or "adapter.safetensors"  # safetensors does not say
        reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise UserError(f"{folder}: not a checkpoint ({file} {reason})") from error
    except (UnicodeDecodeError, json.JSONDecodeError, safetensors.SafetensorError) as error:
        raise UserError(f"{folder}: the checkpoint is damaged ({error}); copy it again") from error


def _from_schema_1(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the facts of schema 1 as those of schema 2.

    In schema 1 the fields of the inner problem stood apart, plain gradients had an infinite damping or none,
    and the encoder and the codec stood in the training config only.
    """
    facts = dict(facts)
    damping, training = float(facts.pop("damping", math.inf)), facts["training"]
    inner = {
        "adapter": facts.pop("adapter"),
        "weighting": facts.pop("weighting"),
        "rule": "plain" if damping == math.inf else "damped",
        "damping": damping,
        "steps": facts.pop("inner_steps", 1),
    }
    encoder, codec = training.get("encoder", "minilm-l6"), training.get("codec", "float32")
    return facts | {"schema": 2, "inner": inner, "encoder": encoder, "codec": codec}


def _inner(values: dict[str, Any]) -> InnerProblem:
    adapter = AdapterConfig(**values["adapter"] | {"targets": tuple(values["adapter"]["targets"])})
    return InnerProblem(**values | {"adapter": adapter, "damping": float(values["damping"])})


def _spelled(value: Any) -> Any:
    """Returns values with infinity as the word "inf", which `float` reads. JSON has no number for it."""
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
