"""Read a corpus of documents from disk and cut the long ones into passages.

Also home to the careful readers of text and JSON that `squad` and `questions` share: whatever is
wrong with a file ends in one `UserError` that names the file and the line.
"""

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regrad_jax.data.documents import Document, Passage, passages_of
from regrad_jax.errors import UserError

TEXT_SUFFIXES = (".txt", ".md")
_MEND = "give a .jsonl file, a .tsv file, or a folder of .txt and .md files"


# ---- documents ----------------------------------------------------------------------------------


def read_corpus(path: str | Path) -> list[Document]:
    """Return the documents of a corpus, in the order of the file (of relative paths, in a folder).

    Three forms are read, all UTF-8:
        .jsonl  one object a line: "id" (a string or a whole number), "text", optional "title" and
                "source"
        .tsv    a header naming the columns id and text, optional title and source; tab-separated,
                fields quoted as in CSV (the form of DPR's psgs_w100.tsv)
        folder  every .txt and .md file below it, hidden ones aside; a document's id and source are
                its path relative to the folder

    Raises:
        UserError: missing or empty corpus, empty document, broken line, wrong type, repeated id,
            not UTF-8, or none of the three forms; the message names file and line.
    """
    path = Path(path)
    if path.is_dir():
        documents = _read_folder(path)
    elif not path.exists():
        raise UserError(f"{path}: no such corpus; {_MEND}")
    elif path.suffix.lower() == ".jsonl":
        documents = _documents(read_json_lines(path), path)
    elif path.suffix.lower() == ".tsv":
        documents = _documents(_read_tsv(path), path)
    else:
        raise UserError(f"{path}: not a form of corpus that is known; {_MEND}")
    if not documents:
        raise UserError(f"{path}: the corpus holds no documents; {_MEND}")
    return documents


def _documents(records: Iterable[tuple[int, dict[str, object]]], path: Path) -> list[Document]:
    """Turn numbered records into documents, checking every field and that no id comes twice."""
    documents: list[Document] = []
    places: dict[str, int] = {}
    for number, record in records:
        where = f"{path}, line {number}"
        document_id = id_field(record, where)
        check_unique(document_id, number, places, path)
        text = text_field(record, "text", where)
        title, source = (_optional_field(record, name, where) for name in ("title", "source"))
        documents.append(Document(document_id, text, title=title, source=source))
    return documents


def _read_folder(folder: Path) -> list[Document]:
    documents: list[Document] = []
    names = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.suffix.lower() in TEXT_SUFFIXES and file.is_file()
    )
    for name in names:
        if any(part.startswith(".") for part in name.split("/")):
            continue
        text = read_text(folder / name)
        if not text.strip():
            raise UserError(f"{folder / name}: the document is empty; fill it or remove the file")
        documents.append(Document(name, text, source=name))
    return documents


def _read_tsv(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield (number of the record's first line, record) from a tab-separated file with a header."""
    csv.field_size_limit(2**31 - 1)  # the default refuses documents above 128 KiB
    # strict: a quote never closed is an error, not a document that swallows the rest of the file.
    rows = csv.reader(_read_lines(path), delimiter="\t", strict=True)
    header: list[str] = []
    line = 1
    try:
        for row in rows:
            if not header:
                header = [name.strip().lower() for name in row]
                if not {"id", "text"} <= set(header):
                    raise UserError(
                        f'{path}, line 1: the header must name "id" and "text" (and may name '
                        f'"title" and "source"), tabs between; found {header[:4]}'
                    )
            elif row and len(row) != len(header):
                raise UserError(
                    f"{path}, line {line}: {len(row)} columns where the header has {len(header)}; "
                    "quote fields that hold tabs or line breaks"
                )
            elif row:
                yield line, dict(zip(header, row, strict=True))
            line = rows.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}, line {line}: broken quoting ({error}); close every quoted field, and write "
            "a quote inside one twice"
        ) from None


# ---- passages -----------------------------------------------------------------------------------

# What a passage pays for the boundary at which it begins, beside the square of its distance from
# the average passage in units of max_tokens. A sentence costs as much as two passages, one two
# fifths of max_tokens above the average and one below: paragraphs stay whole unless that would
# leave one passage nearly full and one nearly empty.
_PARAGRAPH_COST, _SENTENCE_COST, _WORD_COST, _BROKEN_WORD_COST = 0.0, 0.3, 1.0, 4.0

_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*")
# Closing quotes and brackets belong to the sentence. A lower-case letter behind ("e.g. this") or an
# initial before ("J. Smith") means that it goes on. East Asian sentences end without a space.
_SENTENCE_END = re.compile(r"(?<!\b[A-Z])[.!?…]+[\"'”’»)\]]*\s++(?![a-z])|[。！？]+[」』”’）]*\s*")
_WORD_END = re.compile(r"\s+")
_BOUNDARIES = (
    (_PARAGRAPH_END, _PARAGRAPH_COST),
    (_SENTENCE_END, _SENTENCE_COST),
    (_WORD_END, _WORD_COST),
)
_SENTENCES = 2  # level in _BOUNDARIES below which a span is no larger than a sentence


class _Piece(NamedTuple):
    """A stretch of text that is not cut further; the pieces of a text, joined, are the text."""

    text: str
    tokens: int  # of the stripped text
    opening_cost: float  # of beginning a passage here


class _TooSmall(Exception):
    """A character that alone has more tokens than a passage may have."""


def cut_passages(document: Document, count_tokens: Callable[[str], int], max_tokens: int) -> list[Passage]:
    """Return a document as passages of at most `max_tokens` tokens, in order.

    One that fits is one passage under its own id. A longer one becomes "{id}#0", "{id}#1", ... of
    similar lengths, cut between paragraphs where that leaves no very uneven lengths, else between
    sentences, else (a sentence that does not fit) between words, else (a word that does not fit, or
    a script without spaces) inside them. Nothing but white space at the cuts is lost.

    Args:
        document: what to cut; each passage takes over its title and source.
        count_tokens: number of tokens of a text. It sees each stretch of text a few times, so the
            work grows linearly with a document's length.
        max_tokens: largest `count_tokens(passage.text)` allowed.

    Raises:
        UserError: `max_tokens` is too small for a single character.
    """
    try:
        texts = _cut(document.text.strip(), count_tokens, max_tokens)
    except _TooSmall as error:
        raise UserError(
            f"document {document.id!r}: the character {error} alone has more than {max_tokens} "
            "tokens; allow longer passages"
        ) from None
    return passages_of(document, texts)


def _cut(text: str, count_tokens: Callable[[str], int], max_tokens: int) -> list[str]:
    tokens = count_tokens(text)
    if tokens <= max_tokens:
        return [text]
    pieces = _pieces(text, count_tokens, max_tokens)
    # Pieces counted apart need not add up to the whole (a token may span a boundary, each count
    # may include a start token), hence the scale; what still comes out too long is cut again.
    counts_P = np.array([piece.tokens for piece in pieces], np.float64)
    counts_P *= tokens / counts_P.sum()
    costs_P = np.array([piece.opening_cost for piece in pieces])
    starts = _best_starts(counts_P, costs_P, max_tokens)
    passages: list[str] = []
    for start, end in zip(starts, [*starts[1:], len(pieces)], strict=True):
        passage = "".join(piece.text for piece in pieces[start:end]).strip()
        passages.extend(_cut(passage, count_tokens, max_tokens))
    return passages


def _pieces(text: str, count_tokens: Callable[[str], int], max_tokens: int) -> list[_Piece]:
    """Split `text` into its sentences, and those that do not fit into smaller pieces that do."""
    pieces: list[_Piece] = []

    def add(span: str, opening_cost: float, level: int) -> None:
        stripped = span.strip()
        if level >= _SENTENCES and (tokens := count_tokens(stripped)) <= max_tokens:
            pieces.append(_Piece(span, tokens, opening_cost))
        elif level < len(_BOUNDARIES):
            pattern, cost = _BOUNDARIES[level]
            for index, part in enumerate(_split_after(span, pattern)):
                add(part, opening_cost if index == 0 else cost, level + 1)
        elif len(stripped) == 1:
            raise _TooSmall(repr(stripped))
        else:  # a word that does not fit: halves of it, until they do
            middle = len(stripped) // 2
            add(span[:middle], opening_cost, level)
            add(span[middle:], _BROKEN_WORD_COST, level)

    add(text, _PARAGRAPH_COST, level=0)
    return pieces


def _split_after(text: str, pattern: re.Pattern[str]) -> list[str]:
    """Split `text` behind each match; the parts, joined, are `text`."""
    ends = [match.end() for match in pattern.finditer(text) if match.end() < len(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def _best_starts(counts_P: np.ndarray, costs_P: np.ndarray, max_tokens: int) -> list[int]:
    """Return the indices of the P pieces at which the passages of least total cost begin.

    Dynamic programming: best[j] is the least cost of cutting pieces 0..j-1. A passage holds at most
    `max_tokens` tokens, or is one piece.
    """
    before = np.concatenate([[0.0], np.cumsum(counts_P)])
    average = before[-1] / math.ceil(before[-1] / max_tokens)
    earliest = np.searchsorted(before, before - max_tokens - 1e-6)
    best = np.zeros(len(before))
    start_of = np.zeros(len(before), np.int64)
    for end in range(1, len(before)):
        first = min(int(earliest[end]), end - 1)
        distance = (before[end] - before[first:end] - average) / max_tokens
        totals = best[first:end] + costs_P[first:end] + distance**2
        choice = int(np.argmin(totals))
        best[end], start_of[end] = totals[choice], first + choice
    starts = [int(start_of[-1])]
    while starts[-1] > 0:
        starts.append(int(start_of[starts[-1]]))
    return starts[::-1]


# ---- text and JSON ------------------------------------------------------------------------------


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file (a byte order mark is dropped).

    Raises:
        UserError: no such file, not readable, or not UTF-8 (the line is named).
    """
    return "".join(_read_lines(path))


def _read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 file with their ends; only "\\n" ends a line."""
    number = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}, line {number}: not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield (line number from 1, JSON object) for every line of a JSONL file that is not blank.

    Raises:
        UserError: the file cannot be read, or a line is not a JSON object.
    """
    for number, line in enumerate(_read_lines(path), start=1):
        if line.strip():
            where = f"{path}, line {number}"
            yield number, json_object(parse_json(line, where), where)


def parse_json(text: str, where: str) -> object:
    """Return the value that JSON `text` holds; `where` opens the message when it is broken.

    Raises:
        UserError: not valid JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno}"
        raise UserError(f"{where}: broken JSON at {place} ({error.msg}); mend it") from None
    except (ValueError, RecursionError) as error:  # numbers or nesting beyond Python's limits
        raise UserError(f"{where}: JSON cannot be read ({error}); mend it") from None


def json_object(value: object, where: str) -> dict[str, object]:
    """Return `value` if it is a JSON object.

    Raises:
        UserError: it is something else.
    """
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected a JSON object {{...}}, found {kind(value)}")
    return value


def text_field(record: dict[str, object], name: str, where: str) -> str:
    """Return `record[name]`, a string that is not blank.

    Raises:
        UserError: missing, not a string, blank, or not encodable as UTF-8.
    """
    value = record.get(name)
    if value is None:
        raise UserError(f'{where}: no "{name}"; add it')
    if not isinstance(value, str):
        raise UserError(f'{where}: "{name}" must be a string, found {kind(value)}')
    if not value.strip():
        raise UserError(f'{where}: "{name}" is empty; fill it or remove the entry')
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can spell it, no tokenizer or hash can take it
        raise UserError(f'{where}: "{name}" holds half a surrogate pair; mend it') from None
    return value


def _optional_field(record: dict[str, object], name: str, where: str) -> str:
    """Return `record[name]` as `text_field` does, or "" where it is absent, null or blank."""
    value = record.get(name)
    is_blank = value is None or (isinstance(value, str) and not value.strip())
    return "" if is_blank else text_field(record, name, where)


def id_field(record: dict[str, object], where: str) -> str:
    """Return `record["id"]` as a string; a whole number is taken as its digits.

    Raises:
        UserError: missing, blank, or of another type.
    """
    value = record.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text_field(record, "id", where)


def check_unique(entry_id: str, number: int, places: dict[str, int], path: Path) -> None:
    """Note in `places` that `entry_id` stands on line `number`.

    Raises:
        UserError: it stands on an earlier line too.
    """
    if entry_id in places:
        raise UserError(
            f"{path}, line {number}: id {entry_id!r} is already used on line {places[entry_id]}; "
            "make ids unique"
        )
    places[entry_id] = number


def kind(value: object) -> str:
    """Return what JSON calls the type of `value`."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
