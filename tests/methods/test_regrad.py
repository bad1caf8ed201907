"""From documents to answers on a tiny model with random weights: what holds whatever the model knows."""

import dataclasses
import hashlib
import json
import shutil
import threading

import jax
import numpy as np
import pytest

from regrad_jax.adaptation.inner import Documents, document_gradients
from regrad_jax.adaptation.parameters import init_meta
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.manifest import Fingerprint
from regrad_jax.benchmarks import codecs as bench_codecs
from regrad_jax.benchmarks.model import BENCHES
from regrad_jax.checkpoint import Checkpoint, save_checkpoint
from regrad_jax.data.almanac.generate import generate
from regrad_jax.data.documents import Document, Question
from regrad_jax.data.prompts import PROMPTS
from regrad_jax.data.readers import fieldnotes
from regrad_jax.data.readers.fieldnotes import load_fieldnotes
from regrad_jax.errors import RunError, UserError
from regrad_jax.evaluation import demo, knowledge, report
from regrad_jax.evaluation.harness import SETTINGS, evaluate
from regrad_jax.evaluation.knowledge import gold_losses, knowledge_gap
from regrad_jax.evaluation.question_sets import QuestionSets
from regrad_jax.library.passages import PassageEncoder
from regrad_jax.methods.answering import Adaptation, Generated
from regrad_jax.methods.modes import MODES
from regrad_jax.methods.regrad import ReGrad, Retrieved
from regrad_jax.models.base import load_base
from tests.tiny_models import adapter, write_model

SILENT = lambda line: None


@pytest.fixture(scope="module")
def data() -> QuestionSets:
    almanac = generate(12, seed=3, split="train", kinds=("person",))
    return QuestionSets(almanac.documents, {"people": almanac.questions[:11]}, {"people": "short_answer"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny base model and a random checkpoint for it, on disk."""
    folder = tmp_path_factory.mktemp("tiny")
    write_model(folder / "base")
    config = adapter(scale=40.0)  # steps large enough to change what a random model says
    base = load_base(str(folder / "base"), config.first_layer)
    meta = init_meta(config, base.decoder.config, jax.random.key(0), alpha=50.0, temperature=0.2)
    checkpoint = Checkpoint(
        adapter=config, meta=jax.device_get(meta), weighting="relevance", prompts="plain",
        document_tokens=96, documents_per_question=3, base_model=str(folder / "base"),
        base_digest=base.digest, tokenizer_digest=base.tokenizer_digest, training={}, metrics={},
    )  # fmt: skip
    save_checkpoint(folder / "checkpoint", checkpoint)
    return folder


@pytest.fixture(scope="module")
def regrad(folder, minilm) -> ReGrad:
    return ReGrad.load(folder / "checkpoint", encoder=str(minilm))


@pytest.fixture(scope="module")
def bank(regrad, data, tmp_path_factory) -> Bank:
    made, built = regrad.build(data.documents, tmp_path_factory.mktemp("bank") / "b", progress=SILENT)
    assert built.added == len(made) > len(data.documents)  # some are cut
    return made


def test_rows_are_the_documents_gradients_on_whatever_device_they_were_taken(regrad, data, tmp_path):
    assert jax.local_device_count() == 8
    bank, _ = regrad.build(data.documents, tmp_path / "b", codec="float32", batch_size=11, progress=SILENT)
    checkpoint = regrad.checkpoint
    gradient = jax.jit(
        lambda documents: document_gradients(
            regrad.base.decoder, checkpoint.inner, checkpoint.meta, documents
        )
    )
    for position, record in bank.records.items():
        tokens = regrad.base.tokenizer(f"Passage: {record.text}", add_special_tokens=False)["input_ids"]
        padded = np.pad(tokens, (0, checkpoint.document_tokens - len(tokens))).astype(np.int32)
        grads_1, loss_1 = gradient(Documents(padded[None], np.array([len(tokens)], np.int32)))
        row = np.asarray(checkpoint.layout.flatten(grads_1)[0])
        np.testing.assert_allclose(
            bank.read_rows([position])[0], row, rtol=1e-4, atol=1e-5 * np.abs(row).max()
        )
        assert record.inner_loss == pytest.approx(float(loss_1[0]), rel=1e-5)


def test_every_mode_answers_in_order_and_names_its_documents(regrad, bank, data):
    questions = [q.question for q in data.questions["people"]]
    for mode, (_, shows) in MODES.items():
        answers = regrad.ask(questions, bank, mode=mode, top_k=2, max_new_tokens=6)
        assert [a.question for a in answers] == questions
        assert {a.mode for a in answers} == {mode}
        assert {len(a.documents) for a in answers} == {0 if mode == "direct" else 2}
        assert set(answers[0].timings_ms) == {"retrieve", "read", "adapt", "generate"}
        assert not any("\n" in a.answer for a in answers), shows
    found = regrad.ask(questions, bank, top_k=2, max_new_tokens=6)
    owners = {r.id: r.document_id for r in bank.records.values()}
    hits = [
        q.document_id in {owners[c.id] for c in a.documents}
        for q, a in zip(data.questions["people"], found, strict=True)
    ]
    assert np.mean(hits) > 0.8  # the retrieval is real: names find their people


def test_a_question_in_a_batch_is_answered_as_if_alone(regrad, bank, data):
    """Eight devices, eleven questions, each with other gradients."""
    questions = [q.question for q in data.questions["people"]]
    together = [a.answer for a in regrad.ask(questions, bank, top_k=1, max_new_tokens=6)]
    alone = [regrad.ask([q], bank, top_k=1, max_new_tokens=6)[0].answer for q in questions[::3]]
    assert together[::3] == alone
    unmoved = [a.answer for a in regrad.ask(questions, bank, top_k=1, gamma=0.0, max_new_tokens=6)]
    assert sum(a != b for a, b in zip(together, unmoved, strict=True)) > 5  # the gradients matter


def test_answers_of_one_token_compile_all_that_whole_ones_need(regrad, bank, data, caplog):
    questions = [q.question for q in data.questions["people"][:3]]
    answers = lambda: [a.answer for a in regrad.ask(questions, bank, top_k=1, max_new_tokens=7)]
    compiled = lambda: [r.getMessage() for r in caplog.records if "XLA compilation" in r.getMessage()]
    with jax.log_compiles():
        with regrad.answerer.first_tokens_only():
            short = answers()
        assert compiled()
        caplog.clear()
        whole = answers()
    assert not compiled()
    assert short != whole
    assert all(w.startswith(s) for s, w in zip(short, whole, strict=True))


def test_gamma_zero_is_the_base_model_and_nothing_drifts(regrad, bank, data):
    questions = [q.question for q in data.questions["people"]]
    before = regrad.answerer.weights_digest()
    still = [a.answer for a in regrad.ask(questions, bank, gamma=0.0, max_new_tokens=6)]
    prompts = [f"Question: {q}\nAnswer:" for q in questions]
    plain = regrad.answerer.run(prompts, None, 6).texts
    assert still == [text.split("\n", 1)[0].strip() for text in plain]
    regrad.ask(questions, bank, max_new_tokens=6)
    assert regrad.answerer.weights_digest() == before


def test_adapted_parameters_are_the_weighted_step(regrad, bank, data):
    question = data.questions["people"][0].question
    found = regrad.retrieve([question], bank, 3)
    rows = np.asarray(bank.read_rows(found.positions_QxK[0]))
    temperature = np.exp(float(regrad.checkpoint.meta.log_temperature))
    weights = np.exp(found.scores_QxK[0] / temperature)
    total = (weights / weights.sum()) @ rows
    expected = regrad.checkpoint.layout.unflatten(total)
    theta = regrad.adapt(question, bank, top_k=3, gamma=0.5)
    for target in theta:
        step = 0.5 * 50.0 * np.asarray(expected[target]["R"])
        np.testing.assert_allclose(theta[target]["R"], -step, rtol=1e-4, atol=1e-5 * np.abs(step).max())


def test_a_bank_may_hold_some_of_the_adapters_tensors(regrad, data, tmp_path):
    options = {"codec": "float32", "progress": SILENT}
    bank, _ = regrad.build(data.documents, tmp_path / "whole", **options)
    some, built = regrad.build(data.documents, tmp_path / "b", tensors=["down", "up/R"], shards=2, **options)
    assert built.added == len(some) == len(bank)
    size = lambda held: sum(np.prod(shape) for _, shape in held.manifest.row_layout)
    assert some.manifest.row_length == size(some) == size(bank) * 2 / 3
    question = data.questions["people"][0].question
    whole, part = regrad.adapt(question, bank, top_k=3), regrad.adapt(question, some, top_k=3)
    for target in whole:
        expected = 0 * whole[target]["R"] if target == "gate" else whole[target]["R"]
        np.testing.assert_allclose(part[target]["R"], expected, rtol=1e-5, atol=1e-7)
    assert np.abs(whole["gate"]["R"]).max() > 0
    again, built = regrad.rebuild(some, tmp_path / "again", progress=SILENT)
    assert again.manifest.row_layout == some.manifest.row_layout and again.manifest.shards == 2
    assert regrad.build(data.documents, tmp_path / "b", progress=SILENT)[1].added == 0
    with pytest.raises(UserError, match="holds down/R, up/R; leave --tensors out"):
        regrad.build(data.documents, tmp_path / "b", tensors=["gate"], progress=SILENT)
    with pytest.raises(UserError, match="has 2 shards, not 3; leave --shards out"):
        regrad.build(data.documents, tmp_path / "b", shards=3, progress=SILENT)
    with pytest.raises(UserError, match="the adapter has no tensors 'B'; choose among R, down, down/R, gate"):
        regrad.create(tmp_path / "none", tensors=["B"])
    assert not (tmp_path / "none").exists()


def test_a_bank_of_other_tensors_is_rebuilt_with_all_of_this_checkpoints(regrad, bank, tmp_path):
    fields = dict(bank.manifest.fingerprint.fields)
    fields["adapter"] = fields["adapter"] | {"kind": "lora"}
    layout = [[f"{target}/{factor}", [1, 2, 3]] for target in ("down", "gate", "up") for factor in "AB"]
    manifest = dataclasses.replace(bank.manifest, fingerprint=Fingerprint(fields), row_layout=layout)
    record = next(iter(bank.records.values()))
    with Bank.create(tmp_path / "old", manifest) as old:
        old.append([record], np.zeros((1, manifest.row_length)), np.eye(1, manifest.key_width))
    new, _ = regrad.rebuild(old, tmp_path / "new", progress=SILENT)
    assert new.manifest.row_layout == bank.manifest.row_layout
    assert [r.text for r in new.records.values()] == [record.text]


def test_building_again_costs_nothing_and_a_changed_document_replaces_its_row(regrad, data, tmp_path):
    documents = data.documents[:4]
    bank, _ = regrad.build(documents, tmp_path / "b", progress=SILENT)
    count = len(bank)
    _, again = regrad.build(documents, tmp_path / "b", progress=SILENT)
    assert (again.added, again.unchanged) == (0, count)
    changed = dataclasses.replace(documents[1], text="A short new text.", title="")
    bank, built = regrad.build([*documents[:1], changed], tmp_path / "b", progress=SILENT)
    assert built.added == 1
    assert [r.text for r in bank.records.values() if r.id == changed.id] == ["A short new text."]


def test_an_interrupted_build_goes_on_where_it_stopped(regrad, data, tmp_path, monkeypatch):
    encode, calls = PassageEncoder.encode, []

    def dying(self, passages, **options):
        calls.append(len(passages))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return encode(self, passages, **options)

    documents = [
        dataclasses.replace(d, id=f"{d.id}-{n}", text=f"{n} {d.text}")
        for n in range(3)
        for d in data.documents
    ]
    monkeypatch.setattr(PassageEncoder, "encode", dying)
    with pytest.raises(KeyboardInterrupt):
        regrad.build(documents, tmp_path / "b", progress=SILENT)
    monkeypatch.setattr(PassageEncoder, "encode", encode)
    bank, built = regrad.build(documents, tmp_path / "b", progress=SILENT)
    assert built.unchanged == calls[0] > 0
    assert len(bank) == built.added + built.unchanged == len(regrad.passage_encoder.passages(documents))
    assert len({r.id for r in bank.records.values()}) == len(bank)


def test_a_gradient_that_is_not_finite_is_refused_by_name(regrad, data, tmp_path, monkeypatch):
    encode = PassageEncoder.encode

    def broken(self, passages, **options):
        made = encode(self, passages, **options)
        made.rows_NxP[0, 7] = np.nan
        return made._replace(rows_NxP=made.rows_NxP)

    monkeypatch.setattr(PassageEncoder, "encode", broken)
    bank, built = regrad.build(data.documents[:3], tmp_path / "b", progress=SILENT)
    assert len(built.refused) == 1
    assert built.refused[0] not in {r.id for r in bank.records.values()}
    assert len(bank) == built.added > 0


def test_long_documents_are_cut_and_deleted_whole(regrad, tmp_path):
    long = Document("long", " ".join(f"Sentence number {n} is here." for n in range(60)), title="A title")
    passages = regrad.passage_encoder.passages([long])
    assert len(passages) > 3
    for passage in passages:
        tokens = regrad.base.tokenizer.tokenize(f"Passage: {passage.content}")
        assert len(tokens) <= regrad.checkpoint.document_tokens
    bank, _ = regrad.build([long], tmp_path / "b", progress=SILENT)
    with bank:
        assert bank.delete(["long"]) == len(passages)
    with pytest.raises(UserError, match="is empty"):
        regrad.ask(["what?"], bank)


def test_the_demo_shows_what_it_claims_or_fails_behind_its_report(regrad, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_ENTITIES", 1)
    monkeypatch.setattr(demo, "_QUESTIONS", 1)
    monkeypatch.setattr(demo, "_SETTINGS", ("Direct", "ReGrad k=1"))
    folder = tmp_path / "report"

    def run(right: list[bool]) -> str:
        # The tiny model knows nothing: what is right is said here, before and after the document is removed.
        said = iter(right)
        monkeypatch.setattr(demo, "exact_match", lambda *_: next(said))
        shutil.rmtree(folder, ignore_errors=True)
        return demo.run_demo(regrad, tmp_path, SILENT)

    kept = {}

    def keeping(regrad, bank, label, *more):
        kept[label] = evaluate(regrad, bank, label, *more)
        return kept[label]

    monkeypatch.setattr(demo, "evaluate", keeping)
    text = run([True, False])
    assert "(gone)" in text and "bit-identical" in text and "ReGrad k=1" in text
    assert {"results.json", "report.html", "results.png"} <= {path.name for path in folder.iterdir()}
    removed = json.loads((folder / "results.json").read_text())["removal"]["document"]
    held = {record.document_id for record in regrad.open(tmp_path / "bank").records.values()}
    assert removed not in held and len(held) == 40

    monkeypatch.setattr(demo, "evaluate", lambda regrad, bank, label, *_: kept[label])
    with pytest.raises(RunError, match="not one answer"):
        run([False] * 9)
    assert (folder / "report.html").exists()
    with pytest.raises(RunError, match="was removed and is still known"):
        run([True, True])
    digests = iter(["aaaa", "bbbb"])
    monkeypatch.setattr(type(regrad.answerer), "weights_digest", lambda self: next(digests))
    with pytest.raises(RunError, match="weights have changed: sha256 aaaa before, bbbb after"):
        run([True, False])
    assert (folder / "report.html").exists()


def test_batches_are_answered_in_order_while_the_next_is_looked_up(regrad, bank, data, monkeypatch):
    questions = [q.question for q in data.questions["people"]]
    batches = [questions[:4], questions[4:8], questions[8:]]
    expected = [regrad.ask(batch, bank, top_k=2, max_new_tokens=4) for batch in batches]
    look_up, run, done = type(regrad)._look_up, type(regrad.answerer).run, []
    started = {batch[0]: threading.Event() for batch in batches}

    def looking(self, batch, *arguments, **options):
        started[batch[0]].set()
        return look_up(self, batch, *arguments, **options)

    def running(self, *arguments):
        done.append(None)
        following = batches[len(done) : len(done) + 1]
        assert all(started[batch[0]].wait(60) for batch in following), "nothing is read ahead"
        return run(self, *arguments)

    monkeypatch.setattr(type(regrad), "_look_up", looking)
    monkeypatch.setattr(type(regrad.answerer), "run", running)
    found = list(regrad.ask_in_batches(batches, bank, top_k=2, max_new_tokens=4))
    plain = lambda answers: [[a._replace(timings_ms={}) for a in batch] for batch in answers]
    assert plain(found) == plain(expected)
    assert list(regrad.ask_in_batches([], bank)) == []
    with pytest.raises(UserError, match="mode 'magic' is unknown"):
        list(regrad.ask_in_batches(batches, bank, mode="magic"))


def test_a_checkpoint_of_documents_that_hold_nothing_is_refused(regrad, monkeypatch):
    short = dataclasses.replace(regrad.checkpoint, document_tokens=3)
    monkeypatch.setattr(regrad.passage_encoder, "_checkpoint", short)
    with pytest.raises(UserError, match="documents have 3 tokens"):
        regrad.passage_encoder.passages([Document("a", "Some text.")])


def test_what_cannot_be_asked(regrad, bank, tmp_path):
    with pytest.raises(UserError, match="mode 'magic' is unknown"):
        regrad.ask(["what?"], bank, mode="magic")
    with pytest.raises(UserError, match="needs a bank"):
        regrad.ask(["what?"], None)
    with pytest.raises(UserError, match="give a list"):
        regrad.ask("what?", bank)
    with pytest.raises(UserError, match="there is no bank at"):
        regrad.open(tmp_path / "absent")
    with pytest.raises(UserError, match="top_k is 0"):
        regrad.ask(["what?"], bank, top_k=0)
    with pytest.raises(UserError, match="lower --top_k"):
        regrad.ask(["what? " * 600], bank)
    assert regrad.ask([], bank) == []


def test_a_bank_of_another_checkpoint_is_refused_by_field(regrad, bank):
    other = ReGrad(dataclasses.replace(regrad.checkpoint, document_tokens=64), regrad.base, regrad.embedder)
    with pytest.raises(UserError, match="document_tokens is 96 in the bank, 64 here"):
        other.open(str(bank.place))


def test_another_base_model_under_the_same_name_is_refused(regrad, folder, tmp_path, minilm):
    write_model(tmp_path / "base")
    facts = json.loads((folder / "checkpoint" / "checkpoint.json").read_text())
    facts["base_digest"] = hashlib.sha256(b"other").hexdigest()
    copy = tmp_path / "checkpoint"
    copy.mkdir()
    (copy / "checkpoint.json").write_text(json.dumps(facts))
    weights = (folder / "checkpoint" / "adapter.safetensors").read_bytes()
    (copy / "adapter.safetensors").write_bytes(weights)
    with pytest.raises(UserError, match="base model of .* has digest"):
        ReGrad.load(copy, encoder=str(minilm))


def test_harness_scores_every_setting_and_writes_the_report(regrad, bank, data, tmp_path, monkeypatch):
    asked = list(data.questions["people"])
    asked[-1] = dataclasses.replace(asked[-1], answers=("A",), choices=(asked[-1].answers[0], "another"))
    prompts, wording = [], regrad.wording.question
    monkeypatch.setattr(
        regrad,
        "wording",
        regrad.wording._replace(question=lambda *given: prompts.append(wording(*given)) or prompts[-1]),
    )
    results = evaluate(regrad, bank, "people", asked, list(SETTINGS), SILENT)
    assert all(wording(question, []) in prompts for question in asked)
    assert any("Which letter?" in prompt for prompt in prompts)
    assert [r.setting for r in results] == list(SETTINGS)
    by_name = {r.setting: r for r in results}
    assert by_name["Direct"].recall is None
    for name, result in by_name.items():
        searches = name not in ("Direct", "ReGrad, random documents")
        assert (result.timings_ms["retrieve"] > 0.05) == searches
        assert result.ms_per_question > sum(result.timings_ms.values()) * 0.9
    assert by_name["ReGrad k=3"].recall >= by_name["ReGrad k=1"].recall > 0.8
    assert by_name["ReGrad, random documents"].recall == 0
    report.write(tmp_path / "r", "People", results, {"people": asked}, {"note": "a < b"})
    facts = json.loads((tmp_path / "r" / "results.json").read_text())
    assert [r["n"] for r in facts["results"]] == [len(asked)] * len(SETTINGS)
    lines = (tmp_path / "r" / "answers.jsonl").read_text().splitlines()
    assert len(lines) == len(asked) * len(SETTINGS)
    assert json.loads(lines[-1])["choices"] == list(asked[-1].choices)
    assert f"{asked[-1].question}  [A. {asked[-1].choices[0]}]" in report.samples(
        results, {"people": asked[-1:]}, 1
    )
    page = (tmp_path / "r" / "report.html").read_text()
    assert "data:image/png" in page
    assert "a &lt; b" in page
    assert (tmp_path / "r" / "results.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UserError, match="setting 'x' is unknown"):
        evaluate(regrad, bank, "people", asked, ["x"], SILENT)


def test_knowledge_gap_measures_what_a_gradient_does_to_its_own_answer(regrad, bank, data):
    gap = knowledge_gap(regrad, bank, data.questions["people"])
    whole = {r.document_id for r in bank.records.values() if r.id == r.document_id}
    assert gap.questions == sum(q.document_id in whole for q in data.questions["people"])
    assert gap.gap.mean == pytest.approx(gap.other - gap.gold)
    assert gap.none == pytest.approx(np.log(600), abs=3)  # a random model of 600 words
    assert len({gap.gold, gap.other, gap.none}) == 3
    losses_Q = gold_losses(regrad, bank, data.questions["people"])
    assert len(losses_Q) == gap.questions and losses_Q.mean() == pytest.approx(gap.gold)
    assert gold_losses(regrad, bank, []).size == 0


@pytest.mark.parametrize("name", ["chat", "reference", "simple_raw"])
def test_a_checkpoint_speaks_in_the_words_of_its_family(name, regrad, data, tmp_path, monkeypatch):
    template = "{% for m in messages %}<|end|>{{ m.content }}{% endfor %}<|end|>"
    monkeypatch.setattr(regrad.base.tokenizer, "chat_template", template)
    other = ReGrad(dataclasses.replace(regrad.checkpoint, prompts=name), regrad.base, regrad.embedder)
    family, chat = (PROMPTS[family](regrad.base.tokenizer) for family in (name, "chat"))
    [question, *_] = data.questions["people"]
    text = next(d.text for d in data.documents if d.id == question.document_id)
    document = Document(str(question.document_id), text[:120], title="A title")
    encoded, laid_out, asked = [], [], []
    decode = regrad.base.tokenizer.decode

    gradients = other.passage_encoder._gradients

    def rows(layout, decoder, meta, documents):
        tokens, length = documents.tokens_NxT[0, 0], documents.lengths_N[0, 0]
        encoded.append(decode(tokens[:length]))
        return gradients(layout, decoder, meta, documents)

    other.passage_encoder._gradients = rows
    bank, _ = other.build([document], tmp_path / "bank", progress=SILENT)
    assert encoded == [family.document(f"A title: {document.text}")]

    class Speaking:
        """Says what a model that has learned the family's form says, and a line more."""

        says = "Ann"

        def run(self, prompts, adaptation, max_new_tokens):
            asked.extend(prompts)
            return Generated([family.answer(self.says).replace("<|end|>", "") + "\nmore"], 0.0, 0.0)

    other.answerer = Speaking()
    for mode in MODES:
        [answer] = other.ask([question.question], bank, mode=mode, top_k=1)
        assert answer.answer == "Ann"
    shown = [bank.records[0].text]
    assert shown == [document.content]
    assert dict(zip(MODES, asked, strict=True)) == {
        "direct": chat.question(question, []),
        "rag": chat.question(question, shown),
        "regrad": family.question(question, []),
        "regrad+icl": family.question(question, shown),
    }

    asked.clear()
    choice = Question("c", "Which?", ("B",), question.document_id, choices=("red", "blue"))
    other.answerer.says = "b. blue"
    [answer] = other.ask([choice], bank, top_k=1)
    assert (answer.question, answer.answer) == ("Which?", "B")
    assert asked == [family.question(choice, [])]
    assert "B. blue" in asked[0]

    def lay_out(prompts, answers, width):
        laid_out.append((decode(prompts[0]), decode(answers[0])))
        return whole(prompts, answers, width)

    whole = knowledge._lay_out
    monkeypatch.setattr(knowledge, "_lay_out", lay_out)
    for asked_for in (question, choice):
        assert np.isfinite(gold_losses(other, bank, [asked_for])).all()
    assert laid_out == [(family.question(q, []), family.answer(q.answers[0])) for q in (question, choice)]


def test_documents_may_be_given_by_the_caller(regrad, bank, data):
    positions = np.array(list(bank.records)[:1])
    given = Retrieved(positions[None], np.zeros((1, 1), np.float32))
    answer = regrad.ask([data.questions["people"][0].question], bank, retrieved=given)[0]
    assert [c.id for c in answer.documents] == [bank.records[int(positions[0])].id]


def _damage(bank: Bank, key: str) -> None:
    """Flips a bit of a stored value, wherever it lies on the disk."""
    position = int(key.split("/")[1 if key.startswith("records") else 2])
    stored = bank._shards[0].values([position])[key]
    [file] = [f for f in bank.place.path.rglob("*") if f.is_file() and stored in f.read_bytes()]
    data = bytearray(file.read_bytes())
    data[data.find(stored) + 11] ^= 4
    file.write_bytes(data)


def test_a_damaged_gradient_is_skipped_with_a_warning_and_not_cited(regrad, data, tmp_path, capsys):
    documents = [Document(str(i), d.text) for i, d in enumerate(data.documents[:3])]
    made, _ = regrad.build(documents, tmp_path / "bank", codec="float32", progress=SILENT)
    question = data.questions["people"][0].question
    whole = regrad.retrieve([question], made, 3)
    worst = int(whole.positions_QxK[0, 2])
    _damage(made, f"rows/c/{worst}/0")
    damaged = regrad.open(tmp_path / "bank")
    capsys.readouterr()
    [answer] = regrad.ask([question], damaged, top_k=3, max_new_tokens=6)
    told = capsys.readouterr().err
    assert "warning" in told and repr(made.records[worst].id) in told and "--damaged" in told
    assert [c.id for c in answer.documents] == [made.records[int(p)].id for p in whole.positions_QxK[0, :2]]
    # What is left weighs as if it had been all.
    two = regrad.adapt(question, made, top_k=2)
    three = regrad.adapt(question, damaged, top_k=3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), two, three)


def test_rows_in_device_memory_adapt_as_rows_that_are_read(regrad, data, tmp_path, capsys):
    documents = [Document(str(i), d.text) for i, d in enumerate(data.documents[:11])]
    regrad.build(documents, tmp_path / "bank", codec="float32", progress=SILENT)
    made = regrad.open(tmp_path / "bank")  # anew: who has built it knows its records
    questions = [q.question for q in data.questions["people"][:3]]
    everything = {"top_k": 4, "max_new_tokens": 6}
    expected = regrad.ask(questions, made, **everything)
    steps = regrad.adapt(questions[0], made, top_k=4)
    held = regrad.hold(made)
    # Eleven rows on eight devices: two each on the first five, then one, then none.
    assert held.packed_DxRxC.shape == (8, 2, made.packed_bytes)
    assert held.bytes_a_device == 2 * made.packed_bytes
    assert len(held.packed_DxRxC.devices()) == 8
    with pytest.MonkeyPatch.context() as patch:
        for name in ("read", "records"):
            patch.setattr(made._shards, name, None)  # nothing of the bank is read
        found = regrad.ask(questions, made, **everything)
        again = regrad.adapt(questions[0], made, top_k=4)
    assert [a._replace(timings_ms={}) for a in found] == [a._replace(timings_ms={}) for a in expected]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), again, steps)

    # More questions than devices, and devices that hold none of what theirs want.
    rng = np.random.default_rng(0)
    places, scores = rng.integers(0, 11, (24, 3)), rng.random((24, 3)).astype(np.float32)
    sound = rng.random((24, 3)) < 0.8
    host, _ = made.read_sound(held.positions_N)
    of = lambda packed: Adaptation(
        packed, places, scores, sound, regrad.layout(made), "float32", 1.0, "relevance"
    )
    thetas = [regrad.answerer.adapt(of(packed)) for packed in (held.packed_DxRxC, host)]
    jax.tree.map(np.testing.assert_array_equal, *thetas)

    # A commit is seen: what is gone is not cited, and what is added has its row loaded.
    best = next(r for r in made.records.values() if r.id == expected[0].documents[0].id)
    positions, keys_NxE = made.keys()
    own = made.read_rows([best.position]), keys_NxE[positions == best.position]
    with made:
        made.delete([best.id])
        [answer] = regrad.ask(questions[:1], made, **everything)
        assert best.id not in {cited.id for cited in answer.documents}
        made.append([best], *own)
        [answer] = regrad.ask(questions[:1], made, **everything)
    assert answer.answer == expected[0].answer and best.id in {cited.id for cited in answer.documents}
    with pytest.raises(UserError, match="another version of the bank"):
        held._replace(positions_N=held.positions_N[1:]).places(np.array([0]))

    # Damage is passed over as it is when rows are read.
    worst = int(regrad.retrieve(questions[:1], made, 3).positions_QxK[0, 2])
    _damage(made, f"rows/c/{worst}/0")
    damaged = regrad.open(tmp_path / "bank")
    regrad.hold(damaged)
    capsys.readouterr()
    [answer] = regrad.ask(questions[:1], damaged, top_k=3, max_new_tokens=6)
    assert len(answer.documents) == 2
    assert repr(made.records[worst].id) in capsys.readouterr().err


def test_rows_that_do_not_fit_into_the_devices_are_refused(regrad, bank, monkeypatch, tmp_path):
    class Small:
        """A device with room for a byte less than its share of the bank."""

        def memory_stats(self):
            return {"bytes_limit": 10 + -(-len(bank) // 8) * bank.packed_bytes, "bytes_in_use": 11}

    monkeypatch.setattr(jax, "local_devices", lambda: [Small()] * 8)
    with pytest.raises(UserError, match="GiB of rows a device do not fit into the .* ask without holding"):
        regrad.hold(bank)
    monkeypatch.undo()
    with pytest.raises(UserError, match="is empty; there is nothing to hold"):
        regrad.hold(regrad.create(tmp_path / "empty"))


def test_a_document_whose_record_is_lost_is_passed_over_with_a_warning(regrad, data, tmp_path, capsys):
    made, _ = regrad.build(data.documents[:3], tmp_path / "bank", progress=SILENT)
    _damage(made, "records/0000000000000")
    capsys.readouterr()
    lost, bank = made.records[0].id, regrad.open(tmp_path / "bank")
    for mode in ("regrad", "regrad+icl", "rag"):
        [answer] = regrad.ask(["Who?"], bank, mode=mode, top_k=3, max_new_tokens=6)
        assert len(answer.documents) == 2 and lost not in {cited.id for cited in answer.documents}
        assert "1 of the documents found cannot be read" in capsys.readouterr().err


def test_an_older_version_can_be_asked(regrad, data, tmp_path):
    question = data.questions["people"][0]
    made, _ = regrad.build(data.documents[:4], tmp_path / "bank", progress=SILENT)
    with made:
        made.delete([question.document_id])
    asked = {version: regrad.open(tmp_path / "bank", version) for version in (1, 2)}
    cited = {
        version: {c.id for c in regrad.ask([question.question], bank, top_k=9, max_new_tokens=1)[0].documents}
        for version, bank in asked.items()
    }
    assert {passage.split("#")[0] for passage in cited[1] - cited[2]} == {question.document_id}


def test_rebuild_makes_the_bank_that_a_build_would_make(regrad, bank, data, tmp_path):
    new, built = regrad.rebuild(bank, tmp_path / "new", codec="int4", progress=SILENT)
    assert built.added == len(new) == len(bank)
    texts = lambda bank: {r.id: (r.text, r.title, r.source, r.document_id) for r in bank.records.values()}
    assert texts(new) == texts(bank)
    rows = {r.id: p for p, r in bank.records.items()}
    [old] = np.asarray(bank.read_rows([rows[new.records[0].id]]))
    [again] = np.asarray(new.read_rows([0]))
    assert np.linalg.norm(again - old) < 0.2 * np.linalg.norm(old)
    assert regrad.rebuild(bank, tmp_path / "new", progress=SILENT, codec="int4")[1].unchanged == len(bank)
    with pytest.raises(UserError, match="is the bank to be rebuilt"):
        regrad.rebuild(bank, str(bank.place))


@pytest.mark.parametrize(
    ("training", "codec"), [({"codec": "float32"}, "int8"), ({"codec": "ternary"}, "ternary")]
)
def test_rebuild_packs_as_the_checkpoint_was_trained_for_or_as_before(
    training, codec, regrad, data, tmp_path
):
    old, _ = regrad.build(data.documents[:2], tmp_path / "old", codec="int8", progress=SILENT)
    checkpoint = dataclasses.replace(regrad.checkpoint, training=training)
    new, _ = ReGrad(checkpoint, regrad.base, regrad.embedder).rebuild(old, tmp_path / "new", progress=SILENT)
    assert new.manifest.codec == codec


def test_rebuild_cuts_again_what_a_shorter_checkpoint_cannot_hold(regrad, folder, bank, minilm, tmp_path):
    shorter = dataclasses.replace(regrad.checkpoint, document_tokens=40)
    save_checkpoint(tmp_path / "shorter", shorter)
    other = ReGrad.load(tmp_path / "shorter", encoder=str(minilm))
    new, _ = other.rebuild(bank, tmp_path / "new", progress=SILENT)
    assert len(new) > len(bank)
    words = lambda bank: {word for p in bank.passages() for word in p.text.split()}
    titles = {
        word for p in bank.passages() for word in f"{p.title}:".split()
    }  # cut short where they are long
    assert (
        words(bank)
        <= words(new)
        <= words(bank) | {word for p in new.passages() for word in titles | {p.title}}
    )


def test_passages_whose_ids_collide_are_refused(regrad):
    documents = [Document("d", "One sentence of some words. " * 60), Document("d#1", "Five.")]
    with pytest.raises(UserError, match="two passages would have the id 'd#1'"):
        regrad.passage_encoder.passages(documents)


def test_a_text_that_looks_titled_is_rebuilt_as_it_was(regrad, tmp_path):
    made, _ = regrad.build([Document("a", ": so it began")], tmp_path / "b", progress=SILENT)
    assert [passage.text for passage in made.passages()] == [": so it began"]


def test_the_encoder_is_that_of_the_training(regrad, folder, minilm, tmp_path):
    copy = tmp_path / "minilm"
    copy.mkdir()
    for file in minilm.iterdir():
        (copy / file.name).symlink_to(file)
    trained = dataclasses.replace(regrad.checkpoint, training={"encoder": str(copy)})
    save_checkpoint(tmp_path / "checkpoint", trained)
    assert (
        ReGrad.load(tmp_path / "checkpoint").embedder.name
        == ReGrad.load(folder / "checkpoint", encoder=str(copy)).embedder.name
    )
    save_checkpoint(tmp_path / "other", dataclasses.replace(trained, training={"encoder": "absent"}))
    with pytest.raises(UserError, match="absent"):
        ReGrad.load(tmp_path / "other")


def test_training_is_timed_with_one_inner_step_whatever_the_checkpoint_takes(regrad):
    several = ReGrad(dataclasses.replace(regrad.checkpoint, inner_steps=2), regrad.base, regrad.embedder)
    facts = BENCHES["train"](several)
    assert min(facts[f"theta_{how}_s"] for how in ("learned", "zero", "zero_cached")) > 0


def test_random_documents_need_others_than_the_question_s_own(regrad, data, tmp_path):
    asked = [q for q in data.questions["people"] if q.document_id == data.documents[0].id]
    alone, _ = regrad.build(data.documents[:1], tmp_path / "b", progress=SILENT)
    with pytest.raises(UserError, match="fewer than 1 passages of other documents"):
        evaluate(regrad, alone, "people", asked, ["ReGrad, random documents"], SILENT)


@pytest.mark.parametrize(
    ("training", "codec"), [({}, "int4"), ({"codec": "float32"}, "int4"), ({"codec": "ternary"}, "ternary")]
)
def test_a_new_bank_is_packed_as_its_checkpoint_was_trained_for(training, codec, regrad, tmp_path):
    checkpoint = dataclasses.replace(regrad.checkpoint, training=training)
    trained = ReGrad(checkpoint, regrad.base, regrad.embedder)
    assert trained.create(tmp_path / "bank").manifest.codec == codec
    assert trained.create(tmp_path / "asked", "int2").manifest.codec == "int2"


def test_codecs_are_measured_on_one_set_of_gradients(regrad, tmp_path, monkeypatch):
    notes, asked = load_fieldnotes()
    monkeypatch.setattr(fieldnotes, "load_fieldnotes", lambda: (notes[:2], asked[:2]))
    codecs = ("float32", "float16", "int8", "int4", "int2")
    measured = bench_codecs.measure(regrad, codecs, entities=3, questions=2, progress=SILENT)
    assert {facts["answer_loss"] for facts in measured} == {None}  # every document is cut in several
    errors = {facts["codec"]: facts["update_error"] for facts in measured}
    bits = {facts["codec"]: facts["bits"] for facts in measured}
    assert errors["float32"] == 0 < errors["float16"] < errors["int8"] < errors["int4"] < errors["int2"] < 1
    assert sorted(bits, key=bits.__getitem__)[-1] == "float32"
    assert all(
        facts["bytes_per_document"] > facts["bits"] * regrad.checkpoint.layout.size / 8 for facts in measured
    )
    bench_codecs.plot(tmp_path / "codecs.png", measured)
    assert (tmp_path / "codecs.png").stat().st_size > 10_000
