"""Banks of a tiny checkpoint with random weights: what holds whatever the model knows."""

import dataclasses
import types
from typing import Any

import numpy as np
import pytest

from regrad_jax.api import ReGrad
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.manifest import Fingerprint
from regrad_jax.bank.records import Entry
from regrad_jax.data.documents import Document, Passage, join
from regrad_jax.errors import UserError
from regrad_jax.library import banks
from regrad_jax.library.banks import BuildOptions
from regrad_jax.library.passages import make_passages
from regrad_jax.library.runtime import Runtime
from tests.tiny_regrad import SILENT


def with_checkpoint(regrad: ReGrad, **changes) -> ReGrad:
    """The same models with a checkpoint that differs."""
    runtime = regrad.runtime
    return ReGrad(Runtime(dataclasses.replace(runtime.checkpoint, **changes), runtime.base, runtime.embedder))


def texts(bank: Bank) -> dict:
    return {r.id: (r.text, r.title, r.source, r.document_id) for r in bank.records.values()}


def test_a_bank_may_hold_some_of_the_adapters_tensors(regrad, people, tmp_path):
    whole_rows = BuildOptions(codec="float32")
    some_tensors = BuildOptions(codec="float32", tensors=["down", "up/R"], shards=2)
    bank, _ = regrad.build(people.documents, tmp_path / "whole", whole_rows, SILENT)
    some, built = regrad.build(people.documents, tmp_path / "b", some_tensors, SILENT)
    assert built.added == len(some) == len(bank)
    size = lambda bank: sum(np.prod(shape) for _, shape in bank.manifest.row_layout)
    assert some.manifest.row_length == size(some) == size(bank) * 2 / 3
    question = people.questions[0].question
    whole, part = regrad.adapt(question, bank), regrad.adapt(question, some)
    for target in whole:
        expected = 0 * whole[target]["R"] if target == "gate" else whole[target]["R"]
        np.testing.assert_allclose(part[target]["R"], expected, rtol=1e-5, atol=1e-7)
    assert np.abs(whole["gate"]["R"]).max() > 0
    again, built = regrad.rebuild(some, tmp_path / "again", progress=SILENT)
    assert again.manifest.row_layout == some.manifest.row_layout and again.manifest.shards == 2
    assert regrad.build(people.documents, tmp_path / "b", progress=SILENT)[1].added == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (BuildOptions(tensors=["gate"]), "holds down/R; leave `tensors` out"),
        (BuildOptions(shards=3), "has 2 shards, not 3; leave `shards` out"),
        (BuildOptions(codec="sign"), "is packed as int8, not sign; leave `codec` out"),
    ],
    ids=["tensors", "shards", "codec"],
)
def test_a_bank_is_not_built_on_otherwise(options, words, regrad, people, tmp_path):
    made_with = BuildOptions(codec="int8", shards=2, tensors=["down"])
    regrad.create(tmp_path / "b", made_with)
    with pytest.raises(UserError, match=words):
        regrad.build(people.documents, tmp_path / "b", options, SILENT)


def test_tensors_that_the_adapter_lacks_make_no_bank(regrad, tmp_path):
    with pytest.raises(UserError, match="the adapter has no tensors 'B'; choose among R, down, down/R, gate"):
        regrad.create(tmp_path / "none", BuildOptions(tensors=["B"]))
    assert not (tmp_path / "none").exists()


def test_a_bank_of_other_tensors_is_rebuilt_with_all_of_this_checkpoints(regrad, people_bank, tmp_path):
    fields = dict(people_bank.manifest.fingerprint.fields)
    fields["adapter"] = fields["adapter"] | {"kind": "lora"}
    layout = [[f"{target}/{factor}", [1, 2, 3]] for target in ("down", "gate", "up") for factor in "AB"]
    manifest = dataclasses.replace(people_bank.manifest, fingerprint=Fingerprint(fields), row_layout=layout)
    record = next(iter(people_bank.records.values()))
    with Bank.create(tmp_path / "old", manifest) as old:
        old.append([record], np.zeros((1, manifest.row_length)), np.eye(1, manifest.key_width))
    new, _ = regrad.rebuild(old, tmp_path / "new", progress=SILENT)
    assert new.manifest.row_layout == people_bank.manifest.row_layout
    assert [r.text for r in new.records.values()] == [record.text]


def test_building_again_costs_nothing_and_a_changed_document_replaces_its_row(regrad, people, tmp_path):
    documents = people.documents[:4]
    bank, _ = regrad.build(documents, tmp_path / "b", progress=SILENT)
    count = len(bank)
    _, again = regrad.build(documents, tmp_path / "b", progress=SILENT)
    assert (again.added, again.unchanged) == (0, count)
    changed = dataclasses.replace(documents[1], text="A short new text.", title="")
    bank, built = regrad.build([*documents[:1], changed], tmp_path / "b", progress=SILENT)
    assert built.added == 1
    assert [r.text for r in bank.records.values() if r.id == changed.id] == ["A short new text."]


def test_an_interrupted_build_goes_on_where_it_stopped(regrad, people, tmp_path, monkeypatch):
    encode, calls = banks.encode_passages, []

    def dying(runtime, passages, **options):
        calls.append(len(passages))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return encode(runtime, passages, **options)

    documents = [
        dataclasses.replace(d, id=f"{d.id}-{n}", text=f"{n} {d.text}")
        for n in range(3)
        for d in people.documents
    ]
    monkeypatch.setattr(banks, "encode_passages", dying)
    with pytest.raises(KeyboardInterrupt):
        regrad.build(documents, tmp_path / "b", progress=SILENT)
    monkeypatch.setattr(banks, "encode_passages", encode)
    bank, built = regrad.build(documents, tmp_path / "b", progress=SILENT)
    assert built.unchanged == calls[0] > 0
    assert len(bank) == built.added + built.unchanged == len(make_passages(regrad.runtime, documents))
    assert len({r.id for r in bank.records.values()}) == len(bank)


def test_a_gradient_that_is_not_finite_is_refused_by_name(regrad, people, tmp_path, monkeypatch):
    encode = banks.encode_passages

    def broken(runtime, passages, **options):
        encoded = encode(runtime, passages, **options)
        encoded.rows_NxP[0, 7] = np.nan
        return encoded

    monkeypatch.setattr(banks, "encode_passages", broken)
    bank, built = regrad.build(people.documents[:3], tmp_path / "b", progress=SILENT)
    assert len(built.refused) == 1
    assert built.refused[0] not in {r.id for r in bank.records.values()}
    assert len(bank) == built.added > 0


def test_a_bank_of_another_checkpoint_is_refused_by_field(regrad, people_bank):
    other = with_checkpoint(regrad, document_tokens=64)
    with pytest.raises(UserError, match="document_tokens is 96 in the bank, 64 here"):
        other.open(str(people_bank.place))
    with pytest.raises(UserError, match="document_tokens is 96 in the bank, 64 here"):
        other.ask(["Who?"], people_bank)  # a bank that another checkpoint has opened
    with pytest.raises(UserError, match="there is no bank at"):
        regrad.open("absent")


def test_a_bank_with_the_keys_of_another_encoder_is_refused(regrad, people_bank):
    runtime = regrad.runtime
    encoder: Any = types.SimpleNamespace(digest="other", name="other", width=runtime.embedder.width)
    other = ReGrad(Runtime(runtime.checkpoint, runtime.base, encoder))
    words = f"has keys of {runtime.embedder.name}, and this checkpoint searches by those of other"
    with pytest.raises(UserError, match=words):
        other.open(str(people_bank.place))
    with pytest.raises(UserError, match=words):
        other.ask(["Who?"], people_bank)


def test_rebuild_makes_the_bank_that_a_build_would_make(regrad, people_bank, tmp_path):
    int4 = BuildOptions(codec="int4")
    new, built = regrad.rebuild(people_bank, tmp_path / "new", int4, SILENT)
    assert built.added == len(new) == len(people_bank)
    assert texts(new) == texts(people_bank)
    positions = {r.id: p for p, r in people_bank.records.items()}
    [old_row] = np.asarray(people_bank.read_rows([positions[new.records[0].id]]))
    [new_row] = np.asarray(new.read_rows([0]))
    assert np.linalg.norm(new_row - old_row) < 0.2 * np.linalg.norm(old_row)
    assert regrad.rebuild(people_bank, tmp_path / "new", int4, SILENT)[1].unchanged == len(people_bank)
    with pytest.raises(UserError, match="is the bank to be rebuilt"):
        regrad.rebuild(people_bank, str(people_bank.place))
    with pytest.raises(UserError, match="is empty; there is nothing to build again"):
        regrad.rebuild(regrad.create(tmp_path / "empty"), tmp_path / "other")


def test_rebuild_cuts_again_what_a_shorter_checkpoint_cannot_hold(regrad, people_bank, tmp_path):
    new, _ = with_checkpoint(regrad, document_tokens=40).rebuild(
        people_bank, tmp_path / "new", progress=SILENT
    )
    assert len(new) > len(people_bank)
    words = lambda bank: {word for p in bank.passages() for word in p.text.split()}
    # Titles are cut short where they are long.
    titles = {word for p in people_bank.passages() for word in f"{p.title}:".split()}
    assert words(people_bank) <= words(new)
    assert words(new) <= words(people_bank) | titles | {p.title for p in new.passages()}


def test_a_text_that_looks_titled_is_rebuilt_as_it_was(regrad, tmp_path):
    bank, _ = regrad.build([Document("a", ": so it began")], tmp_path / "b", progress=SILENT)
    assert [passage.text for passage in bank.passages()] == [": so it began"]


def test_passages_of_foreign_names_are_rebuilt(regrad, tmp_path):
    """`append` accepts any id. Pieces that are too long are joined in their order, and cut anew."""
    names = {"a#b": "a", "a#a": "a", "x#1#2": "x#1", "x#1#0": "x#1", "elsewhere": "y", "short": "z"}
    piece = lambda id: f"Word {id}." + " More." * (0 if id == "short" else 30)
    with regrad.create(tmp_path / "old") as old:
        entries = [
            Entry(id=id, document_id=names[id], text=f"T: {piece(id)}", title="T", tokens=9, inner_loss=1.0)
            for id in names
        ]
        width = old.manifest.key_width
        old.append(entries, np.zeros((len(names), old.manifest.row_length)), np.eye(len(names), width))
    new, _ = with_checkpoint(regrad, document_tokens=40).rebuild(old, tmp_path / "new", progress=SILENT)
    by_document: dict[str, list[Passage]] = {}
    for passage in new.passages():
        by_document.setdefault(passage.document_id, []).append(passage)
    assert {id: join(pieces).text.split() for id, pieces in by_document.items()} == {
        "a": f"{piece('a#b')} {piece('a#a')}".split(),
        "x#1": f"{piece('x#1#0')} {piece('x#1#2')}".split(),
        "y": piece("elsewhere").split(),
        "z": piece("short").split(),
    }
    assert all(len(pieces) > 1 for id, pieces in by_document.items() if id != "z")
    assert [passage.id for passage in by_document["z"]] == ["short"]
