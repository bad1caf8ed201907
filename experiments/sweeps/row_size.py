"""How small can a row be? Core ranks and layer subsets, trained alike with theta at zero.

.venv/bin/python launch/sweep.py experiments/sweeps/row_size.py --workdir runs/row_size
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
    ranks = {f"rank{rank}": {"adapter.rank": rank} for rank in (4, 8, 16, 32, 64)}
    layers = {
        "rank32_layers22to29": {"adapter.rank": 32, "adapter.first_layer": 22},
        "rank64_layers22to29": {"adapter.rank": 64, "adapter.first_layer": 22},
        "rank32_down": {"adapter.rank": 32, "adapter.targets": ("down",)},
    }
    return {name: COMMON | settings for name, settings in (ranks | layers).items()}
