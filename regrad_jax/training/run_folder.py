"""A run's folder: the config and the data that it belongs to, and the checkpoints in it."""

import dataclasses
import json
import math
import os
import pathlib
import shutil
from typing import Any

import ml_collections
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as policies

from regrad_jax.data.almanac.library import digest
from regrad_jax.errors import UserError
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.sources import nested_source

_CONFIG, _DRAFT, _DATA = "config.json", "config.json.draft", "data_digests.json"


def as_json(config: TrainConfig) -> str:
    """Returns the text of a run's config.json."""
    return json.dumps(dataclasses.asdict(config), indent=1) + "\n"


def check(workdir: pathlib.Path, config: TrainConfig) -> None:
    """Refuses a folder that belongs to another run, or cannot be written. Writes nothing itself.

    Raises:
        UserError: the folder cannot be used.
    """
    path, there = workdir / _CONFIG, _nearest(workdir)
    if there.is_dir() and not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{workdir} cannot be written (no permission in {there}); choose another `workdir`")
    if there != workdir.absolute() and not there.is_dir():
        raise UserError(f"{workdir} cannot be made, since {there} is a file; choose another `workdir`")
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"{workdir} is a file; choose another `workdir`")
    if path.exists():
        if read_config(path) != config:
            raise UserError(f"{path} is of a run with another config; choose another `workdir`")
    elif workdir.exists() and any(file.name not in (_DRAFT, _DATA) for file in workdir.iterdir()):
        raise UserError(f"{workdir} is not empty and not a run folder; choose another `workdir`")


def begin(workdir: pathlib.Path, config: TrainConfig) -> None:
    """Writes a run's config, whole or not at all, after the digests of the data that ships with the package.

    What a run that has begun wrote is left alone.
    """
    if not (workdir / _CONFIG).exists():
        digests = {"almanac": digest()} if any(s.kind == "almanac" for s in config.sources.values()) else {}
        (workdir / _DATA).write_text(json.dumps(digests) + "\n")
        (workdir / _DRAFT).write_text(as_json(config))
        os.replace(workdir / _DRAFT, workdir / _CONFIG)


def data_digests(workdir: pathlib.Path) -> dict[str, str]:
    """Returns the digests of the data that a run was begun with; none of a run from before they were kept."""
    path = workdir / _DATA
    return _read_object(path) if path.exists() else {}


def require_room(workdir: pathlib.Path, wanted: int) -> None:
    """Refuses a run that would fill the disk.

    Args:
        workdir: may not be there yet.
        wanted: bytes that the run will write.
    """
    if (free := shutil.disk_usage(_nearest(workdir)).free) < wanted:
        raise UserError(
            f"{workdir} has {free / 1e9:.1f} GB left on its disk, and the run would write about "
            f"{wanted / 1e9:.1f} GB there: make room, choose another `workdir`, or train with "
            "config.theta 'learned', which keeps no gradients there"
        )


def _nearest(workdir: pathlib.Path) -> pathlib.Path:
    """Returns the folder itself, or the nearest of its parents that exists."""
    return next(there for there in [workdir.absolute(), *workdir.absolute().parents] if there.exists())


def read_config(path: pathlib.Path) -> TrainConfig:
    """Reads a run's config, also one of an older layout.

    A setting that is younger than the run has its default.

    Raises:
        UserError: there is no config, or it is damaged.
    """
    values = _read_object(path)
    if isinstance(values.get("sources"), dict):
        values["sources"] = {name: nested_source(source) for name, source in values["sources"].items()}
    return TrainConfig.from_dict(ml_collections.ConfigDict(_with_inner(values)))


def _read_object(path: pathlib.Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
    except OSError as error:
        raise UserError(f"{path.parent}: not a run folder ({error.strerror}: {path.name})") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); restore it or choose another `workdir`") from error
    return values


def _with_inner(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the values of a config.json with the inner problem as one group.

    In the older layout its fields stood among the run's, and plain gradients had an infinite damping or none.
    """
    if "inner" in values:
        return values
    names = {"adapter": "adapter", "weighting": "weighting", "inner_steps": "steps", "damping": "damping"}
    inner = {new: values[old] for old, new in names.items() if old in values}
    inner["rule"] = "plain" if inner.get("damping", math.inf) == math.inf else "damped"
    return {key: value for key, value in values.items() if key not in names} | {"inner": inner}


def checkpoints(workdir: pathlib.Path) -> ocp.CheckpointManager:
    """Returns the manager of a run's checkpoints. It keeps the last two, and the one that validated best."""
    loss = lambda scores: scores["loss"]
    best = policies.BestN(get_metric_fn=loss, reverse=True, n=1, keep_checkpoints_without_metrics=False)
    options = ocp.CheckpointManagerOptions(
        preservation_policy=policies.AnyPreservationPolicy([policies.LatestN(2), best]),
        best_fn=loss,
        best_mode="min",
        create=True,
    )
    return ocp.CheckpointManager((workdir / "checkpoints").absolute(), options=options)
