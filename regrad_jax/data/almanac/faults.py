"""Finds what is wrong with the data of a kind, so that a fault in a data file shows when it is read.

A fault is a line that begins with the key, such as "titles.held_out: missing".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from regrad_jax.data.almanac.draws import draw
from regrad_jax.data.almanac.kinds import kind_of
from regrad_jax.data.almanac.names import SPLITS
from regrad_jax.data.almanac.wording import fill, placeholders
from regrad_jax.errors import UserError

_LEAST = {"train": 3, "held_out": 1}  # how many phrasings a list needs
_REFERENCES = {"name", "short", "alias"}  # placeholders for the subject itself
_DRAWN, _DIFFERENT = 300, 9  # of so many draws of a value that questions ask for, so many have to differ

# (key, value of the key) -> faults
Rule = Callable[[str, Any], Iterator[str]]


def faults(data: Mapping[str, Any]) -> list[str]:
    """Returns what is wrong with a parsed data file; nothing when it is sound.

    The wordings are looked at only when every key has a value of the right form.
    """
    return list(_form_faults(data)) or [*_wording_faults(data), *_coverage_faults(data)]


def poor_fields(data: Mapping[str, Any]) -> list[str]:
    """Returns the fields of sound data whose value a reader could guess.

    This takes thousands of draws, so it is not done whenever a file is read.
    """
    kind, rng = kind_of(data), np.random.default_rng(0)
    values = {field: {kind.fields[field](rng, SPLITS[0]) for _ in range(_DRAWN)} for field in kind.questions}
    return [
        f"fields.{field}: {len(different)} values are too few to ask for"
        for field, different in values.items()
        if len(different) < _DIFFERENT
    ]


def _form_faults(data: Mapping[str, Any]) -> Iterator[str]:
    """Yields keys that are missing or unknown, and values that have a wrong form."""
    yield from _key_faults("", data, set(_RULES) - {"aliases"}, set(_RULES))
    for key in data:
        if key in _RULES:
            yield from _RULES[key](key, data[key])


def _key_faults(prefix: str, table: Mapping[str, Any], required: set[str], known: set[str]) -> Iterator[str]:
    yield from (f"{prefix}{key}: missing" for key in sorted(required - table.keys()))
    for key in sorted(table.keys() - known):
        yield f"{prefix}{key}: unknown key; choose among {', '.join(sorted(known))}"


def _text(key: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{key}: a text is needed, not {value!r}"


def _texts(key: str, value: Any) -> Iterator[str]:
    if not (isinstance(value, list) and value and all(isinstance(text, str) for text in value)):
        yield f"{key}: a list of texts is needed, not {value!r}"


def _draw(key: str, value: Any) -> Iterator[str]:
    try:
        draw(value)
    except UserError as error:
        yield f"{key}: {error}"


def _phrasings(key: str, value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{key}: a table with {' and '.join(_LEAST)} is needed, not {value!r}"
        return
    yield from _key_faults(f"{key}.", value, set(_LEAST), set(_LEAST))
    for split in _LEAST:
        if split in value:
            yield from _texts(f"{key}.{split}", value[split])


def _table_of(rule: Rule) -> Rule:
    def table(key: str, value: Any) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{key}: a table is needed, not {value!r}"
            return
        for name in value:
            yield from rule(f"{key}.{name}", value[name])

    return table


_RULES: dict[str, Rule] = {
    "genre": _text,
    "subject": _draw,
    "aliases": _texts,
    "fields": _table_of(_draw),
    "openings": _phrasings,
    "statements": _phrasings,
    "titles": _phrasings,
    "questions": _table_of(_phrasings),
}


def _wording_faults(data: Mapping[str, Any]) -> Iterator[str]:
    """Yields lists that are too short, phrasings of both splits, and phrasings that cannot be filled."""
    known = {*data["fields"], *_REFERENCES}
    groups = [(key, data[key], known) for key in ("openings", "statements", "titles")]
    groups += [(f"questions.{field}", table, {"name"}) for field, table in data["questions"].items()]
    for key, table, allowed in groups:
        for split, least in _LEAST.items():
            phrasings = table[split]
            if len(phrasings) < least or len(set(phrasings)) < len(phrasings):
                yield f"{key}.{split}: {len(phrasings)} phrasings; at least {least} are needed, all different"
            for phrasing in phrasings:
                yield from _phrasing_faults(f"{key}.{split}", phrasing, allowed)
        for phrasing in sorted(set(table["train"]) & set(table["held_out"])):
            yield f"{key}.held_out: {phrasing!r} stands in train too"


def _phrasing_faults(key: str, phrasing: str, allowed: set[str]) -> Iterator[str]:
    used = placeholders(phrasing)
    for name in sorted(used - allowed):
        choices = ", ".join(sorted(allowed))
        yield f"{key}: placeholder {{{name}}} is unknown in {phrasing!r}; choose among {choices}"
    if key.startswith(("openings", "questions")) and "name" not in used:
        yield f"{key}: {phrasing!r} does not hold {{name}}"
    if re.search("[{}]", fill(phrasing, dict.fromkeys(used, ""))):
        yield f"{key}: broken braces in {phrasing!r}"


def _coverage_faults(data: Mapping[str, Any]) -> Iterator[str]:
    """Yields questions that no field answers, or whose answer the sentences of a split never state."""
    for field in data["questions"]:
        if field not in data["fields"]:
            yield f"questions.{field}: there is no field {field!r}"
        for split in _LEAST:
            if not any(field in placeholders(sentence) for sentence in data["statements"][split]):
                yield f"statements.{split}: no sentence states {{{field}}}, for which questions ask"
