"""The bank as its callers see it: made, filled, closed and opened again; and what is refused."""

import numpy as np
import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.manifest import Fingerprint
from regrad_jax.bank.storage import shard
from regrad_jax.data.documents import Passage, join
from regrad_jax.errors import UserError
from tests.bank.banks import FINGERPRINT, append, arrays, assert_holds, entry, ids, manifest


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_batch_is_read_back_as_it_was_given(tmp_path, count):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        assert append(bank, ids("a", count)) == list(range(count))
        assert bank.version == (1 if count else 0)
        assert_holds(bank, ids("a", count))
    assert_holds(Bank.open(tmp_path / "bank", FINGERPRINT), ids("a", count))
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


def test_two_sessions(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ids("a", 3))
    with Bank.open(tmp_path / "bank") as bank:
        assert append(bank, ids("b", 2)) == [3, 4]
    bank = Bank.open(tmp_path / "bank")
    assert bank.version == 2
    assert list(bank.records) == [0, 1, 2, 3, 4]
    assert_holds(bank, ids("a", 3) + ids("b", 2))


def test_a_bank_is_a_source_of_passages_for_retrieval(tmp_path):
    """State, index folder, positions, keys and texts tell an index of one version all that it needs."""
    with Bank.create(tmp_path / "bank", manifest(shards=2)) as bank:
        positions = append(bank, ids("a", 6))
        bank.delete(["a2"])
    del positions[2]
    bank = Bank.open(tmp_path / "bank")
    assert sum(bank.state) == bank.version and len(bank.state) == 2
    assert bank.index_folder == str(tmp_path / "bank" / "index")
    assert not bank.read_only and Bank.open(tmp_path / "bank", version=1).read_only
    assert bank.positions().dtype == np.int64 and bank.positions().tolist() == sorted(positions)
    two = np.array([positions[3], positions[0]])
    sound, keys_NxE = bank.keys(two)
    np.testing.assert_array_equal(sound, two)
    np.testing.assert_array_equal(keys_NxE, arrays(["a4", "a0"])[1])
    assert bank.texts(two) == {two[0]: "Text of a4.", two[1]: "Text of a0."}


def test_passages_come_back_as_they_were_given(tmp_path):
    """A title that occurs in the text stays there, and a text without its title in front stays as it is."""
    texts = {"a": "Tides: Tides: a table.", "b": "A table of Tides: see there.", "c": "Tides: ."}
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        entries = [
            entry(id, document_id="d", title="Tides", source="s", text=text) for id, text in texts.items()
        ]
        bank.append(entries, *arrays([*texts]))
    passages = Bank.open(tmp_path / "bank").passages()
    assert [p.text for p in passages] == ["Tides: a table.", "A table of Tides: see there.", "."]
    assert {(p.document_id, p.title, p.source) for p in passages} == {("d", "Tides", "s")}
    assert [passages[0].content, passages[2].content] == [texts["a"], texts["c"]]


def test_passages_of_foreign_names_are_joined_to_their_documents(tmp_path):
    """What `append` accepts can be rebuilt: ids are the caller's business, and pieces keep their order."""
    names = {"a#b": "a", "a": "a", "x#1#2": "x#1", "x#1#0": "x#1", "elsewhere": "y", "y#0": "y"}
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        bank.append([entry(id, document_id=names[id]) for id in names], *arrays([*names]))
    by_document: dict[str, list[Passage]] = {}
    for passage in Bank.open(tmp_path / "bank").passages():
        by_document.setdefault(passage.document_id, []).append(passage)
    assert {id: join(pieces).text for id, pieces in by_document.items()} == {
        "a": "Text of a#b.\nText of a.",
        "x#1": "Text of x#1#0.\nText of x#1#2.",
        "y": "Text of elsewhere.\nText of y#0.",
    }


def test_another_fingerprint_is_refused(tmp_path):
    Bank.create(tmp_path / "bank", manifest())
    other = Fingerprint({"base_model": "sha256:aa", "adapter_config": {"rank": 16}})
    with pytest.raises(UserError, match=r"adapter_config\.rank is 32 in the bank, 16 here"):
        Bank.open(tmp_path / "bank", other)


def test_of_two_that_make_a_bank_at_once_one_is_told(tmp_path, monkeypatch):
    create = shard.create

    def overtaken(*arguments):
        monkeypatch.setattr(shard, "create", create)
        append(Bank.create(tmp_path / "bank", manifest()), ["a"])
        create(*arguments)

    monkeypatch.setattr(shard, "create", overtaken)
    with pytest.raises(UserError, match="cannot create a bank at .*bank: Directory not empty"):
        Bank.create(tmp_path / "bank", manifest())
    assert_holds(Bank.open(tmp_path / "bank"), ["a"])
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


def test_where_no_bank_can_be_is_told(tmp_path):
    (tmp_path / "file").write_text("hello")
    with pytest.raises(UserError, match="cannot create a bank at .*file/bank: "):
        Bank.create(tmp_path / "file" / "bank", manifest())


def test_what_is_not_a_bank_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no bank at .*nowhere"):
        Bank.open(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="there is no bank at .*empty: make one"):
        Bank.open(tmp_path / "empty")
    (tmp_path / "empty" / "thesis.txt").write_text("...")
    with pytest.raises(UserError, match=r"is not a bank: it holds no manifest\.json"):
        Bank.open(tmp_path / "empty")
    (tmp_path / "empty" / "thesis.txt").unlink()
    (tmp_path / "file").write_text("hello")
    with pytest.raises(UserError, match="is not a bank"):
        Bank.open(tmp_path / "file")
    with pytest.raises(UserError, match="exists and is not empty"):
        Bank.create(tmp_path / "file", manifest())
    with pytest.raises(UserError, match="exists and is not empty"):
        Bank.create(tmp_path, manifest())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]
    append(Bank.create(tmp_path / "empty", manifest()), ["a"])


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b'{"schema_version": 1}'])
def test_a_damaged_manifest_is_refused(tmp_path, text):
    Bank.create(tmp_path / "bank", manifest())
    (tmp_path / "bank" / "manifest.json").write_bytes(text)
    with pytest.raises(UserError, match=r"manifest\.json is damaged"):
        Bank.open(tmp_path / "bank")


@pytest.mark.parametrize("damage", ["lost", "overwritten", "lost with its folder", "a file in its place"])
def test_a_damaged_database_is_refused(tmp_path, damage):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ["a"])
    folder = tmp_path / "bank" / "shards" / "00000"
    if damage == "lost":
        (folder / "manifest.ocdbt").unlink()
    elif damage == "overwritten":
        (folder / "manifest.ocdbt").write_bytes(b"nonsense")
    else:
        folder.rename(tmp_path / "elsewhere")
        if damage == "a file in its place":
            folder.write_text("hello")
    with pytest.raises(UserError, match="is damaged .*restore it"):
        Bank.open(tmp_path / "bank")
