"""From a mapping of a config to the arguments of a frozen dataclass, and what values must be like."""

import dataclasses
import math
import typing
from collections.abc import Mapping
from typing import Any

from regrad_jax.errors import UserError


def arguments(cls: type, where: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments that build the dataclass `cls` from a config's values; lists become tuples.

    Args:
        cls: a dataclass.
        where: the mapping's place in the config, with which messages begin.
        values: the mapping.

    Raises:
        UserError: the values are no mapping, a key is unknown or missing, or a tuple is given as one value.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{where}: {values!r} is no group of keys")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if unknown := sorted(set(values) - set(fields)):
        known = f"known keys: {', '.join(fields)}" if fields else "it has no keys"
        raise UserError(f"{where}: unknown key {unknown[0]!r}; {known}")
    no_default = (dataclasses.MISSING, dataclasses.MISSING)
    required = {n for n, f in fields.items() if (f.default, f.default_factory) == no_default}
    if missing := sorted(required - set(values)):
        raise UserError(f"{where}: key {missing[0]!r} is missing")
    hints = typing.get_type_hints(cls)
    is_tuple = lambda name: typing.get_origin(hints[name]) is tuple
    for name, value in values.items():
        if is_tuple(name) and not isinstance(value, list | tuple):
            raise UserError(f"{where}: {name} is {value!r}; give several values in brackets")
    return {name: tuple(value) if is_tuple(name) else value for name, value in values.items()}


def require_text(key: str, value: Any) -> None:
    """Refuses with `UserError` what is not a string, or is blank."""
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{key}: {value!r} must be a text that is not empty")


def require_whole(key: str, value: Any, least: int = 1) -> None:
    """Refuses with `UserError` what is not a whole number of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UserError(f"{key}: {value!r} must be a whole number of at least {least}")


def require_share(key: str, value: Any) -> None:
    """Refuses with `UserError` what is not a number from 0 to 1."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise UserError(f"{key}: {value!r} must be a share, from 0 to 1")


def require_count_or_share(key: str, value: Any) -> None:
    """Refuses with `UserError` what is neither a whole number of at least 0 nor a share between 0 and 1."""
    if not _is_number(value) or not (0 < value < 1 or (0 <= value < math.inf and value == int(value))):
        raise UserError(
            f"{key}: {value!r} must be how many (a whole number of at least 0), or a share between 0 and 1"
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
