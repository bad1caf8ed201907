"""A run's folder: whose it is, and the checkpoints in it."""

import dataclasses
import json
import os
import pathlib
import shutil

import ml_collections
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as policies

from regrad_jax.errors import UserError
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.sources import nested_source

_CONFIG, _DRAFT = "config.json", "config.json.draft"


def as_json(config: TrainConfig) -> str:
    return json.dumps(dataclasses.asdict(config), indent=1) + "\n"


def check(workdir: pathlib.Path, config: TrainConfig) -> None:
    """Refuses a folder that is not this run's, or cannot be written.

    Nothing is written until all input has been read.
    """
    path, there = workdir / _CONFIG, _nearest(workdir)
    if there.is_dir() and not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{workdir} cannot be written (no permission in {there}); choose another --workdir")
    if there != workdir.absolute() and not there.is_dir():
        raise UserError(f"{workdir} cannot be made, since {there} is a file; choose another --workdir")
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"{workdir} is a file; choose another --workdir")
    if path.exists():
        if read_config(path) != config:
            raise UserError(f"{path} is of a run with another config; choose another --workdir")
    elif workdir.exists() and any(file.name != _DRAFT for file in workdir.iterdir()):
        raise UserError(f"{workdir} is not empty and not a run folder; choose another --workdir")


def begin(workdir: pathlib.Path, config: TrainConfig) -> None:
    """Writes a run's config, whole or not at all; that of a run that has begun is left alone."""
    if not (workdir / _CONFIG).exists():
        (workdir / _DRAFT).write_text(as_json(config))
        os.replace(workdir / _DRAFT, workdir / _CONFIG)


def require_room(workdir: pathlib.Path, wanted: int) -> None:
    """Refuses a run that would fill the disk.

    Args:
        workdir: may not be there yet.
        wanted: bytes that the run will write.
    """
    if (free := shutil.disk_usage(_nearest(workdir)).free) < wanted:
        raise UserError(
            f"{workdir} has {free / 1e9:.1f} GB left on its disk, and the run would write about "
            f"{wanted / 1e9:.1f} GB there: make room, choose another --workdir, or train with "
            "--config.theta=learned, which keeps no gradients there"
        )


def _nearest(workdir: pathlib.Path) -> pathlib.Path:
    """Returns the folder itself, or what there is of the way to it."""
    return next(there for there in [workdir.absolute(), *workdir.absolute().parents] if there.exists())


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
    if isinstance(values.get("sources"), dict):
        values["sources"] = {name: nested_source(source) for name, source in values["sources"].items()}
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
