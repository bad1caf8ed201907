"""Meta-trains an adapter: regrad train --config experiments/configs/almanac_squad.py --workdir runs/mine"""

import pathlib

from absl import flags
from ml_collections import config_flags

from regrad_jax.training.config import TrainConfig
from regrad_jax.training.loop import train

_CONFIG = config_flags.DEFINE_config_file("config", None, "ml_collections config file of the run")
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "folder of the run; an existing run is resumed", required=True
)
flags.mark_flag_as_required("config")


def run(argv: list[str]) -> None:
    print(train(TrainConfig.from_dict(_CONFIG.value), pathlib.Path(_WORKDIR.value)))
