"""Fields of JSON records, checked one by one: whatever is wrong ends in one `UserError`.

`where` is the record's place (a file and a line, or a path into a file), with which every message begins.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regrad_jax.errors import UserError


def json_object(value: object, where: str) -> dict[str, object]:
    """Returns `value` if it is a JSON object.

    Raises:
        UserError: it is something else.
    """
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected a JSON object {{...}}, found {json_type(value)}")
    return value


def text_field(record: Mapping[str, object], name: str, where: str) -> str:
    """Returns `record[name]`, a string that is not blank.

    Raises:
        UserError: the field is missing, not a string, blank, or not encodable as UTF-8.
    """
    value = record.get(name)
    if value is None:
        raise UserError(f'{where}: no "{name}"; add it')
    if not isinstance(value, str):
        raise UserError(f'{where}: "{name}" must be a string, found {json_type(value)}')
    if not value.strip():
        raise UserError(f'{where}: "{name}" is empty; fill it or remove the entry')
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can spell it, no tokenizer or hash can take it
        raise UserError(f'{where}: "{name}" holds half a surrogate pair; mend it') from None
    return value


def optional_text_field(record: Mapping[str, object], name: str, where: str) -> str:
    """Returns `record[name]` as `text_field` does, or "" where the field is absent, null or blank.

    Raises:
        UserError: the field is not a string, or not encodable as UTF-8.
    """
    value = record.get(name)
    is_blank = value is None or (isinstance(value, str) and not value.strip())
    return "" if is_blank else text_field(record, name, where)


def texts_field(record: Mapping[str, object], name: str, where: str) -> list[str]:
    """Returns the strings of the list `record[name]`, stripped; none where the field is absent or null.

    Raises:
        UserError: the field is not a list, an empty one, or an entry is not a string or is blank.
    """
    value = record.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not value:
        found = "an empty list" if value == [] else json_type(value)
        raise UserError(f'{where}: "{name}" must be a list of strings, found {found}')
    entries = {f"{name}[{index}]": entry for index, entry in enumerate(value)}
    return [text_field(entries, entry, where).strip() for entry in entries]


def list_field(record: Mapping[str, object], name: str, where: str) -> list[Any]:
    """Returns `record[name]`, a list.

    Raises:
        UserError: the field is missing or something else.
    """
    value = record.get(name)
    if not isinstance(value, list):
        found = "nothing" if value is None else json_type(value)
        raise UserError(f'{where}: "{name}" must be a list, found {found}')
    return value


def id_field(record: Mapping[str, object], where: str) -> str:
    """Returns `record["id"]` as a string; a whole number is taken as its digits.

    Raises:
        UserError: the id is missing, blank, or of another type.
    """
    value = record.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text_field(record, "id", where)


def check_unique(entry_id: str, line: int, lines: dict[str, int], path: Path) -> None:
    """Notes in `lines` that the id stands on this line.

    Raises:
        UserError: the id stands on an earlier line too.
    """
    if entry_id in lines:
        raise UserError(
            f"{path}, line {line}: id {entry_id!r} is already used on line {lines[entry_id]}; make ids unique"
        )
    lines[entry_id] = line


def json_type(value: object) -> str:
    """Returns what JSON calls the type of `value`, with its article."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
