"""A run's folder: whose it is, and the checkpoints in it."""

import dataclasses
import json
import pathlib

import ml_collections
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as policies

from regrad_jax.errors import UserError
from regrad_jax.training.config import TrainConfig


def as_json(config: TrainConfig) -> str:
    return json.dumps(dataclasses.asdict(config), indent=1) + "\n"


def check(workdir: pathlib.Path, config: TrainConfig) -> None:
    """Refuses a folder that is not this run's. Nothing is written until all input has been read."""
    path = workdir / "config.json"
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"{workdir} is a file; choose another --workdir")
    if path.exists():
        if read_config(path) != config:
            raise UserError(f"{path} is of a run with another config; choose another --workdir")
    elif workdir.exists() and any(workdir.iterdir()):
        raise UserError(f"{workdir} is not empty and not a run folder; choose another --workdir")


def read_config(path: pathlib.Path) -> TrainConfig:
    """Reads a run's config; settings that are younger than the run have their defaults."""
    try:
        values = json.loads(path.read_text())
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
    except OSError as error:
        raise UserError(f"{path.parent}: not a run folder ({error.strerror}: {path.name})") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); restore it or choose another --workdir") from error
    return TrainConfig.from_dict(ml_collections.ConfigDict(values))


def checkpoints(workdir: pathlib.Path) -> ocp.CheckpointManager:
    loss = lambda scores: scores["loss"]
    best = policies.BestN(get_metric_fn=loss, reverse=True, n=1, keep_checkpoints_without_metrics=False)
    options = ocp.CheckpointManagerOptions(
        preservation_policy=policies.AnyPreservationPolicy([policies.LatestN(2), best]),
        best_fn=loss,
        best_mode="min",
        create=True,
    )
    return ocp.CheckpointManager((workdir / "checkpoints").absolute(), options=options)
