"""What the almanac generates can be relied on, and its splits share nothing."""

import re

import numpy as np
import pytest

from regrad_jax.data.almanac import generate as generate_module
from regrad_jax.data.almanac import names
from regrad_jax.data.almanac.generate import entry, generate
from regrad_jax.data.almanac.kinds import kind_of
from regrad_jax.data.almanac.library import KINDS, load_kind
from regrad_jax.errors import UserError
from tests.data.almanac.lamps import LAMP

MANY = 1500  # entries: dozens of each kind


@pytest.fixture(scope="module")
def drawn():
    """split -> (almanac, invented words, templates), the latter two recorded while it was generated."""
    results = {}
    with pytest.MonkeyPatch.context() as patch:
        words, templates = {}, set()
        split_of, fill = names.split_of, generate_module.fill

        def recording_split_of(word):
            words[word] = split_of(word)
            return words[word]

        def recording_fill(template, values):
            templates.add(template)
            return fill(template, values)

        patch.setattr(names, "split_of", recording_split_of)
        patch.setattr(generate_module, "fill", recording_fill)
        for split in names.SPLITS:
            almanac = generate(MANY, seed=0, split=split)
            # A word of another split was thrown away.
            kept = frozenset(word for word, of in words.items() if of == split)
            results[split] = almanac, kept, frozenset(templates)
            words.clear()
            templates.clear()
    return results


def words_of(almanac) -> set[str]:
    texts = [d.content for d in almanac.documents] + [q.question for q in almanac.questions]
    return {word for text in texts for word in re.findall(r"\w+", text)}


def test_the_same_seed_gives_the_same_almanac():
    assert generate(40, seed=3, split="test") == generate(40, seed=3, split="test")
    other = generate(40, seed=4, split="test")
    texts = {d.text for d in generate(40, seed=3, split="test").documents}
    assert texts.isdisjoint(d.text for d in other.documents)


def test_a_larger_almanac_begins_with_the_smaller(drawn):
    larger = drawn["train"][0]
    smaller = generate(37, seed=0, split="train")
    assert smaller.documents == larger.documents[:37]
    assert smaller.questions == larger.questions[: len(smaller.questions)]
    assert generate(0, seed=0, split="train") == ([], [])


def test_ids_and_subjects_are_unique_and_questions_know_their_document(drawn):
    for almanac, _, _ in drawn.values():
        documents = {d.id: d for d in almanac.documents}
        assert len(documents) == MANY == len({d.text for d in almanac.documents})
        assert len({q.id for q in almanac.questions}) == len(almanac.questions)
        assert {q.document_id for q in almanac.questions} == set(documents)
    # The splits can stand in one bank.
    ids = [d.id for almanac, _, _ in drawn.values() for d in almanac.documents]
    assert len(set(ids)) == 3 * MANY


def test_every_answer_stands_in_its_document(drawn):
    for almanac, _, _ in drawn.values():
        texts = {d.id: d.text for d in almanac.documents}
        for question in almanac.questions:
            (answer,) = question.answers
            assert answer == answer.strip() and answer
            # At the beginning of a sentence it has a capital.
            first = f"(?i:{re.escape(answer[0])})"
            whole = rf"(?<!\w){first}{re.escape(answer[1:])}(?!\w)"
            assert re.search(whole, texts[question.document_id]), (answer, texts[question.document_id])


def test_text_is_filled_and_tidy(drawn):
    for almanac, _, _ in drawn.values():
        for text in [d.content for d in almanac.documents] + [q.question for q in almanac.questions]:
            assert not re.search(r"[{}\n]|  | [,.;?]", text), text
            assert text[0] == text[0].upper()
        assert all(q.question.endswith(("?", ".")) for q in almanac.questions)
        titled = np.mean([bool(d.title) for d in almanac.documents])
        assert 0.4 < titled < 0.6
        assert {d.source for d in almanac.documents} == {load_kind(name).genre for name in KINDS}


def test_a_document_answers_several_questions(drawn):
    almanac = drawn["test"][0]
    counts = np.unique([q.document_id for q in almanac.questions], return_counts=True)[1]
    assert 3 <= np.mean(counts) <= 7 and counts.min() >= 2


def test_splits_share_no_invented_name(drawn):
    for split, (almanac, invented, _) in drawn.items():
        assert len(invented) > 1000
        assert {names.split_of(word) for word in invented} == {split}
        assert len(invented & words_of(almanac)) > 0.5 * len(invented)  # others fill fields that go unstated
        for other in set(names.SPLITS) - {split}:
            assert invented.isdisjoint(drawn[other][1])
            # An invented word may happen to be an English one, such as "River"; few do.
            assert len(invented & words_of(drawn[other][0])) <= 5


def test_a_split_is_written_in_its_own_phrasings(drawn):
    for split, (_, _, templates) in drawn.items():
        kinds = [load_kind(name) for name in KINDS]
        groups = [g for k in kinds for g in (k.openings, k.statements, k.titles, *k.questions.values())]
        own = {phrasing for group in groups for phrasing in group.of_split(split)}
        assert templates <= own
        assert len(templates) > 0.9 * len(own)


def test_training_and_testing_share_no_phrasing_even_between_kinds(drawn):
    train, validation, test = (drawn[split][2] for split in names.SPLITS)
    assert min(map(len, (train, test))) > 500
    assert train & (test | validation) <= {"{name}"}  # the title of titles


def test_kinds_can_be_chosen_and_a_wrong_name_is_refused():
    chosen = KINDS[3], KINDS[7]
    almanac = generate(60, seed=0, split="train", kinds=chosen)
    assert {d.source for d in almanac.documents} == {load_kind(name).genre for name in chosen}
    everything = generate(60, seed=0, split="train")
    assert generate(60, seed=0, split="train", kinds=()) == everything  # as a config says it
    with pytest.raises(UserError, match="almanac: kind 'unicorn' is unknown; there are person, inventor, "):
        generate(1, seed=0, split="train", kinds=[KINDS[0], "unicorn"])


def test_a_wrong_split_is_refused():
    with pytest.raises(UserError, match="split 'dev' is unknown; choose one of train, validation, test"):
        generate(1, seed=0, split="dev")


def test_an_entry_takes_a_name_that_is_free():
    kind = kind_of(LAMP | {"subject": {"choice": ["the Orsk lamp", "the Velt lamp"]}})
    for seed in range(8):
        taken = {"the Orsk lamp"}
        document, _ = entry(kind, np.random.default_rng(seed), "train", "x", taken)
        assert "he Velt lamp" in document.text and "Orsk" not in document.content
        assert taken == {"the Orsk lamp", "the Velt lamp"}


def entries(kind, split):
    rng, taken = np.random.default_rng(5), set()
    return [entry(kind, rng, split, f"{number}", taken) for number in range(30)]


def test_a_phrasing_added_to_one_split_leaves_the_others_as_they_are():
    before = kind_of(LAMP)
    for key, added in (
        ("openings", "Look, {name}!"),
        ("statements", "{owner} wants {alias} in {colour}."),
        ("titles", "{name} at last"),
    ):
        for grown, others in (("train", ("validation", "test")), ("held_out", ("train",))):
            after = kind_of(LAMP | {key: LAMP[key] | {grown: [added, *LAMP[key][grown]]}})
            for split in names.SPLITS:
                assert (entries(after, split) == entries(before, split)) == (split in others), (key, split)
