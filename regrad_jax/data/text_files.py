"""Reads UTF-8 text and JSON: whatever is wrong ends in one `UserError` that names the file and the line."""

import collections
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from regrad_jax.data.fields import json_object
from regrad_jax.errors import UserError


def read_text(path: Path) -> str:
    """Returns the text of a UTF-8 file, without a byte order mark.

    Raises:
        UserError: the file is missing, cannot be read, or is not UTF-8 (the line is named).
    """
    return "".join(read_lines(path))


def read_lines(path: Path) -> Iterator[str]:
    r"""Yields the lines of a UTF-8 file with their ends; only "\n" ends a line. A name in .gz means gzip.

    Raises:
        UserError: as `read_text`.
    """
    require_utf8_name(path.name, path)
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}, line {number}: not UTF-8; save the file as UTF-8") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: damaged gzip file ({error}); restore it") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def require_utf8_name(name: str, path: Path) -> None:
    """Refuses with `UserError` a file whose name, or path in a corpus, is not UTF-8.

    Python holds such names, but no document can carry one as its id or source.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UserError(f"{str(path)!a}: the name is not UTF-8; rename the file") from None


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Yields (line number from 1, JSON object) for every line of a JSONL file that is not blank.

    Raises:
        UserError: the file cannot be read, or a line is not a JSON object.
    """
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            where = f"{path}, line {number}"
            yield number, json_object(parse_json(line, where), where)


def parse_json(text: str, where: str) -> object:
    """Returns the value of a JSON text.

    Args:
        text: the JSON.
        where: its place, with which messages begin.

    Raises:
        UserError: the text is not valid JSON, or an object in it has a key twice.
    """

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        record = dict(pairs)
        if len(record) < len(pairs):
            (twice, _), *_ = collections.Counter(key for key, _ in pairs).most_common(1)
            raise UserError(f"{where}: an object has the key {json.dumps(twice)} twice; keep one")
        return record

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        place = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno}"
        raise UserError(f"{where}: broken JSON at {place} ({error.msg}); mend it") from None
    except (ValueError, RecursionError) as error:  # numbers or nesting beyond Python's limits
        raise UserError(f"{where}: JSON cannot be read ({error}); mend it") from None
