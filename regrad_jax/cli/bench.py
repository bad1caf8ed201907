"""Measures speed on this machine: regrad bench encode|query|train|retrieval [...]; all without a name.

One JSON object a line. Noise of a shared machine is in the numbers; ratios within a line were taken together.
"""

import json

from absl import flags

from regrad_jax.errors import UserError
from regrad_jax.evaluation.bench import BENCHES
from regrad_jax.methods.regrad import ReGrad

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "folder of a checkpoint; by default the one that ships")


def run(argv: list[str]) -> None:
    if unknown := [name for name in argv if name not in BENCHES]:
        raise UserError(f"no bench is called {unknown[0]!r}; choose from {', '.join(BENCHES)}")
    regrad = ReGrad.load(_CHECKPOINT.value)
    for name in argv or BENCHES:
        print(json.dumps({"bench": name} | _rounded(BENCHES[name](regrad))), flush=True)


def _rounded(facts: dict) -> dict:
    return {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in facts.items()}
