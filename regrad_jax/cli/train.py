"""Meta-trains an adapter: regrad train --config experiments/configs/almanac_squad.py --workdir runs/mine

With --dry_run it says what the run takes, for any base model and any mesh, without having either: regrad
train --config experiments/configs/llama.py:8b --config.mesh.fsdp=8 --config.batches_per_step=8 --dry_run

Over several processes, each is started with the same flags and --coordinator, as the programs in launch/ do.
"""

import json
import pathlib

import jax
from absl import flags
from ml_collections import config_flags

from regrad_jax.cli import processes
from regrad_jax.errors import UserError
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.dry_run import dry_run
from regrad_jax.training.loop import train

_CONFIG = config_flags.DEFINE_config_file("config", None, "ml_collections config file of the run")
_WORKDIR = flags.DEFINE_string("workdir", None, "folder of the run; an existing run is resumed")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "print what a step takes, and train nothing")
_DEVICE_GIB = flags.DEFINE_float("device_gib", 80.0, "memory of one device, for --dry_run", 0)
_JSON = flags.DEFINE_bool("json", False, "with --dry_run: one JSON object instead of text")
flags.mark_flag_as_required("config")
FLAG_MODULES = [processes]  # whose flags this verb has too


def run(argv: list[str]) -> None:
    config = TrainConfig.from_dict(_CONFIG.value)
    if _DRY_RUN.value:
        _foretell(config)
        return
    if not _WORKDIR.value:
        raise UserError("--workdir is missing; name the folder of the run")
    processes.connect()
    print(train(config, pathlib.Path(_WORKDIR.value)))


def _foretell(config: TrainConfig) -> None:
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", config.devices)
    needs = dry_run(config)
    spare = _DEVICE_GIB.value - needs.step_bytes / 2**30
    if _JSON.value:
        print(json.dumps(needs._asdict() | {"device_gib": _DEVICE_GIB.value, "spare_gib": round(spare, 2)}))
        return
    spared = f"fits, {spare:.1f} to spare" if spare >= 0 else f"does NOT fit, {-spare:.1f} are missing"
    gib = 2**30
    facts = {
        "base model": f"{needs.frozen:,} parameters, frozen",
        "learned": f"{needs.learned:,} parameters; a row is {needs.row:,} numbers",
        "devices": f"{needs.devices}",
        "held": f"{needs.held_bytes / gib:.2f} GiB a device",
        "peak": f"{needs.step_bytes / gib:.2f} GiB a device; in {_DEVICE_GIB.value:g} GiB it {spared}",
        "work": f"{needs.step_flops / 1e12:.2f} TFLOP a step",
    }
    for name, value in facts.items():
        print(f"{name:<12} {value}")
