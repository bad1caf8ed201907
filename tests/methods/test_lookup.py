"""What questions take from a bank: documents, weights and rows, from the disk or from device memory."""

import logging
import threading

import jax
import numpy as np
import pytest

from regrad_jax.data.documents import Document
from regrad_jax.errors import UserError
from regrad_jax.library.banks import BuildOptions
from regrad_jax.methods.lookup import Lookup
from regrad_jax.methods.options import Options
from regrad_jax.session import Session
from tests.tiny_regrad import SILENT, damage, without_times

FLOAT32 = BuildOptions(codec="float32")
FOUR = Options(top_k=4, max_new_tokens=6)


@pytest.fixture
def bank(regrad, people, tmp_path):
    """Opened anew, since a bank knows the records that it has written."""
    documents = [Document(str(i), d.text) for i, d in enumerate(people.documents[:11])]
    regrad.build(documents, tmp_path / "bank", FLOAT32, SILENT)
    return regrad.open(tmp_path / "bank")


def assert_same(theta, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), theta, expected)


def test_adapted_parameters_are_the_weighted_step(regrad, people_bank, people):
    question = people.questions[0]
    found = Lookup(regrad.runtime, people_bank).search([question], Options(top_k=3))
    rows = np.asarray(people_bank.read_rows(found.positions_QxK[0]))
    temperature = np.exp(float(regrad.checkpoint.meta.log_temperature))
    weights = np.exp(found.scores_QxK[0] / temperature)
    expected = regrad.checkpoint.layout.unflatten((weights / weights.sum()) @ rows)
    theta = regrad.adapt(question.question, people_bank, Options(top_k=3, gamma=0.5))
    for target in theta:
        step = 0.5 * 50.0 * np.asarray(expected[target]["R"])
        np.testing.assert_allclose(theta[target]["R"], -step, rtol=1e-4, atol=1e-5 * np.abs(step).max())


def test_rows_in_device_memory_adapt_as_rows_that_are_read(regrad, bank, people, monkeypatch):
    read, resident = Session(regrad.runtime, bank), Session(regrad.runtime, regrad.open(bank.place.path))
    questions = [q.question for q in people.questions[:3]]
    expected, step = read.ask(questions, FOUR), read.adapt(questions[0], FOUR)
    rows = resident.load_rows(SILENT)
    assert rows.bytes_a_device == 2 * bank.packed_bytes  # of nine to sixteen rows on eight devices
    with monkeypatch.context() as patch:  # nothing of the bank is read from here on
        for name in ("read_sound", "read_packed", "read_rows"):
            patch.setattr(type(bank), name, None)
        answers, again = resident.ask(questions, FOUR), resident.adapt(questions[0], FOUR)
    assert without_times(answers) == without_times(expected)
    assert_same(again, step)


def test_rows_in_device_memory_serve_batches_that_are_looked_up_ahead(regrad, bank, people):
    session = Session(regrad.runtime, bank)
    batches = [people.questions[:4], people.questions[4:8], people.questions[8:]]
    expected = [session.ask(batch, FOUR) for batch in batches]
    session.load_rows(SILENT)
    answers = list(session.ask_in_batches(batches, FOUR))
    assert [without_times(batch) for batch in answers] == [without_times(batch) for batch in expected]


def test_a_commit_is_seen_by_rows_in_device_memory(regrad, bank, people):
    session = Session(regrad.runtime, bank)
    question = people.questions[:1]
    [before] = session.ask(question, FOUR)
    session.load_rows(SILENT)
    best = bank.records[before.documents[0].position]
    positions, keys_NxE = bank.keys()
    row, key = bank.read_rows([best.position]), keys_NxE[positions == best.position]
    with bank:
        bank.delete([best.id])
        [answer] = session.ask(question, FOUR)
        assert best.id not in {cited.id for cited in answer.documents}
        bank.append([best], row, key)
        [answer] = session.ask(question, FOUR)
    assert answer.answer == before.answer and best.id in {cited.id for cited in answer.documents}


@pytest.mark.parametrize("loaded", [False, True], ids=["read", "resident"])
def test_a_damaged_row_is_passed_over_with_a_warning_and_not_cited(loaded, regrad, bank, people, caplog):
    question = people.questions[0]
    cited = Session(regrad.runtime, bank).ask([question], Options(top_k=3, max_new_tokens=4))[0].documents
    damage(bank, cited[2].position, "row")
    damaged = Session(regrad.runtime, regrad.open(bank.place.path))
    if loaded:
        damaged.load_rows(SILENT)
    with caplog.at_level(logging.WARNING):
        [answer] = damaged.ask([question], Options(top_k=3, max_new_tokens=4))
    [warning] = caplog.messages
    assert f"stored gradients of {cited[2].id!r} are damaged" in warning and "--damaged" in warning
    assert [c.id for c in answer.documents] == [c.id for c in cited[:2]]
    # What is left weighs as if it had been all.
    two = Session(regrad.runtime, bank).adapt(question.question, Options(top_k=2))
    assert_same(damaged.adapt(question.question, Options(top_k=3)), two)


def test_a_document_whose_record_is_lost_is_passed_over_with_a_warning(regrad, bank, caplog):
    lost = bank.records[0].id
    damage(bank, 0, "record")
    session = Session(regrad.runtime, regrad.open(bank.place.path))
    for mode in ("regrad", "regrad+icl", "rag"):
        caplog.clear()
        [answer] = session.ask(["Who?"], Options(mode, top_k=99, max_new_tokens=4))
        assert len(answer.documents) == len(bank) - 1 and lost not in {cited.id for cited in answer.documents}
        assert "1 of the documents found cannot be read" in caplog.text


def test_rows_of_an_empty_bank_cannot_be_loaded(regrad, tmp_path):
    with pytest.raises(UserError, match="is empty; there are no rows to load"):
        Session(regrad.runtime, regrad.create(tmp_path / "empty")).load_rows()


def test_two_threads_may_look_up_at_once(regrad, bank, people):
    lookup, options = Lookup(regrad.runtime, bank), Options(top_k=2)
    expected = lookup.search(people.questions, options).positions_QxK
    found = {}

    def search(name):
        found[name] = lookup.search(people.questions, options).positions_QxK

    threads = [threading.Thread(target=search, args=[n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for positions in found.values():
        np.testing.assert_array_equal(positions, expected)
