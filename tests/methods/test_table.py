"""Every method answers in order, in its own words, and names its documents."""

import dataclasses

import numpy as np
import pytest

from regrad_jax.api import ReGrad
from regrad_jax.data.documents import Document, Question
from regrad_jax.data.prompts import PROMPTS, fill
from regrad_jax.engine.requests import Completions
from regrad_jax.errors import UserError
from regrad_jax.library.runtime import Runtime
from regrad_jax.methods.base import Setup
from regrad_jax.methods.lookup import Lookup
from regrad_jax.methods.options import Options
from regrad_jax.methods.table import METHODS, make_method
from tests.tiny_regrad import SILENT


@pytest.mark.parametrize("mode", METHODS)
def test_every_method_answers_in_order_and_names_its_documents(mode, regrad, people_bank, people):
    options = Options(mode, top_k=2, max_new_tokens=6)
    answers = regrad.ask(people.questions, people_bank, options)
    assert [a.question for a in answers] == [q.question for q in people.questions]
    assert {a.mode for a in answers} == {mode}
    assert {len(a.documents) for a in answers} == {0 if mode == "direct" else 2}
    assert list(answers[0].timings_ms) == ["retrieve", "read", "adapt", "generate"]
    assert not any(a.error for a in answers)
    if mode == "direct":
        return
    # The retrieval is real: names find their people.
    hits = [
        q.document_id in {cited.document_id for cited in a.documents}
        for q, a in zip(people.questions, answers, strict=True)
    ]
    assert np.mean(hits) > 0.8
    for cited in answers[0].documents:
        record = people_bank.records[cited.position]
        assert (cited.id, cited.text, cited.document_id) == (record.id, record.text, record.document_id)
    weights = [sum(cited.weight for cited in a.documents) for a in answers]
    np.testing.assert_allclose(weights, 1.0 if METHODS[mode].uses_rows else 0.0, atol=1e-6)


@pytest.mark.parametrize("mode", METHODS)
def test_a_method_prepares_itself_on_documents(mode, regrad, people, tmp_path):
    """What an evaluation does: no bank is given, and one that is there holds other documents."""
    regrad.build([Document("old", "Something else.")], tmp_path / "bank", progress=SILENT)
    setup = Setup(regrad.runtime, Options(mode, max_new_tokens=3), folder=tmp_path / "bank", progress=SILENT)
    method = make_method(setup)
    method.prepare(people.documents[:3])
    answers = method.answer(people.questions[:2])
    assert len(answers) == 2
    if METHODS[mode].uses_bank:
        owners = {record.document_id for record in regrad.open(tmp_path / "bank").records.values()}
        assert owners == {document.id for document in people.documents[:3]}
        with pytest.raises(UserError, match="needs a folder for its bank"):
            make_method(dataclasses.replace(setup, folder=None)).prepare(people.documents)
        with pytest.raises(UserError, match=f"mode {mode.replace('+', '.')} needs a bank"):
            make_method(setup).answer(people.questions)


def test_a_question_in_a_batch_is_answered_as_if_alone(regrad, people_bank, people):
    """Eight devices, eleven questions, each with other gradients."""
    options = Options(top_k=1, max_new_tokens=6)
    together = [a.answer for a in regrad.ask(people.questions, people_bank, options)]
    alone = [regrad.ask([q], people_bank, options)[0].answer for q in people.questions[::3]]
    assert together[::3] == alone
    unmoved = regrad.ask(people.questions, people_bank, dataclasses.replace(options, gamma=0.0))
    assert sum(a != b.answer for a, b in zip(together, unmoved, strict=True)) > 5  # the gradients matter


def test_a_question_that_is_too_long_keeps_no_other_from_its_answer(regrad, people_bank, people):
    questions = [people.questions[0], Question("long", "why " * 3000, ()), people.questions[1]]
    options = Options(top_k=1, max_new_tokens=4)
    first, long, second = regrad.ask(questions, people_bank, options)
    assert "lower `top_k`, or ask a shorter question" in long.error and long.answer == ""
    alone = [regrad.ask([q], people_bank, options)[0] for q in (questions[0], questions[2])]
    assert [first.answer, second.answer] == [a.answer for a in alone]
    [answer] = regrad.ask(["why?"], people_bank, Options(max_new_tokens=100_000))
    assert answer.error.startswith("`max_new_tokens` is 100000, and the model holds 1024")


class Speaking:
    """An engine that has learned the family's form: it says what it is told to, and a line more."""

    positions = 1024

    def __init__(self, tokenizer, family):
        self.says, self.prompts = "Ann", []
        self._tokenizer, self._family = tokenizer, family

    def complete(self, requests):
        self.prompts += [self._tokenizer.decode(request.tokens) for request in requests]
        text = str(self._family.answer(self.says)).replace("<|end|>", "") + "\nmore"
        tokens = np.array(self._tokenizer(text)["input_ids"])
        return Completions([tokens for _ in requests], 0.0, 0.0)


@pytest.mark.parametrize("name", ["chat", "reference", "simple_raw"])
def test_a_checkpoint_is_asked_in_the_words_of_its_family(name, regrad, people, tmp_path, monkeypatch):
    runtime = regrad.runtime
    tokenizer = runtime.base.tokenizer
    template = "{% for m in messages %}<|end|>{{ m.content }}{% endfor %}<|end|>"
    monkeypatch.setattr(tokenizer, "chat_template", template)
    checkpoint = dataclasses.replace(runtime.checkpoint, prompts=name)
    other = ReGrad(Runtime(checkpoint, runtime.base, runtime.embedder))
    family, chat = (PROMPTS[family](tokenizer) for family in (name, "chat"))
    [question, *_] = people.questions
    text = next(d.text for d in people.documents if d.id == question.document_id)
    document = Document(str(question.document_id), text[:120], title="A title")
    bank, _ = other.build([document], tmp_path / "bank", progress=SILENT)
    assert bank.records[0].tokens == len(other.runtime.tokens(family.document(document.content)))

    engine = Speaking(tokenizer, family)
    other.runtime.engine = engine
    prompts = {
        "direct": chat.question(question, []),
        "rag": chat.question(question, [document.content]),
        "regrad": family.question(question, []),
        "regrad+icl": family.question(question, [document.content]),
    }
    for mode, prompt in prompts.items():
        [answer] = other.ask([question.question], bank, Options(mode, top_k=1))
        assert (answer.answer, engine.prompts[-1]) == ("Ann", str(prompt))
    choice = Question("c", "Which?", ("B",), question.document_id, choices=("red", "blue"))
    engine.says = "b. blue"
    [answer] = other.ask([choice], bank, Options(top_k=1, free_text=True))
    assert (answer.question, answer.answer) == ("Which?", "B")
    assert engine.prompts[-1] == str(family.question(choice, [])) and "B. blue" in engine.prompts[-1]


@pytest.mark.parametrize("mode", METHODS)
def test_a_choice_is_the_label_that_the_model_is_the_most_likely_to_write(mode, regrad, people_bank):
    """Compared with the losses of each label's whole continuation."""
    questions = [
        Question("v", "Is it lit?", ("yes",), choices=("No", "yes")),
        Question("l", "Which colour?", ("B",), choices=("red", "blue", "a dark shade of green")),
    ]
    setup = Setup(regrad.runtime, Options(mode, top_k=2), Lookup(regrad.runtime, people_bank))
    method = make_method(setup)
    answers = [answer.answer for answer in method.answer(questions)]
    for question, request, answer in zip(questions, method.draft(questions).requests, answers, strict=True):
        continuations = [regrad.runtime.tokens(method.wording.answer(label)) for label in question.labels]
        losses = [regrad.runtime.engine.losses([request], [c])[0] * len(c) for c in continuations]
        assert answer == list(question.labels)[int(np.argmin(losses))]
    free = method_with(setup, free_text=True).answer(questions)
    assert not {a.answer for a in free} <= {"yes", "no", "A", "B", "C"}  # what a random model writes


def test_a_choice_is_weighed_by_all_its_tokens_and_not_by_their_mean(regrad, people_bank, monkeypatch):
    """Every token costs the same here, and the first choice has more of them."""
    long = {"yes": "yes, yes, yes", "no": "no"}
    worded = regrad.runtime.wording._replace(answer=lambda label: fill("{text}", text=long[label]))
    monkeypatch.setattr(regrad.runtime, "wording", worded)
    monkeypatch.setattr(regrad.runtime.engine, "losses", lambda requests, answers: np.ones(len(answers)))
    verdict = Question("v", "Is it lit?", ("yes",), choices=("yes", "no"))
    [answer] = regrad.ask([verdict], people_bank, Options(top_k=1))
    assert answer.answer == "no"


def method_with(setup: Setup, **options):
    return make_method(dataclasses.replace(setup, options=dataclasses.replace(setup.options, **options)))
