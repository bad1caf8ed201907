"""Batches of tasks: what a draw holds, how it is laid out, and that a step decides it alone."""

import dataclasses
import json
from typing import Any, ClassVar

import jax
import numpy as np
import pytest

from regrad_jax.data.almanac.generate import generate
from regrad_jax.data.documents import Document, Question
from regrad_jax.data.prompts import PROMPTS
from regrad_jax.errors import UserError
from regrad_jax.training import tasks
from regrad_jax.training.sources import SourceConfig, source_config
from regrad_jax.training.tasks import (
    assemble,
    batch_of_step,
    draw,
    pad,
    read_source,
    source_of_step,
    tokenise,
)

K = 3
PLAIN = PROMPTS["plain"](None)
NAMED = {"kind": "almanac"}  # in messages; these documents are read from nowhere
CONFIG = SourceConfig(
    NAMED,
    anchors=2,
    questions_per_document=2,
    document_tokens=40,
    question_tokens=50,
    answer_tokens=8,
)


class Characters:
    """A tokenizer with a token a character and no control tokens."""

    added_tokens_decoder: ClassVar[dict] = {}
    chat_template = None

    def __call__(self, text, add_special_tokens, return_offsets_mapping):
        assert add_special_tokens is False and return_offsets_mapping is True
        offsets = [(n, n + 1) for n in range(len(text))]
        return {"input_ids": [ord(c) for c in text], "offset_mapping": offsets}


tokenizer = Characters()


class Embedder:
    """Keys from a text's letters, of unit length."""

    def embed(self, texts):
        keys = np.array([[1 + text.count(c) for c in "abcdefgh"] for text in texts], np.float32)
        return keys / np.linalg.norm(keys, axis=1, keepdims=True)


def corpus(count: int = 9, asked: int = 3):
    letters = "abcdefgh"
    documents = [Document(f"d{n}", letters[n % 8] * (3 + n), title=f"T{n}") for n in range(count)]
    questions = [
        Question(f"q{n}-{m}", f"{letters[n % 8] * 4}{m}?", (f"a{n}{m}", "other"), f"d{n}")
        for n in range(count - 1)  # the last document is asked nothing
        for m in range(asked)
    ]
    return documents, questions


def source(config: SourceConfig = CONFIG, k: int = K, **sizes):
    documents, questions = corpus(**sizes)
    embedder: Any = Embedder()
    return tokenise(documents, questions, config, PLAIN, tokenizer, embedder, k)


def text(tokens) -> str:
    return "".join(map(chr, tokens))


def test_texts_become_tokens_in_the_words_of_the_prompts():
    made = source()
    assert [text(d) for d in made.documents[:2]] == ["Passage: T0: aaa", "Passage: T1: bbbb"]
    first = made.questions[4]
    assert (text(first.prompt), text(first.answer)) == ("Question: bbbb1?\nAnswer:", " a11\n")
    assert first.document == 1
    assert [list(own) for own in made.by_document] == [[3 * n, 3 * n + 1, 3 * n + 2] for n in range(8)] + [[]]
    np.testing.assert_allclose(made.keys_NxE, Embedder().embed([d.content for d in corpus()[0]]))
    np.testing.assert_allclose(made.question_keys_QxE, Embedder().embed([q.question for q in corpus()[1]]))


@pytest.mark.parametrize("at_once", [5, 1024])  # of 24 questions
def test_neighbours_are_gold_then_the_nearest_others(at_once, monkeypatch):
    monkeypatch.setattr(tasks, "_SCORED_AT_ONCE", at_once)
    made = source()
    assert made.neighbours_QxK.shape == (len(made.questions), K)
    scores_QxN = made.question_keys_QxE @ made.keys_NxE.T
    for q, item in enumerate(made.questions):
        gold, *others = made.neighbours_QxK[q]
        assert gold == item.document
        scores_QxN[q, gold] = -np.inf
        np.testing.assert_allclose(scores_QxN[q, others], np.sort(scores_QxN[q])[::-1][: K - 1])


def test_questions_alone_with_their_documents_need_no_keys():
    documents, questions = corpus()
    alone = tokenise(documents, questions, CONFIG, PLAIN, tokenizer, None, 1)  # there is no embedder
    assert alone.neighbours_QxK.tolist() == [[item.document] for item in alone.questions]
    batch = assemble(alone, draw(alone, np.random.default_rng(0)))
    assert np.all(batch.retrieved_QxN.sum(axis=1) == 1) and not np.any(batch.scores_QxN)


def test_what_is_too_long_is_left_out():
    config = SourceConfig(NAMED, document_tokens=17, question_tokens=29, answer_tokens=5)
    documents, questions = corpus()  # contents are 16 + n tokens, so the first two fit
    questions[0] = Question("long answer", "a?", ("too long",), "d0")
    questions[1] = Question("long question", "a" * 9, ("x",), "d0")
    questions[2] = Question("unknown document", "a?", ("x",), "gone")
    made = tokenise(documents, questions, config, PLAIN, tokenizer, Embedder(), 2)
    assert [len(d) for d in made.documents] == [16, 17]
    assert [text(i.answer) for i in made.questions] == [" a10\n", " a11\n", " a12\n"]
    assert {len(i.prompt + i.answer) for i in made.questions} == {29}
    assert made.summary == (
        "2 documents and 3 questions; left out: 1 questions with an answer of more than 5 tokens, "
        "1 questions of more than 29 tokens with their answer, "
        "19 questions whose document is left out or missing, 7 documents of more than 17 tokens"
    )
    assert source().summary == "9 documents and 24 questions"
    with pytest.raises(
        UserError, match="source almanac: too little fits .*: 2 documents and 3 questions; left"
    ):
        tokenise(documents, questions, config, PLAIN, tokenizer, Embedder(), 3)
    with pytest.raises(UserError, match="9 documents and 0 questions; left out: 3 .* raise document_tokens"):
        tokenise(
            documents, questions[:3], SourceConfig(NAMED, question_tokens=9), PLAIN, tokenizer, Embedder(), 2
        )


def test_questions_are_tokenised_with_their_choices():
    documents, questions = corpus()
    question = Question("q", "Which?", ("B",), "d1", choices=("red", "blue"))
    config = SourceConfig(NAMED, question_tokens=200, answer_tokens=5)
    made = tokenise(documents, [*questions, question], config, PLAIN, tokenizer, Embedder(), 2)
    assert text(made.questions[-1].prompt) == str(PLAIN.question(question, []))
    assert text(made.questions[-1].answer) == " B\n"
    shown = text(made.context_prompt(len(made.questions) - 1, [1]))
    assert shown == str(PLAIN.question(question, [documents[1].content]))
    assert "B. blue" in shown


@pytest.mark.parametrize("seed", range(5))
def test_a_draw_is_groups_of_an_anchors_documents_each_asked_its_own_questions(seed):
    made = source()
    drawn = draw(made, np.random.default_rng(seed))
    assert len(drawn.pool) == 2 * K
    groups = [tuple(drawn.pool[n : n + K]) for n in (0, K)]
    assert set(groups) <= {tuple(row) for row in made.neighbours_QxK.tolist()}
    for slot, document in enumerate(drawn.pool):
        slots = list(range(slot // K * K, slot // K * K + K))
        own = [q for q, s, _ in drawn.chosen if s == slots and made.questions[q].document == document]
        assert len(set(own)) == len(own) == min(2, len(made.by_document[document]))
    everything = {p for s in range(40) for p in draw(made, np.random.default_rng(s)).pool}
    assert len(everything) == 9


@pytest.mark.parametrize("asked", [1, 2])
def test_the_question_that_brought_a_group_is_asked_in_it(asked):
    made = source()
    # Every question brings a group that no other brings.
    pairs = [[item.document, (item.document + 1 + q % 3) % 9] for q, item in enumerate(made.questions)]
    config = dataclasses.replace(CONFIG, questions_per_document=asked)
    made = made._replace(neighbours_QxK=np.array(pairs), config=config)
    for seed in range(9):
        drawn = draw(made, np.random.default_rng(seed))
        anchors = [pairs.index(drawn.pool[n : n + 2]) for n in (0, 2)]
        chosen = {(question, tuple(slots)) for question, slots, _ in drawn.chosen}
        assert {(anchors[0], (0, 1)), (anchors[1], (2, 3))} <= chosen


def test_a_small_source_draws_anchors_again():
    made = source(count=3, asked=1)  # two questions
    config = SourceConfig(NAMED, anchors=5, questions_per_document=1, document_tokens=40, question_tokens=50)
    drawn = draw(made._replace(config=config), np.random.default_rng(0))
    assert len(drawn.pool) == 5 * K


@pytest.mark.parametrize("seed", range(3))
def test_a_batch_lays_a_draw_out(seed):
    made = source()
    drawn = draw(made, np.random.default_rng(seed))
    batch = assemble(made, drawn)
    count_q = 12
    assert batch.documents.tokens_NxT.shape == (6, 40) and batch.questions.tokens_QxT.shape == (12, 50)
    assert batch.questions.answers_QxM.shape == (12, 8) and batch.questions.hidden_QxTxD is None
    assert {x.dtype for x in jax.tree.leaves(batch)} == {np.dtype(t) for t in ("int32", "float32", "bool")}
    for row, document in enumerate(drawn.pool):
        length = batch.documents.lengths_N[row]
        assert list(batch.documents.tokens_NxT[row, :length]) == made.documents[document]
        assert not np.any(batch.documents.tokens_NxT[row, length:])
    questions = batch.questions
    for row in range(count_q):
        if row >= len(drawn.chosen):  # padding
            assert questions.answer_lengths_Q[row] == 0 and questions.prompt_lengths_Q[row] == 1
            assert not batch.retrieved_QxN[row].any()
            continue
        position, slots, _ = drawn.chosen[row]
        item = made.questions[position]
        start, length = questions.prompt_lengths_Q[row], questions.answer_lengths_Q[row]
        assert list(questions.tokens_QxT[row, :start]) == item.prompt
        assert list(questions.tokens_QxT[row, start : start + length]) == item.answer
        assert list(questions.answers_QxM[row, :length]) == item.answer
        assert list(np.flatnonzero(batch.retrieved_QxN[row])) == slots in ([0, 1, 2], [3, 4, 5])
        assert item.document in np.array(drawn.pool)[batch.retrieved_QxN[row]]
        expected = made.question_keys_QxE[position] @ made.keys_NxE[drawn.pool].T
        np.testing.assert_allclose(
            batch.scores_QxN[row], np.where(batch.retrieved_QxN[row], expected, 0), rtol=1e-6
        )
    assert len(drawn.chosen) < count_q or 8 not in drawn.pool  # the last document is asked nothing


# Three documents of at most 29 tokens in every prompt.
SHOWN = dataclasses.replace(CONFIG, question_tokens=150)


def passages_in(prompt: list[int]) -> list[str]:
    return text(prompt).split("\n")[:-2]  # the last lines are the question's


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_shares_are_honoured_in_every_batch_and_change_nothing_else(share, k):
    blind, with_context = source(SHOWN, k), source(dataclasses.replace(SHOWN, context=share), k)
    missing = source(dataclasses.replace(SHOWN, gold_absent=share), k)
    shown = missed = asked = 0
    for seed in range(60):
        plain, showing, absent = (
            draw(made, np.random.default_rng(seed)) for made in (blind, with_context, missing)
        )
        assert plain.pool == showing.pool == absent.pool
        assert [a.question for a in plain.chosen] == [a.question for a in absent.chosen]
        assert plain.chosen == [a._replace(context_prompt=None) for a in showing.chosen]
        of_batch = sum(a.context_prompt is not None for a in showing.chosen)
        short = sum(len(a.slots) == k - 1 for a in absent.chosen)
        count = len(plain.chosen)
        assert abs(of_batch - share * count) < 1 and abs(short - share * count) < 1
        assert all(len(a.slots) in (k, k - 1) for a in absent.chosen)
        shown, missed, asked = shown + of_batch, missed + short, asked + count
    assert shown / asked == pytest.approx(share, abs=0.03) and missed / asked == pytest.approx(
        share, abs=0.03
    )


def test_the_two_shares_are_drawn_apart():
    made = source(dataclasses.replace(SHOWN, context=0.5, gold_absent=0.5))
    chosen = [a for seed in range(40) for a in draw(made, np.random.default_rng(seed)).chosen]
    both = np.mean([a.context_prompt is not None and len(a.slots) == K - 1 for a in chosen])
    assert 0.15 < both < 0.35


@pytest.mark.parametrize("gold_absent", [0.0, 1.0])
def test_a_prompt_with_context_is_the_familys_with_what_the_question_uses_best_first(gold_absent):
    config = dataclasses.replace(SHOWN, context=1.0, gold_absent=gold_absent)
    documents, questions = corpus()
    made = source(config)
    moved = False
    for seed in range(10):
        drawn = draw(made, np.random.default_rng(seed))
        batch = assemble(made, drawn)
        for row, (position, slots, prompt) in enumerate(drawn.chosen):
            assert prompt is not None
            used = [documents[drawn.pool[slot]] for slot in slots]
            scores = Embedder().embed([d.content for d in used]) @ made.question_keys_QxE[position]
            best_first = [used[n].content for n in np.argsort(-scores, kind="stable")]
            moved |= best_first != [d.content for d in used]
            assert passages_in(prompt) == [f"Passage: {content}" for content in best_first]
            assert text(prompt) == str(PLAIN.question(questions[position], best_first))
            item, found = made.questions[position], batch.questions
            start, length = found.prompt_lengths_Q[row], found.answer_lengths_Q[row]
            assert list(found.tokens_QxT[row, : start + length]) == prompt + item.answer
            assert list(found.answers_QxM[row, :length]) == item.answer  # the true one, gold or no gold
        assert batch.questions.tokens_QxT.shape == (12, 150)
    assert moved  # the order is the scores', not the pool's


def test_absent_gold_has_no_weight_and_the_distractors_keep_theirs():
    absent = source(dataclasses.replace(CONFIG, gold_absent=1.0))
    for seed in range(5):
        drawn, whole = (draw(made, np.random.default_rng(seed)) for made in (absent, source()))
        batch, full = assemble(absent, drawn), assemble(source(), whole)
        golds = [made.document for made in (absent.questions[a.question] for a in drawn.chosen)]
        is_gold = np.array(drawn.pool) == np.array(golds)[:, None]
        count = len(golds)
        np.testing.assert_array_equal(batch.retrieved_QxN[:count], full.retrieved_QxN[:count] & ~is_gold)
        assert set(batch.retrieved_QxN[:count].sum(axis=1)) == {K - 1}
        np.testing.assert_allclose(
            batch.scores_QxN[:count], np.where(is_gold, 0, full.scores_QxN[:count]), rtol=1e-6
        )
        jax.tree.map(np.testing.assert_array_equal, batch.questions, full.questions)
        jax.tree.map(np.testing.assert_array_equal, batch.documents, full.documents)


def test_a_question_alone_with_its_document_uses_nothing_without_it():
    made = source(dataclasses.replace(SHOWN, context=1.0, gold_absent=1.0), k=1)
    drawn = draw(made, np.random.default_rng(0))
    assert not assemble(made, drawn).retrieved_QxN.any()
    assert {tuple(a.context_prompt) for a in drawn.chosen} == {
        tuple(made.questions[a.question].prompt) for a in drawn.chosen
    }


def test_a_prompt_that_is_too_long_with_context_is_asked_blind():
    def chosen(question_tokens):
        made = source(dataclasses.replace(SHOWN, context=1.0, question_tokens=question_tokens))
        return [a for seed in range(20) for a in draw(made, np.random.default_rng(seed)).chosen]

    everything = chosen(150)
    answers = [len(source().questions[a.question].answer) for a in everything]
    lengths = [len(a.context_prompt) + extra for a, extra in zip(everything, answers, strict=True)]
    for limit in (max(lengths) - 1, int(np.median(lengths))):
        expected = [
            a if length <= limit else a._replace(context_prompt=None)
            for a, length in zip(everything, lengths, strict=True)
        ]
        assert chosen(limit) == expected != everything


def test_a_context_that_never_fits_is_refused():
    with pytest.raises(
        UserError, match="source almanac: no prompt with 3 documents in it fits .* context to 0"
    ):
        source(dataclasses.replace(CONFIG, context=0.1))
    source(dataclasses.replace(CONFIG, gold_absent=0.1))


def test_padding_by_hand():
    tokens, lengths = pad([[5, 6], [], [7, 8, 9]], 3)
    np.testing.assert_array_equal(tokens, [[5, 6, 0], [0, 0, 0], [7, 8, 9]])
    np.testing.assert_array_equal(lengths, [2, 0, 3])
    assert tokens.dtype == lengths.dtype == np.int32


STAGES = ((3, {"a": 1.0}), (200, {"a": 1.0, "b": 3.0}))


def test_stages_follow_each_other_with_their_shares():
    name = lambda step: source_of_step(STAGES, step, np.random.default_rng(step))
    assert [name(step) for step in range(3)] == ["a"] * 3
    drawn = [name(step) for step in range(3, 203)]
    assert 0.65 < np.mean([n == "b" for n in drawn]) < 0.85
    with pytest.raises(ValueError, match="after the last stage"):
        name(203)


def test_seed_and_step_decide_a_batch():
    shares = dataclasses.replace(SHOWN, context=0.5, gold_absent=0.5)
    sources = {"a": source(), "b": source(shares, count=8)}
    make = lambda seed, step: batch_of_step(sources, STAGES, seed, step)
    (name, drawn, batch), (again, drawn_again, batch_again) = make(0, 7), make(0, 7)
    assert (name, drawn) == (again, drawn_again)
    jax.tree.map(np.testing.assert_array_equal, batch, batch_again)
    np.testing.assert_array_equal(
        batch.documents.tokens_NxT, assemble(sources[name], drawn).documents.tokens_NxT
    )
    assert len({str(make(0, step)[1]) for step in range(20)}) == 20
    assert make(0, 1)[1] != make(1, 1)[1]
    assert {make(0, step)[0] for step in range(3, 30)} == {"a", "b"}


def test_a_steps_documents_share_the_shortest_bucket_that_holds_them_all():
    config = dataclasses.replace(CONFIG, anchors=1, document_buckets=(17, 19))
    lengths = [len(d) for d in source(config).documents]
    assert min(lengths) == 16 and max(lengths) == 24
    sources, stages = {"a": source(config)}, ((100, {"a": 1.0}),)
    unbucketed = {"a": source(dataclasses.replace(config, document_buckets=()))}
    found = set()
    for step in range(40):
        made = [batch_of_step(sources, stages, 0, step, number, 3) for number in range(3)]
        longest = max(lengths[d] for _, drawn, _ in made for d in drawn.pool)
        expected = 17 if longest <= 17 else 19 if longest <= 19 else CONFIG.document_tokens
        for number, (_, drawn, batch) in enumerate(made):
            assert batch.documents.tokens_NxT.shape == (K, expected)
            plain = batch_of_step(unbucketed, stages, 0, step, number)
            assert plain[1] == drawn
            tokens_NxT, lengths_N = plain[2].documents
            np.testing.assert_array_equal(batch.documents.tokens_NxT, tokens_NxT[:, :expected])
            np.testing.assert_array_equal(batch.documents.lengths_N, lengths_N)
        found.add(expected)
    assert len(found) > 1


def test_a_source_is_its_data_set_with_what_it_leaves_to_the_run():
    config = source_config("here", {"dataset": {"kind": "almanac", "entities": 5, "kinds": ["person"]}})
    documents, questions = read_source(config, "train", held_out=3, seed=1)
    assert (documents, questions) == generate(5, seed=1, split="train", kinds=["person"])
    assert read_source(config, "validation", 3, 1) == generate(
        3, seed=1, split="validation", kinds=["person"]
    )
    given = dataclasses.replace(config, dataset=config.dataset | {"seed": 0, "held_out_entities": 2})
    assert read_source(given, "validation", 3, 1) == generate(2, seed=0, split="validation", kinds=["person"])
    with pytest.raises(UserError, match="kind 'news' is unknown; choose one of almanac, "):
        read_source(SourceConfig({"kind": "news"}), "train", 5, seed=1)


def test_a_users_own_questions_are_a_source(tmp_path):
    documents, questions = corpus()
    (tmp_path / "d.jsonl").write_text("\n".join(json.dumps({"id": d.id, "text": d.text}) for d in documents))
    lines = [
        {"id": q.id, "question": q.question, "answers": q.answers, "document_id": q.document_id}
        for q in questions
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, lines)))
    own = {"kind": "own", "corpus": str(tmp_path / "d.jsonl"), "questions": str(tmp_path / "q.jsonl")}
    config = source_config("here", {"dataset": own | {"train_documents": 0.5, "validation_documents": 2}})
    parts = {split: read_source(config, split, 0, 0) for split in ("train", "validation", "test")}
    assert [[d.id for d in part.documents] for part in parts.values()] == [
        ["d0", "d1", "d2", "d3"], ["d4", "d5"], ["d6", "d7", "d8"],
    ]  # fmt: skip
    assert parts["validation"].questions == questions[12:18]
    made = tokenise(*parts["train"], CONFIG, PLAIN, tokenizer, Embedder(), K)
    assert made.summary == "4 documents and 12 questions"
