"""Questions to one bank."""

import threading

import pytest

from regrad_jax.errors import UserError
from regrad_jax.methods.base import Setup
from regrad_jax.methods.lookup import Lookup
from regrad_jax.methods.options import Options
from regrad_jax.methods.regrad import ReGradMethod
from regrad_jax.session import Session
from tests.tiny_regrad import SILENT, without_times

TWO = Options(top_k=2, max_new_tokens=4)


@pytest.fixture
def session(regrad, people_bank) -> Session:
    return Session(regrad.runtime, people_bank)


def test_batches_are_answered_in_order_while_the_next_is_looked_up(session, people, monkeypatch):
    batches = [people.questions[:4], people.questions[4:8], people.questions[8:]]
    expected = [session.ask(batch, TWO) for batch in batches]
    engine = session.runtime.engine
    draft, complete, done = ReGradMethod.draft, engine.complete, []
    started = {batch[0].id: threading.Event() for batch in batches}

    def drafting(self, batch):
        started[batch[0].id].set()
        return draft(self, batch)

    def completing(requests):
        done.append(None)
        following = batches[len(done) : len(done) + 1]
        assert all(started[batch[0].id].wait(60) for batch in following), "nothing is read ahead"
        return complete(requests)

    monkeypatch.setattr(ReGradMethod, "draft", drafting)
    monkeypatch.setattr(engine, "complete", completing)
    answers = list(session.ask_in_batches(batches, TWO))
    assert [without_times(batch) for batch in answers] == [without_times(batch) for batch in expected]
    assert list(session.ask_in_batches([], TWO)) == []


def test_gamma_zero_is_the_base_model_and_nothing_drifts(session, people):
    """theta* of this checkpoint is zero."""
    engine, runtime = session.runtime.engine, session.runtime
    before = engine.weights_digest()
    still = session.ask(people.questions, Options(gamma=0.0, max_new_tokens=6))
    setup = Setup(runtime, Options(max_new_tokens=6), Lookup(runtime, session.bank))
    draft = ReGradMethod(setup).draft(people.questions)
    requests = [request._replace(update=None) for request in draft.requests]
    plain = [runtime.base.tokenizer.decode(t) for t in engine.complete(requests).tokens]
    assert [a.answer for a in still] == [text.split("\n", 1)[0].strip() for text in plain]
    session.ask(people.questions, TWO)
    assert engine.weights_digest() == before


def test_an_older_version_can_be_asked(regrad, people, tmp_path):
    question = people.questions[0]
    bank, _ = regrad.build(people.documents[:4], tmp_path / "bank", progress=SILENT)
    with bank:
        bank.delete([question.document_id])
    nine = Options(top_k=9, max_new_tokens=1)
    cited = {}
    for version in (1, 2):
        [answer] = regrad.ask([question], regrad.open(tmp_path / "bank", version), nine)
        cited[version] = {c.document_id for c in answer.documents}
    assert cited[1] - cited[2] == {question.document_id}


def test_what_cannot_be_asked(regrad, session, people_bank, tmp_path):
    with pytest.raises(UserError, match="`mode` 'magic' is unknown; choose one of direct, rag"):
        session.ask(["what?"], Options("magic"))
    with pytest.raises(UserError, match="`mode` 'magic' is unknown"):
        list(session.ask_in_batches([["what?"]], Options("magic")))
    with pytest.raises(UserError, match="mode regrad needs a bank"):
        regrad.ask(["what?"])
    with pytest.raises(UserError, match="has no bank"):
        Session(regrad.runtime).adapt("what?")
    with pytest.raises(UserError, match="`questions` is a single text"):
        session.ask("what?")
    empty = Session(regrad.runtime, regrad.create(tmp_path / "empty"))
    with pytest.raises(UserError, match="is empty"):
        empty.ask(["what?"])
    assert session.ask([]) == []
