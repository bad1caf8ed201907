"""Where should a core adapter's bases start: at random, or at the weights' leading singular vectors?

.venv/bin/python launch/sweep.py experiments/sweeps/bases.py --workdir runs/bases
"""

CONFIG = "experiments/configs/almanac_squad.py"
COMMON = {
    "sources.almanac.entities": 400,
    "stages": ((60, {"almanac": 1.0}),),
    "eval_every": 60,
    "seed": 3,
}


def get_sweep() -> dict[str, dict[str, object]]:
    """Returns the settings of each run by its name."""
    return {name: COMMON | {"bases": name} for name in ("random", "singular")}
