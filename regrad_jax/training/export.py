"""From a run to a checkpoint that others can use: a folder of `adapter.safetensors` and `checkpoint.json`."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.checkpoint import Checkpoint, refuse_existing, save_checkpoint
from regrad_jax.errors import UserError
from regrad_jax.models.base import BaseModel, Identity, identify
from regrad_jax.models.weights import load_config
from regrad_jax.ranges import above, at_least
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.curve import read_metrics
from regrad_jax.training.run_folder import checkpoints, data_digests, read_config
from regrad_jax.training.state import TrainState, fresh_meta, optimizer


def export(
    workdir: pathlib.Path,
    folder: pathlib.Path,
    best: bool = False,
    inner_steps: int | None = None,
    temperature: float | None = None,
    half: bool = False,
) -> pathlib.Path:
    """Releases a checkpoint of a run, finished or not, into a folder that does not exist yet.

    Args:
        workdir: the run's folder.
        folder: of the release.
        best: whether to release the state that validated best instead of the latest one.
        inner_steps: gradient steps on a document from now on; by default as many as in training.
        temperature: of the softmax over retrieval scores from now on, above 0; by default the learned one.
        half: whether to store the bases as float16. They are most of a core adapter's numbers, so the file is
            half as long. A number changes by one part in 2,000 or by 3e-8, and is float32 again when it is
            loaded. A bank of the checkpoint without `half` is refused.

    Returns:
        The folder.

    Raises:
        UserError: there is no run, or it has no checkpoint yet, or a value makes no sense, or the folder
            exists.
    """
    for name, value, numbers in (
        ("inner_steps", inner_steps, at_least(1, whole=True)),
        ("temperature", temperature, above(0)),
    ):
        if value is not None and value not in numbers:
            raise UserError(f"`{name}` is {value}; it must be {numbers}")
    config = read_config(workdir / "config.json")
    refuse_existing(folder)
    state = _restore(workdir, config, best)
    lines = read_metrics(workdir / "metrics.jsonl")
    validations = [line for line in lines if "validation" in line and line["step"] <= int(state.step)]
    validation = validations[-1]["validation"] if validations else {}
    checkpoint = released(workdir, config, identify(config.base_model), state, validation)
    if inner_steps is not None:
        inner = dataclasses.replace(checkpoint.inner, steps=inner_steps)
        checkpoint = dataclasses.replace(checkpoint, inner=inner)
    if temperature is not None:
        meta = checkpoint.meta._replace(log_temperature=np.log(np.float32(temperature)))
        checkpoint = dataclasses.replace(checkpoint, meta=meta)
    if half:
        checkpoint = dataclasses.replace(checkpoint, meta=_with_half_bases(checkpoint.meta, config, workdir))
    save_checkpoint(folder, checkpoint)
    return folder


def _restore(workdir: pathlib.Path, config: TrainConfig, best: bool) -> TrainState:
    """Returns the latest state of a run, or the one that validated best."""
    meta = fresh_meta(config, load_config(config.base_model))  # only its form counts
    state = TrainState(jnp.int32(0), meta, optimizer(config).init(meta))
    with checkpoints(workdir) as manager:
        if manager.latest_step() is None:
            raise UserError(f"{workdir}: the run has not saved a checkpoint yet; wait for one")
        step = manager.best_step() if best else manager.latest_step()
        if best and "validation" not in (manager.metrics(step) or {}):
            raise UserError(f"{workdir}: none of the run's kept checkpoints is validated; take the latest")
        return manager.restore(step, args=ocp.args.StandardRestore(state))


def _with_half_bases(meta: MetaParams, config: TrainConfig, workdir: pathlib.Path) -> MetaParams:
    if not jax.tree.leaves(meta.bases):
        raise UserError(
            f"`half`: an adapter of kind {config.inner.adapter.kind!r} has no bases to be stored as float16"
        )
    with np.errstate(over="ignore"):  # an overflow is reported below
        bases = jax.tree.map(lambda x: np.asarray(x, np.float16), meta.bases)
    if not all(np.isfinite(x).all() for x in jax.tree.leaves(bases)):
        raise UserError(f"{workdir}: some of the bases are too large for float16; export without `half`")
    return meta._replace(bases=bases)


def released(
    workdir: pathlib.Path,
    config: TrainConfig,
    base: BaseModel | Identity,
    state: TrainState,
    validation: Mapping[str, Any],
) -> Checkpoint:
    """Returns a run's state as a checkpoint, with the figures of its validation."""
    return Checkpoint(
        inner=config.inner,
        meta=jax.device_get(state.meta),
        prompts=config.prompts,
        document_tokens=max(source.document_tokens for source in config.sources.values()),
        documents_per_question=config.documents_per_question,
        base_model=config.base_model,
        base_digest=base.digest,
        tokenizer_digest=base.tokenizer_digest,
        encoder=config.encoder,
        codec=config.codec,
        training=dataclasses.asdict(config),
        metrics={"steps": int(state.step), "validation": validation},
        data_digests=data_digests(workdir),
    )
