"""Records are stored small, and any change of the stored bytes is noticed."""

import json

import pytest

from regrad_jax.bank.records import Record, pack, pack_record, text_digest, unpack
from tests.bank.banks import entry

RECORD = Record.of(entry("a", text="Text \ud800 of a. " * 20), 7, "2026-01-01T00:00:00+00:00")


def test_a_record_comes_back_as_it_was_stored():
    assert (RECORD.position, RECORD.time, RECORD.document_id) == (7, "2026-01-01T00:00:00+00:00", "a")
    assert RECORD.sha256 == text_digest(RECORD.text)
    stored = pack_record(RECORD)
    assert Record(**unpack(stored)) == RECORD
    assert len(stored) < len(json.dumps(vars(RECORD)))


def test_any_flipped_bit_is_noticed():
    """The checksum is of the deflated bytes: zlib's own passes over the unused bits of the stream."""
    stored = pack({"id": "a"})
    for bit in range(8 * len(stored)):
        changed = bytearray(stored)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="checksum mismatch"):
            unpack(bytes(changed))
    for length in range(len(stored)):
        with pytest.raises(ValueError, match="checksum mismatch"):
            unpack(stored[:length])
