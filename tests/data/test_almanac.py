"""The almanac: what it generates can be relied on, its splits share nothing, and every kind is sound."""

import dataclasses
import re

import numpy as np
import pytest

from regrad_jax.data.almanac import generate as generate_module
from regrad_jax.data.almanac import kinds as kinds_module
from regrad_jax.data.almanac import names
from regrad_jax.data.almanac.check import faults
from regrad_jax.data.almanac.generate import entry, generate
from regrad_jax.data.almanac.kinds import Kind, choice, phrasings_of_split
from regrad_jax.data.almanac.library import KINDS
from regrad_jax.errors import UserError

MANY = 1500  # entries: dozens of each kind


@pytest.fixture(scope="module")
def drawn():
    """split -> (almanac, coined words, templates), the latter two recorded while it was generated."""
    results = {}
    with pytest.MonkeyPatch.context() as patch:
        words, templates = set(), set()
        coin, fill = names._word, generate_module._fill

        def recording_coin(rng, split, ends):
            word = coin(rng, split, ends)
            words.add(word)
            return word

        def recording_fill(template, values):
            templates.add(template)
            return fill(template, values)

        patch.setattr(names, "_word", recording_coin)
        patch.setattr(generate_module, "_fill", recording_fill)
        for split in names.SPLITS:
            almanac = generate(MANY, seed=0, split=split)
            results[split] = almanac, frozenset(words), frozenset(templates)
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
        assert {d.source for d in almanac.documents} == {kind.genre for kind in KINDS}


def test_a_document_answers_several_questions(drawn):
    almanac = drawn["test"][0]
    counts = np.unique([q.document_id for q in almanac.questions], return_counts=True)[1]
    assert 3 <= np.mean(counts) <= 7 and counts.min() >= 2


def test_splits_share_no_invented_name(drawn):
    for split, (almanac, coined, _) in drawn.items():
        assert len(coined) > 1000
        assert {names.split_of(word) for word in coined} == {split}
        assert len(coined & words_of(almanac)) > 0.5 * len(coined)  # others fill fields that go unstated
        for other in set(names.SPLITS) - {split}:
            assert coined.isdisjoint(drawn[other][1])
            # A coined word may happen to be an English one, such as "River"; few do.
            assert len(coined & words_of(drawn[other][0])) <= 5


def test_every_subject_holds_an_invented_name():
    for kind in KINDS:
        for split in names.SPLITS:
            rng = np.random.default_rng(1)
            for _ in range(20):
                words = re.findall(r"[A-Z][a-z]+", kind.subject(rng, split))
                assert split in {names.split_of(w) for w in words}, (kind.name, words)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_is_told_and_asked_for_in_other_words_in_training_and_testing(kind):
    groups = (kind.openings, kind.statements, kind.titles, *kind.questions.values())
    used = {s: {p for g in groups for p in phrasings_of_split(g, s)} for s in ("train", "test")}
    assert used["train"].isdisjoint(used["test"])


def test_a_split_is_written_in_its_own_phrasings(drawn):
    for split, (_, _, templates) in drawn.items():
        groups = [g for k in KINDS for g in (k.openings, k.statements, k.titles, *k.questions.values())]
        own = {phrasing for group in groups for phrasing in phrasings_of_split(group, split)}
        assert templates <= own
        assert len(templates) > 0.9 * len(own)


def test_training_and_testing_share_no_phrasing_even_between_kinds(drawn):
    train, validation, test = (drawn[split][2] for split in names.SPLITS)
    assert min(map(len, (train, test))) > 500
    assert train & (test | validation) <= {"{name}"}  # the title of titles


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_is_sound(kind):
    assert faults(kind) == []


def test_kinds_have_names_of_their_own():
    assert len(KINDS) >= 50
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_kinds_can_be_chosen_and_a_wrong_name_is_refused():
    chosen = [KINDS[3], KINDS[7]]
    almanac = generate(60, seed=0, split="train", kinds=[kind.name for kind in chosen])
    assert {d.source for d in almanac.documents} == {kind.genre for kind in chosen}
    everything = generate(60, seed=0, split="train")
    assert generate(60, seed=0, split="train", kinds=()) == everything  # as a config says it
    with pytest.raises(UserError, match="almanac: kind 'unicorn' is unknown; there are "):
        generate(1, seed=0, split="train", kinds=[KINDS[0].name, "unicorn"])


def test_a_wrong_split_is_refused():
    with pytest.raises(UserError, match="split 'dev' is unknown; choose one of train, validation, test"):
        generate(1, seed=0, split="dev")


def test_of_every_four_phrasings_three_train_and_one_is_held_out():
    phrasings = list("abcdefghij")
    assert phrasings_of_split(phrasings, "train") == list("abcefgij")
    assert phrasings_of_split(phrasings, "test") == phrasings_of_split(phrasings, "validation") == ["d", "h"]


def test_names_belong_to_the_split_of_their_hash():
    rng = np.random.default_rng(0)
    makers = (names.given_name, names.family_name, names.town_name, names.firm_name, names.thing_name)
    for split in names.SPLITS:
        for maker in makers:
            drawn = [maker(rng, split) for _ in range(50)]
            assert {names.split_of(name) for name in drawn} == {split}
            assert len(set(drawn)) > 30
            assert all(re.fullmatch("[A-Z][a-z]{1,10}", name) for name in drawn)
    words = [f"w{n}" for n in range(5000)]
    shares = [np.mean([names.split_of(w) == split for w in words]) for split in names.SPLITS]
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.02)
    assert names.split_of("Maravik") == names.split_of("maravik")


@pytest.mark.parametrize(
    ("draw", "pattern", "allowed"),
    [
        (kinds_module.number(1000, 1003), r"1,00[0-3]", 4),
        (kinds_module.year(1871, 1874), r"187[1-4]", 4),
        (kinds_module.rounded(100, 300, 50), r"100|150|200|250|300", 5),
        (kinds_module.decimal(1, 2, "{:.1f} km"), r"(1\.\d|2\.0) km", 11),
        (kinds_module.date(), r"([1-9]|1\d|2[0-8]) [A-Z][a-z]+", 336),
        (kinds_module.clock(), r"([1-9]|1[0-2]):[0-5][05] [ap]m", 288),
        (kinds_module.choice("x", "y"), r"x|y", 2),
        (kinds_module.pair(("a", "b"), ("c", "d"), "-"), r"[ab]-[cd]", 4),
    ],
    ids=["number", "year", "rounded", "decimal", "date", "clock", "choice", "pair"],
)
def test_values_keep_to_their_ranges_and_fill_them(draw, pattern, allowed):
    rng = np.random.default_rng(0)
    values = {draw(rng, "train") for _ in range(6000)}
    assert all(re.fullmatch(pattern, value) for value in values)
    assert len(values) == allowed


FIELDS = ("colour", "owner", "weight", "age")
SOUND = Kind(
    name="lamp",
    genre="catalogue",
    subject=kinds_module.coined("the {} lamp"),
    fields={field: choice(*(f"{field}{n}" for n in range(20))) for field in FIELDS},
    openings=[f"{{name}} is old{n}." for n in range(4)],
    # The owner stands in the second statement, which trains, and in the fourth, which is held out.
    statements=[f"Its {field} is {{{field}}}." for field in FIELDS[:3]]
    + ["It is {owner}'s."]
    + [f"{{alias}} has {{{field}}} as its {field}." for field in FIELDS],
    questions={"owner": [f"Who owns {{name}}{n}?" for n in range(4)]},
    titles=[f"On {{name}} {n}" for n in range(4)],
)


def with_question(text: str) -> dict:
    return {"questions": {"owner": [*SOUND.questions["owner"][:3], text]}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"titles": ("{name}",)}, "titles: 1 phrasings, at least 4"),
        ({"openings": ["{name} is old."] * 4}, "openings: 4 phrasings, at least 4 different"),
        ({"openings": [*SOUND.openings[:3], "It is old."]}, "openings: no {name} in 'It is old.'"),
        ({"statements": [*SOUND.statements, "It weighs {mass}."]}, "statements: ['mass'] unknown"),
        ({"statements": [*SOUND.statements, "It weighs {weight."]}, "statements: broken braces"),
        (with_question("Who owns it?"), "questions[owner]: no {name}"),
        (with_question("Who owns the {colour} {name}?"), "a question may hold {name} alone"),
        ({"questions": {"smell": SOUND.questions["owner"]}}, "questions for unknown fields ['smell']"),
        ({"statements": SOUND.statements[:3] + SOUND.statements[4:]}, "no test statement states ['owner']"),
        ({"statements": [SOUND.statements[n] for n in (0, 2, 4, 3)]}, "no train statement states ['owner']"),
        ({"fields": dict(SOUND.fields) | {"owner": choice("x", "y")}}, "field owner: 2 values are too few"),
    ],
)
def test_what_is_wrong_with_a_kind_is_said(changes, said):
    assert faults(SOUND) == []
    found = faults(dataclasses.replace(SOUND, **changes))
    assert any(said in fault for fault in found), found


def test_an_entry_takes_a_name_that_is_free():
    kind = dataclasses.replace(SOUND, subject=choice("the Orsk lamp", "the Velt lamp"))
    used = {"the Orsk lamp"}
    document, _ = entry(kind, np.random.default_rng(0), "train", "x", used)
    assert "he Velt lamp" in document.text and used == {"the Orsk lamp", "the Velt lamp"}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("a {x} in a {y}", "An old urn in a box"),
        ("{y} with a hour", "Box with a hour"),
        ("it is a union, a one-off, a use", "It is a union, a one-off, a use"),
    ],
)
def test_articles_and_capitals(template, filled):
    assert generate_module._fill(template, {"x": "old urn", "y": "box"}) == filled


def test_a_full_name_is_repeated_by_its_last_word():
    assert generate_module._short("Maravik Dreltworth") == "Dreltworth"
    assert generate_module._short("the Orsk dam") == "the Orsk dam"
