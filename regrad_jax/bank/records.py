"""What the bank knows of a document besides its gradient, and how this record is stored.

A stored record is JSON, deflated with zlib, followed by the CRC-32 of the deflated bytes (little-endian). It
is smaller than the text that it holds, and any language can read it.
"""

import dataclasses
import hashlib
import json
import zlib
from typing import Any

_CRC_BYTES = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """A document as its builder hands it to the bank.

    Attributes:
        id: unique in the bank; adding it again replaces the document.
        document_id: the document that this passage was cut from; equal to `id` when it is whole.
        text: the content that the gradient was computed on, the title in front.
        title: may be empty.
        source: where it came from (file, URL); may be empty.
        tokens: length of the text, in tokens of the base model.
        inner_loss: mean next-token loss of the text before adaptation, in nats.
    """

    id: str
    document_id: str
    text: str
    title: str = ""
    source: str = ""
    tokens: int
    inner_loss: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record(Entry):
    """A document in the bank.

    Attributes:
        position: its index in the arrays of rows and keys; never used again once deleted.
        sha256: of the text (`text_digest`).
        time: when it was committed, ISO 8601, UTC.
    """

    position: int
    sha256: str
    time: str

    @classmethod
    def of(cls, entry: Entry, position: int, time: str) -> "Record":
        """Returns the record of an entry that is committed at this position and time."""
        given = {field.name: getattr(entry, field.name) for field in dataclasses.fields(Entry)}
        return cls(**given, position=position, sha256=text_digest(entry.text), time=time)


def text_digest(text: str) -> str:
    """Returns the hexadecimal sha256 of the text's UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def pack(fields: dict[str, Any]) -> bytes:
    """Returns the stored form of a JSON object."""
    data = zlib.compress(json.dumps(fields, separators=(",", ":"), allow_nan=False).encode())
    # zlib's own checksum is of the text and passes over the stream's unused bits.
    return data + zlib.crc32(data).to_bytes(_CRC_BYTES, "little")


def unpack(data: bytes) -> dict[str, Any]:
    """Inverse of `pack`.

    Raises:
        ValueError: the bytes are damaged.
    """
    data, checksum = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
    if zlib.crc32(data).to_bytes(_CRC_BYTES, "little") != checksum:
        raise ValueError("checksum mismatch")
    return json.loads(zlib.decompress(data))


def pack_record(record: Record) -> bytes:
    """Returns a record as it is stored."""
    return pack(vars(record))
