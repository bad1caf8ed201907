"""docs/bank-format.md is enough to read a bank: here with TensorStore, zlib and NumPy alone."""

import hashlib
import json
import zlib

import numpy as np
import pytest
import tensorstore as ts

from regrad_jax.bank.bank import Bank
from tests.bank.banks import P, append, arrays, ids, manifest

# codec -> (digits a byte, their base, what is taken off a digit, numbers a block), as the page's table says
DIGITS = {
    "int4": (2, 16, 7.5, 64),
    "int2": (4, 4, 1.5, 64),
    "ternary": (5, 3, 1.0, 256),
    "sign": (8, 2, 0.5, 256),
}


def _unpack(packed: np.ndarray, codec: str, length: int) -> np.ndarray:
    if codec == "float32":
        return packed.view("<f4")
    if codec in ("float16", "int8"):
        dtype, block = {"float16": ("<f2", 64), "int8": ("i1", 64)}[codec]
        size = np.dtype(dtype).itemsize * length
        values = packed[:size].view(dtype).astype(np.float32)
    else:
        count, base, middle, block = DIGITS[codec]
        size = -(-length // count)
        digits = [packed[:size].astype(int) // base**place % base for place in range(count)]
        values = (np.stack(digits, axis=1).ravel()[:length] - middle).astype(np.float32)
    scales = (packed[size:].view("<u2").astype(np.uint32) << 16).view(np.float32)  # bfloat16
    assert len(scales) == -(-length // block)
    return values * np.repeat(scales, block)[:length]


def _inflate(stored: bytes) -> dict:
    data, checksum = stored[:-4], stored[-4:]
    assert zlib.crc32(data).to_bytes(4, "little") == checksum
    return json.loads(zlib.decompress(data))


@pytest.mark.parametrize("codec", ["float32", "float16", "int8", *DIGITS])
def test_a_bank_can_be_read_by_its_page(tmp_path, codec):
    with Bank.create(tmp_path / "bank", manifest(codec)) as bank:
        append(bank, ids("a", 5))
        bank.delete(["a3"])
        bank.compact()
        expected = dict(
            zip(bank.positions().tolist(), np.asarray(bank.read_rows(bank.positions())), strict=True)
        )

    facts = json.loads((tmp_path / "bank" / "manifest.json").read_text())
    checksum = facts.pop("checksum")
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode("ascii")).hexdigest() == checksum
    assert (facts["codec"], facts["row_length"], facts["shards"]) == (codec, P, 1)

    numbered = [path for path in (tmp_path / "bank" / "shards").glob("00000*") if path.is_dir()]
    shard = max(numbered, key=lambda path: int(path.suffix[1:] or 0))
    database = {"driver": "ocdbt", "base": f"file://{shard}/"}
    kv = ts.KvStore.open(database).result()
    names = [key.decode() for key in kv.list().result()]
    records = [_inflate(kv[name]) for name in names if name.startswith("records/")]
    head = _inflate(kv["head"])
    assert (head["documents"], head["next_position"], head["oldest"]) == (4, 5, head["version"])
    stored = {
        name: ts.open({"driver": "zarr3", "kvstore": database | {"path": f"{name}/"}}).result()
        for name in ("rows", "keys")
    }
    assert {record["id"] for record in records} == {"a0", "a1", "a2", "a4"}
    for record in records:
        position = record["position"]
        assert f"records/{position:013d}" in names
        assert record["sha256"] == hashlib.sha256(record["text"].encode()).hexdigest()
        row = _unpack(np.asarray(stored["rows"][position]), codec, P)
        np.testing.assert_allclose(row, expected[position], rtol=1e-6)
        np.testing.assert_array_equal(stored["keys"][position], arrays([record["id"]])[1][0])
