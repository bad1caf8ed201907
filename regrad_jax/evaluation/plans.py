"""What an evaluation is to measure, as its config says: banks of documents, questions, settings."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.errors import UserError
from regrad_jax.evaluation.question_sets import Part, parse_parts
from regrad_jax.evaluation.settings import SETTINGS, find_setting


class Plan(NamedTuple):
    """What is measured on one bank.

    Attributes:
        parts: the data sets of the bank, by the labels of their question sets.
        settings: names that `find_setting` knows.
        codec: how rows are packed; None packs them as the checkpoint was trained for, or in int4.
    """

    parts: Mapping[str, Part]
    settings: tuple[str, ...]
    codec: str | None


def parse_plans(config: Mapping[str, Any]) -> dict[str, Plan]:
    """Types a config's groups.

    Raises:
        UserError: a key is missing or unknown, or a value names nothing that exists.
    """
    plans = config.get("datasets")
    if not isinstance(plans, Mapping) or not plans:
        raise UserError(
            "config.datasets: name what to measure; experiments/configs/evaluate.py is an example"
        )
    if unknown := sorted(set(config) - {"datasets"}):
        raise UserError(f"config: unknown key {unknown[0]!r}; the only key is datasets")
    return {name: _plan(f"config.datasets.{name}", plan) for name, plan in plans.items()}


def _plan(where: str, values: Any) -> Plan:
    if not isinstance(values, Mapping):
        raise UserError(f"{where}: {values!r} is no group of keys; give at least kind and settings")
    parts = parse_parts({k: v for k, v in values.items() if k not in ("settings", "codec")}, where)
    settings, codec = tuple(values.get("settings") or ()), values.get("codec") or None
    if not settings:
        raise UserError(f"{where}: key 'settings' is missing; choose from {', '.join(SETTINGS)}")
    for name in settings:
        find_setting(name, f"{where}: ")
    if codec and codec not in CODECS:
        raise UserError(f"{where}: codec {codec!r} is unknown; choose from {', '.join(CODECS)}")
    return Plan(parts, settings, codec)
