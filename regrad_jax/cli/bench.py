"""Measures parts on this machine: regrad bench encode|query|train|retrieval|codecs [...]; all without a name.

One JSON object a line. Noise of a shared machine is in the numbers; ratios within a line were taken together.
"""

import json

from absl import flags

from regrad_jax.errors import UserError
from regrad_jax.evaluation import bench_codecs
from regrad_jax.evaluation.bench import BENCHES
from regrad_jax.methods.regrad import ReGrad

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "folder of a checkpoint; by default the one that ships")
_PLOT = flags.DEFINE_string("plot", None, "picture of what codecs measures, such as codecs.png")


def run(argv: list[str]) -> None:
    if unknown := [name for name in argv if name not in BENCHES]:
        raise UserError(f"no bench is called {unknown[0]!r}; choose from {', '.join(BENCHES)}")
    regrad = ReGrad.load(_CHECKPOINT.value)
    for name in argv or BENCHES:
        facts = BENCHES[name](regrad)
        print(json.dumps({"bench": name} | _rounded(facts)), flush=True)
        if name == "codecs" and _PLOT.value:
            bench_codecs.plot(_PLOT.value, facts["codecs"])


def _rounded(value):
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
