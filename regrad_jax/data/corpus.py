"""Reads a corpus of documents from a file or a folder."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from regrad_jax.data.documents import Document
from regrad_jax.data.fields import check_unique, id_field, optional_text_field, text_field
from regrad_jax.data.text_files import read_json_lines, read_lines, read_text, require_utf8_name
from regrad_jax.errors import UserError

TEXT_SUFFIXES = (".txt", ".md")
_COLUMNS = ("id", "text", "title", "source")
_FORMS = "give a .jsonl file, a .tsv file, or a folder of .txt and .md files"


def read_corpus(path: str | Path) -> list[Document]:
    """Returns the documents of a corpus, in the order of the file; a folder's by their relative paths.

    There are three forms, all in UTF-8:
        .jsonl  One object a line: "id" (a string or a whole number), "text", and optionally "title" and
                "source".
        .tsv    A header names the columns id and text, and optionally title and source. Columns are separated
                by tabs, and fields are quoted as in CSV. DPR's psgs_w100.tsv has this form.
        folder  Every .txt and .md file below it, except hidden ones. A document's id and source are its path
                relative to the folder. Links to folders are followed, and a folder that can be reached in
                several ways is read once.

    Raises:
        UserError: the corpus is missing, empty or in no known form; a file or folder cannot be read; a
            document is empty; a line is broken, or a field has the wrong type; an id or a key stands
            twice; a text or a file's name is not UTF-8. The message names the file and the line.
    """
    path = Path(path)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    if is_folder:
        documents = _read_folder(path)
    elif not exists:
        raise UserError(f"{path}: no such corpus; {_FORMS}")
    elif path.suffix.lower() == ".jsonl":
        documents = _documents(read_json_lines(path), path)
    elif path.suffix.lower() == ".tsv":
        documents = _documents(_read_tsv(path), path)
    else:
        raise UserError(f"{path}: not a form of corpus that is known; {_FORMS}")
    if not documents:
        raise UserError(f"{path}: the corpus holds no documents; {_FORMS}")
    return documents


def _documents(records: Iterable[tuple[int, dict[str, object]]], path: Path) -> list[Document]:
    """Turns numbered records into documents; checks every field, and that no id stands twice."""
    documents: list[Document] = []
    lines: dict[str, int] = {}
    for number, record in records:
        where = f"{path}, line {number}"
        document_id = id_field(record, where)
        check_unique(document_id, number, lines, path)
        text = text_field(record, "text", where)
        title, source = (optional_text_field(record, name, where) for name in ("title", "source"))
        documents.append(Document(document_id, text, title=title, source=source))
    return documents


def _read_folder(folder: Path) -> list[Document]:
    documents: list[Document] = []
    for name in sorted(file.relative_to(folder).as_posix() for file in _text_files(folder)):
        require_utf8_name(name, folder / name)
        text = read_text(folder / name)
        if not text.strip():
            raise UserError(f"{folder / name}: the document is empty; fill it or remove the file")
        documents.append(Document(name, text, source=name))
    return documents


def _text_files(folder: Path) -> Iterator[Path]:
    """Yields the text files below a folder, except hidden ones.

    Folders wait in one of two lists. Linked ones are entered only after all others, so that a file keeps the
    path that it has without links. A folder is known by its device and inode, so that cycles of links end.
    """
    waiting: list[Path] = [folder]
    linked: list[Path] = []
    entered: set[tuple[int, int]] = set()
    while waiting or linked:
        here = waiting.pop() if waiting else linked.pop(0)
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            for path in sorted(here.iterdir()):
                if path.name.startswith("."):
                    continue
                if path.is_dir():
                    (linked if path.is_symlink() else waiting).append(path)
                elif path.suffix.lower() in TEXT_SUFFIXES and path.is_file():
                    yield path
                elif path.suffix.lower() in TEXT_SUFFIXES or _is_broken_link_to_a_folder(path):
                    raise UserError(f"{path}: neither a file nor a folder; mend the link, or remove it")
        except OSError as error:
            unreadable = error.filename or here
            raise UserError(
                f"{unreadable}: cannot be read ({error.strerror}); change its permissions, or move it away"
            ) from None


def _is_broken_link_to_a_folder(path: Path) -> bool:
    """Returns whether this link leads nowhere and may have led to a folder: its name has no suffix."""
    return path.is_symlink() and not path.exists() and not path.suffix


def _read_tsv(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Yields (number of the record's first line, record) from a tab-separated file with a header."""
    csv.field_size_limit(2**31 - 1)  # the default refuses documents above 128 KiB
    # strict: a quote never closed is an error, not a document that swallows the rest of the file.
    rows = csv.reader(read_lines(path), delimiter="\t", strict=True)
    header: list[str] = []
    line = 1
    try:
        for row in rows:
            if not header:
                header = _header(row, path)
            elif row and len(row) != len(header):
                raise UserError(
                    f"{path}, line {line}: {len(row)} columns where the header has {len(header)}; "
                    "quote fields that hold tabs or line breaks"
                )
            elif row:
                yield line, dict(zip(header, row, strict=True))
            line = rows.line_num + 1
    except csv.Error as error:
        if "new-line character" in str(error):  # what `csv` says of a carriage return within a line
            raise UserError(
                f"{path}, line {line}: a carriage return without a line feed; remove it, or quote the field "
                "that holds it"
            ) from None
        raise UserError(
            f"{path}, line {line}: broken quoting ({error}); close every quoted field, and write "
            "a quote inside one twice"
        ) from None


def _header(row: list[str], path: Path) -> list[str]:
    header = [name.strip().lower() for name in row]
    if not {"id", "text"} <= set(header):
        raise UserError(
            f'{path}, line 1: the header must name "id" and "text" (and may name "title" and "source"), tabs '
            f"between; found {header[:4]}"
        )
    if repeated := [name for name in _COLUMNS if header.count(name) > 1]:
        raise UserError(f'{path}, line 1: the header names "{repeated[0]}" twice; keep one of the columns')
    return header
