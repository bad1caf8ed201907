"""From a run to a checkpoint that others can use: a folder of `adapter.safetensors` and `checkpoint.json`."""

import dataclasses
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from regrad_jax.checkpoint import Checkpoint, refuse_existing, save_checkpoint
from regrad_jax.errors import UserError
from regrad_jax.models.base import BaseModel, Identity, identify
from regrad_jax.models.weights import load_config
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.curve import read_metrics
from regrad_jax.training.run_folder import checkpoints, read_config
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
        best: take the one that validated best instead of the latest.
        inner_steps: gradient steps on a document from now on; by default as many as it was trained with.
        temperature: of the softmax over retrieval scores from now on, above 0; by default what was learned.
        half: store the bases, by far the most of a core adapter, as float16: half the file, a number off by
            one in 2,000 or by 3e-8. They are float32 again when loaded. For a bank this is another checkpoint
            than the same without it.

    Returns:
        The folder.

    Raises:
        UserError: there is no run, or it has no checkpoint yet, or a value makes no sense, or the folder
            exists.
    """
    if inner_steps is not None and inner_steps < 1:
        raise UserError(f"--inner_steps is {inner_steps}; it must be at least 1")
    if temperature is not None and not 0 < temperature < math.inf:
        raise UserError(f"--temperature is {temperature}; it must be above 0 and finite")
    config = read_config(workdir / "config.json")
    refuse_existing(folder)
    meta = fresh_meta(config, load_config(config.base_model))  # only its form counts
    state = TrainState(jnp.int32(0), meta, optimizer(config).init(meta))
    with checkpoints(workdir) as manager:
        if manager.latest_step() is None:
            raise UserError(f"{workdir}: the run has not saved a checkpoint yet; wait for one")
        step = manager.best_step() if best else manager.latest_step()
        if best and "validation" not in (manager.metrics(step) or {}):
            raise UserError(f"{workdir}: none of the run's kept checkpoints is validated; take the latest")
        state = manager.restore(step, args=ocp.args.StandardRestore(state))
    lines = read_metrics(workdir / "metrics.jsonl")
    validations = [line for line in lines if "validation" in line and line["step"] <= int(state.step)]
    validation = validations[-1]["validation"] if validations else {}
    made = released(config, identify(config.base_model), state, validation)
    if inner_steps is not None:
        made = dataclasses.replace(made, inner_steps=inner_steps)
    if temperature is not None:
        meta = made.meta._replace(log_temperature=np.log(np.float32(temperature)))
        made = dataclasses.replace(made, meta=meta)
    if half and not jax.tree.leaves(made.meta.bases):
        raise UserError(
            f"--half: an adapter of kind {config.adapter.kind!r} has no bases to be stored as float16"
        )
    if half:
        with np.errstate(over="ignore"):  # is told below
            bases = jax.tree.map(lambda x: np.asarray(x, np.float16), made.meta.bases)
        if not all(np.isfinite(x).all() for x in jax.tree.leaves(bases)):
            raise UserError(f"{workdir}: some of the bases are too large for float16; export without --half")
        made = dataclasses.replace(made, meta=made.meta._replace(bases=bases))
    save_checkpoint(folder, made)
    return folder


def released(
    config: TrainConfig, base: BaseModel | Identity, state: TrainState, validation: Mapping[str, Any]
) -> Checkpoint:
    """Returns a run's state as a checkpoint, with what its validation found."""
    return Checkpoint(
        adapter=config.adapter,
        meta=jax.device_get(state.meta),
        weighting=config.weighting,
        inner_steps=config.inner_steps,
        damping=config.damping,
        prompts=config.prompts,
        document_tokens=max(source.document_tokens for source in config.sources.values()),
        documents_per_question=config.documents_per_question,
        base_model=config.base_model,
        base_digest=base.digest,
        tokenizer_digest=base.tokenizer_digest,
        training=dataclasses.asdict(config),
        metrics={"steps": int(state.step), "validation": validation},
    )
