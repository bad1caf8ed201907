"""What verify reports, and what info counts."""

import dataclasses
import json
import random
import subprocess

import numpy as np
import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.records import pack_record
from regrad_jax.bank.storage.database import document_keys, record_key
from regrad_jax.errors import UserError
from tests.bank.banks import (
    FINGERPRINT,
    E,
    P,
    append,
    arrays,
    assert_holds,
    files,
    flip,
    flip_stored,
    ids,
    manifest,
    write_past,
)


@pytest.mark.parametrize("array", ["rows", "keys"])
def test_a_flipped_byte_is_reported_and_the_document_named(tmp_path, array):
    names, sound = ids("a", 6), [0, 1, 2, 3, 5]
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, names)
    flip_stored(tmp_path / "bank", arrays(names)[0 if array == "rows" else 1][4].tobytes())
    bank = Bank.open(tmp_path / "bank")
    progress: list[tuple[int, int]] = []
    [fault] = bank.verify(lambda done, total: progress.append((done, total)))
    assert (fault.position, fault.id) == (4, "a4") and fault.reason.startswith(f"{array[:-1]}: ")
    assert progress == [(6, 6)]
    if array == "rows":
        with pytest.raises(UserError, match="rows of 'a4' are damaged"):
            bank.read_rows(range(6))
        packed, usable = bank.read_sound(range(6))
        assert usable.tolist() == [True, True, True, True, False, True]
        np.testing.assert_array_equal(packed[sound], bank.read_packed(sound))
        assert not packed[4].any()
    else:
        assert bank.keys()[0].tolist() == sound
    np.testing.assert_array_equal(bank.read_rows(sound), arrays(names)[0][sound])
    with bank:
        assert bank.delete(damaged=True) == 1
        append(bank, ["a4"])
        assert bank.verify() == []
    assert_holds(Bank.open(tmp_path / "bank"), names)


def test_a_flip_in_the_record_names_its_position(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ["a", "b"])
        stored = pack_record(bank.records[1])
    flip_stored(tmp_path / "bank", stored)
    bank = Bank.open(tmp_path / "bank")
    assert [(f.position, f.reason) for f in bank.verify()] == [(1, "record: checksum mismatch")]
    assert bank.texts([0, 1]) == {0: "Text of a."}
    np.testing.assert_array_equal(bank.read_rows([0]), arrays(["a"])[0])


def test_random_bit_flips_are_never_silent(tmp_path):
    names, path = ids("a", 5), tmp_path / "bank"
    with Bank.create(path, manifest()) as bank:
        append(bank, names[:3])
        append(bank, names[3:])
    rng, detected = random.Random(0), 0
    for _ in range(120):
        candidates = files(path)
        file = rng.choices(candidates, [f.stat().st_size for f in candidates])[0]
        offset, bit = rng.randrange(file.stat().st_size), rng.randrange(8)
        flip(file, offset, bit)
        try:
            is_sound = Bank.open(path, FINGERPRINT).verify() == []
        except UserError:
            is_sound = False
        if is_sound:
            assert_holds(Bank.open(path, FINGERPRINT), names)
        detected += not is_sound
        flip(file, offset, bit)
    # The rest fell on tree nodes and heads of older versions, which nothing reads.
    assert detected > 80
    assert_holds(Bank.open(path), names)


def test_what_a_bank_lost_without_a_trace_is_noticed(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ["a", "b", "c"])
    write_past(tmp_path / "bank", dict.fromkeys(document_keys(1)))
    bank = Bank.open(tmp_path / "bank")
    [fault] = bank.verify()
    assert (fault.position, fault.id) == (None, "") and "1 of the bank's 3 documents" in fault.reason
    with bank:
        bank.delete(damaged=True)
        assert_holds(bank, ["a", "c"])
        assert bank.verify() == []


def test_rows_without_a_record_are_noticed(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ["a", "b"])
    write_past(tmp_path / "bank", {record_key(1): None})
    bank = Bank.open(tmp_path / "bank")
    assert [(f.position, f.id, f.reason.split(":")[0]) for f in bank.verify()] == [(1, "", "orphan")]
    with bank:
        assert bank.delete(damaged=True) == 1
        assert bank.verify() == []


def test_records_that_stand_in_anothers_place_or_under_anothers_id_are_noticed(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ["a", "b", "c"])
        own, other = bank.records[0], bank.records[1]
    twice = pack_record(dataclasses.replace(own, id="b"))
    write_past(tmp_path / "bank", {record_key(0): twice, record_key(2): pack_record(other)})
    bank = Bank.open(tmp_path / "bank")
    assert [(fault.position, fault.reason) for fault in bank.verify()] == [
        (0, "id: is that of the document at position 1 too"),
        (2, "record: is that of position 1"),
    ]


def test_a_text_that_is_not_its_digests_is_noticed(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ["a", "b"])
        forged = dataclasses.replace(bank.records[1], text="Another text.")
    write_past(tmp_path / "bank", {record_key(1): pack_record(forged)})
    [fault] = Bank.open(tmp_path / "bank").verify()
    assert (fault.position, fault.id, fault.reason) == (1, "b", "text: is not that of its sha256")


def test_info_accounts_for_every_byte_on_disk(tmp_path):
    with Bank.create(tmp_path / "bank", manifest("int8")) as bank:
        assert bank.info()["documents"] == 0
        append(bank, ids("a", 50))
        info = json.loads(json.dumps(bank.info()))
    assert (info["documents"], info["version"], info["codec"]) == (50, 1, "int8")
    assert info["fingerprint"] == {"base_model": "sha256:aa", "adapter_config": {"rank": 32}}
    du = subprocess.run(["du", "-sk", tmp_path / "bank"], capture_output=True, text=True, check=True)
    folders = 4 * 4096  # du counts the folders themselves too
    assert info["bytes"] <= int(du.stdout.split()[0]) * 1024 <= info["bytes"] + folders
    parts = info["bytes_per_document"]
    assert (parts["row"], parts["key"]) == (P + 2 * 2 + 4, 4 * E + 4)
    assert parts["total"] * 50 == pytest.approx(info["bytes"], rel=1e-3)
    assert sum(parts.values()) == pytest.approx(2 * parts["total"], abs=1)
