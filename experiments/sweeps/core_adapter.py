r"""How small can a core adapter's row be, and where should its bases start?

    .venv/bin/python launch/sweep.py experiments/sweeps/core_adapter.py --workdir runs/core_adapter

The runs differ in the adapter alone. All of them keep theta at zero and see the same batches. A run takes
about five minutes on two cores.
"""

CONFIG = "experiments/configs/one_kind.py"


def get_sweep() -> dict[str, dict[str, object]]:
    """Returns the settings of each run by its name."""
    runs: dict[str, dict[str, object]] = {f"rank{r}": {"inner.adapter.rank": r} for r in (64, 32, 16, 8, 4)}
    runs |= {
        "rank32_layers22to29": {"inner.adapter.first_layer": 22},
        "rank64_layers22to29": {"inner.adapter.first_layer": 22, "inner.adapter.rank": 64},
        "rank32_layers8to29": {"inner.adapter.first_layer": 8},
        "rank56_down": {"inner.adapter.targets": ("down",), "inner.adapter.rank": 56},
        "rank32_singular": {"bases": "singular"},
    }
    return {name: {"seed": 3} | settings for name, settings in runs.items()}
