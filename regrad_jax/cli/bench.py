"""Measures parts on this machine: regrad bench encode|query|train|torch|retrieval|codecs|bank [...]; else all
that can run here.

One JSON object a line. Noise of a shared machine is in the numbers; ratios within a line were taken together.
"""

import functools
import importlib.util
import json
from collections.abc import Iterator
from typing import Any

import jax
from absl import flags

from regrad_jax.adaptation.codecs import CODECS, DEFAULT_CODEC
from regrad_jax.api import ReGrad
from regrad_jax.benchmarks import bank as bench_bank
from regrad_jax.benchmarks import codecs as bench_codecs
from regrad_jax.benchmarks import retrieval as bench_retrieval
from regrad_jax.benchmarks.model import BENCHES, HAS_TORCH
from regrad_jax.checkpoint import load_checkpoint
from regrad_jax.errors import UserError

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "folder of a checkpoint; by default the one that ships")
_PLOT = flags.DEFINE_string("plot", None, "picture of what codecs measures, such as codecs.png")
_CODECS = flags.DEFINE_list("codecs", list(CODECS), "what codecs measures")
_BANK = flags.DEFINE_string(
    "bank", None, "where codecs keeps its float32 rows, or finds them; by default they are not kept"
)
_CODEC = flags.DEFINE_enum(
    "codec",
    DEFAULT_CODEC,
    list(CODECS),
    "how the rows of bank are packed, whatever the checkpoint was trained for",
)
_DOCUMENTS = flags.DEFINE_integer("documents", 500, "documents that bank appends and reads", 3)
_MANY = flags.DEFINE_integer("many", 20_000, "documents in the larger bank that bank opens", 1)
_COMMIT = flags.DEFINE_integer("commit", bench_bank.COMMIT, "documents that bank appends at once", 1)
_JSON = flags.DEFINE_bool("json", True, "one JSON object a line; --nojson prints a line a fact")


def run(argv: list[str]) -> None:
    own = {"retrieval": _retrieval, "codecs": _codecs, "bank": _bank}
    names = [*BENCHES, *own]
    if unknown := [codec for codec in _CODECS.value if codec not in CODECS]:
        raise UserError(f"--codecs: {unknown[0]!r} is unknown; choose from {', '.join(CODECS)}")
    if unknown := [name for name in argv if name not in names]:
        raise UserError(f"no bench is called {unknown[0]!r}; choose from {', '.join(names)}")
    runs_here = {
        "torch": HAS_TORCH and jax.default_backend() == "cpu",
        "retrieval": importlib.util.find_spec("scann") is not None,
    }
    for name in argv or [name for name in names if runs_here.get(name, True)]:
        measured = own[name]() if name in own else BENCHES[name](_regrad())
        facts = {"bench": name} | _rounded(measured)
        lines = [json.dumps(facts)] if _JSON.value else [f"{k:<36}{v}" for k, v in _flat(facts)]
        print("\n".join(lines), flush=True)
        if name == "codecs" and _PLOT.value:
            bench_codecs.plot(_PLOT.value, facts["codecs"])


@functools.cache
def _regrad() -> ReGrad:
    return ReGrad.load(_CHECKPOINT.value)


def _retrieval() -> dict[str, Any]:
    """Exact search against ScaNN by the number of documents."""
    return {"sizes": bench_retrieval.measure((1_000, 20_000, 100_000))}


def _codecs() -> dict[str, Any]:
    return {"codecs": bench_codecs.measure(_regrad(), _CODECS.value, _BANK.value)}


def _bank() -> dict[str, Any]:
    """The bank against a plain file; of the checkpoint it takes the length of a row, and no base model."""
    length = load_checkpoint(_CHECKPOINT.value).layout.size
    return bench_bank.measure(length, _CODEC.value, _DOCUMENTS.value, _MANY.value, _COMMIT.value)


def _rounded(value):
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yields every plain value in nested facts, with the way to it: ("read.ratio", 1.5)."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _flat(part, f"{name}.{key}".lstrip("."))
    if not isinstance(value, dict | list):
        yield name, value
