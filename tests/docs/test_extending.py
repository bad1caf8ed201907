"""The examples of docs/extending.md are added to their tables, as the page says, and do what it says."""

import importlib
import importlib.util
import math
import pathlib
import re
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.factors import gradient_factors, project_factors
from regrad_jax.adaptation.inner import document_gradients
from regrad_jax.adaptation.outer import outer_loss
from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.data.datasets import complete, load
from regrad_jax.data.documents import Question
from regrad_jax.errors import UserError
from regrad_jax.evaluation.harness import QuestionSet, evaluate
from regrad_jax.evaluation.plans import parse_plans
from regrad_jax.methods.base import Setup
from regrad_jax.methods.lookup import Lookup
from regrad_jax.methods.options import Options
from regrad_jax.methods.table import make_method
from regrad_jax.retrieval.table import RETRIEVERS
from tests.tiny_models import adapter, assert_near, decoder, documents, double, meta_params, task_batch
from tests.tiny_regrad import SILENT

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?:\[(.+)\]\(#(.+)\)|(.+)) \| `(\w+)` \| `(regrad_jax/.+)\.py` \|$", re.MULTILINE)
TABLES = {table: (anchor, file.replace("/", ".")) for _, anchor, _, table, file in ROW.findall(PAGE)}


def examples(anchor: str) -> list[str]:
    """Returns the Python blocks of the section that an anchor leads to."""
    [section] = [
        section
        for section in PAGE.split("\n## ")[1:]
        if section.splitlines()[0].lower().replace(" ", "-") == anchor
    ]
    return re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


@pytest.fixture
def extend(monkeypatch):
    """Adds the example of one table as the page says: its code to its file, and its line to the table."""

    def add(table: str) -> None:
        anchor, home = TABLES[table]
        code, line = examples(anchor)
        first_line = re.match(r"# (regrad_jax/.+)\.py", code)
        assert first_line, code
        name = first_line[1].replace("/", ".")
        table_module = importlib.import_module(home)
        if name == home:
            names = dict(vars(table_module))
            exec(code, names)
        else:
            assert importlib.util.find_spec(name) is None, f"{name} is there already"
            module = types.ModuleType(name)
            monkeypatch.setitem(sys.modules, name, module)
            exec(code, vars(module))
            names = {**vars(table_module), **vars(module), name.rpartition(".")[2]: module}
        for key, value in eval(f"{{{line}}}", names).items():
            assert key not in getattr(table_module, table)
            monkeypatch.setitem(getattr(table_module, table), key, value)

    return add


def test_the_page_names_every_table_and_where_it_is():
    shown = {table for table, (anchor, _) in TABLES.items() if anchor}
    assert shown == {"INNER_RULES", "DOCUMENT_WEIGHTS", "METHODS", "DATASETS", "RETRIEVERS"}
    assert set(TABLES) - shown == {"KINDS", "CODECS", "PROMPTS"}
    for table, (anchor, home) in TABLES.items():
        assert isinstance(getattr(importlib.import_module(home), table), dict)
        assert bool(anchor) == (
            table in ("INNER_RULES", "DOCUMENT_WEIGHTS", "METHODS", "DATASETS", "RETRIEVERS")
        )
        if anchor:
            assert len(examples(anchor)) == 2 and len(examples(anchor)[1].splitlines()) <= 6


@pytest.mark.parametrize("kind", ["core", "lora"])
def test_the_inner_rule_gives_every_matrix_unit_norm(kind, extend):
    extend("INNER_RULES")
    inner = InnerProblem(adapter(kind), rule="unit")
    meta, docs = meta_params(inner.adapter), documents((9, 4, 1), width=12)
    plain, plain_losses_N = document_gradients(decoder(), InnerProblem(inner.adapter), meta, docs)
    grads, losses_N = document_gradients(decoder(), inner, meta, docs)
    np.testing.assert_allclose(losses_N, plain_losses_N, rtol=1e-6)
    norm = lambda x: np.linalg.norm(x, axis=(-2, -1), keepdims=True)
    assert_near(grads, jax.tree.map(lambda x: x / np.maximum(norm(x), 1e-9), plain), 1e-5)
    for leaf in jax.tree.leaves(grads):  # a document of one token has no gradient
        np.testing.assert_allclose(norm(leaf)[:, :, 0, 0], [[1, 1], [1, 1], [0, 0]], rtol=1e-5)


def test_the_inner_rule_serves_training_with_theta_at_zero_and_learned(extend):
    extend("INNER_RULES")
    inner = InnerProblem(adapter(), rule="unit")
    meta, docs = meta_params(inner.adapter, zero=True), documents((9, 4), width=12)
    factors, _ = gradient_factors(decoder(), inner.adapter, docs)
    grads, _ = document_gradients(decoder(), inner, meta, docs)
    assert_near(project_factors(inner, meta.bases, factors), grads, 1e-4)


def test_the_inner_rule_is_one_that_banks_tell_apart(extend):
    extend("INNER_RULES")
    inner = InnerProblem(adapter(), rule="unit")
    assert inner.fingerprint() != InnerProblem(adapter()).fingerprint()
    with pytest.raises(UserError, match="inner.damping: 0.5 has no effect on rule 'unit'"):
        InnerProblem(adapter(), rule="unit", damping=0.5)


def test_the_meta_gradient_goes_through_the_rule_and_the_weight(extend):
    """Against a finite difference in float64; one document has two tokens, one question has no documents."""
    extend("INNER_RULES")
    extend("DOCUMENT_WEIGHTS")
    inner = InnerProblem(adapter(), rule="unit", weighting="reciprocal_rank")
    with jax.enable_x64(True):
        meta, batch = double((meta_params(inner.adapter), task_batch()))
        model = double(decoder()).replace(dtype=jnp.float64)
        loss = jax.jit(lambda meta: outer_loss(meta, model, inner, batch)[0])
        slope = jax.grad(loss)(meta)
        rng = np.random.default_rng(0)
        direction = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape)), meta)
        moved = lambda step: jax.tree.map(lambda x, d: x + step * d, meta, direction)
        difference = float(loss(moved(1e-5)) - loss(moved(-1e-5))) / 2e-5
        expected = sum(map(jnp.vdot, jax.tree.leaves(slope), jax.tree.leaves(direction)))
        assert isinstance(slope, MetaParams) and abs(difference) > 1e-3
        assert difference == pytest.approx(float(expected), rel=1e-6)


def test_the_document_weight_is_the_reciprocal_of_the_rank(extend, regrad, people, people_bank):
    extend("DOCUMENT_WEIGHTS")
    options = Options(top_k=3, max_new_tokens=2, weighting="reciprocal_rank")
    expected = np.array([6, 3, 2]) / 11
    for answer in regrad.ask(people.questions, people_bank, options):
        np.testing.assert_allclose([cited.weight for cited in answer.documents], expected, rtol=1e-6)

    # The steps of one, two and three documents, of which each counts 1, say what a document's own step is.
    asked = people.questions[0].question
    theta = regrad.checkpoint.meta.theta
    step = lambda options: jax.tree.map(jnp.subtract, theta, regrad.adapt(asked, people_bank, options))
    one, two, three = (step(Options(top_k=k, weighting="sum")) for k in (1, 2, 3))
    by_hand = lambda a, b, c: expected[0] * a + expected[1] * (b - a) + expected[2] * (c - b)
    assert_near(step(options), jax.tree.map(by_hand, one, two, three), 1e-5)


def test_the_method_is_measured_by_its_name(extend, regrad, people, tmp_path):
    extend("METHODS")
    group = {"kind": "fieldnotes", "settings": ["rag_packed"]}
    [plan] = parse_plans({"datasets": {"notes": group}}).values()
    setup = Setup(regrad.runtime, folder=tmp_path / "bank", progress=SILENT)
    sets = {"people": QuestionSet(people.questions)}
    [result] = evaluate(setup, people.documents, sets, plan.settings)
    assert (result.setting, result.score.n) == ("rag_packed", len(people.questions))
    assert result.recall > 0.8 and {answer.mode for answer in result.answers} == {"rag_packed"}


def test_the_method_shows_the_best_passages_that_fit_the_best_one_last(extend, regrad, people, people_bank):
    extend("METHODS")
    runtime, questions = regrad.runtime, people.questions[:3]
    options = Options("rag_packed", top_k=len(people_bank), max_new_tokens=4)
    plain = regrad.ask(questions, people_bank, Options("rag", top_k=len(people_bank), max_new_tokens=4))
    answers = regrad.ask(questions, people_bank, options)
    method = make_method(Setup(runtime, options, Lookup(runtime, people_bank)))
    room = runtime.engine.positions - options.max_new_tokens
    for question, too_long, answer, request in zip(
        questions, plain, answers, method.draft(questions).requests, strict=True
    ):
        shown = list(answer.documents)
        assert too_long.error and not answer.error
        assert shown == list(too_long.documents)[: len(shown)] and 0 < len(shown) < len(people_bank)
        fitting, next_one = (
            runtime.tokens(runtime.chat.question(question, [cited.text for cited in passages[::-1]]))
            for passages in (shown, too_long.documents[: len(shown) + 1])
        )
        assert list(request.tokens) == fitting and len(fitting) <= room < len(next_one)
    assert regrad.ask([], people_bank, options) == []


def test_the_data_set_is_read_split_by_split(extend, tmp_path):
    extend("DATASETS")
    rows = [
        (f"Who lights lamp {n}, in part {part}?", f"Keeper {n}", f"Keeper {n} lights lamp {n}.")
        for part in range(2)
        for n in range(60)
    ]
    path = tmp_path / "rows.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    splits = {split: load("tsv", split, {"path": str(path)}) for split in ("train", "validation", "test")}
    texts = [document.text for dataset in splits.values() for document in dataset.documents]
    assert sorted(texts) == sorted({passage for _, _, passage in rows})
    assert 36 <= len(splits["train"].documents) < 58 and all(data.documents for data in splits.values())
    asked = {}
    for dataset in splits.values():
        by_id = {document.id: document.text for document in dataset.documents}
        for question in dataset.questions:
            asked[question.question] = (*question.answers, by_id[str(question.document_id)])
    assert asked == {question: tuple(rest) for question, *rest in rows}

    with path.open("a") as file:
        file.write("A new one?\tYes\tA passage that nobody has read.\n")
    for split, before in splits.items():
        now = load("tsv", split, {"path": str(path)})
        assert now.documents[: len(before.documents)] == before.documents
        assert now.questions[: len(before.questions)] == before.questions


def test_the_data_set_is_a_group_of_a_config(extend, tmp_path):
    extend("DATASETS")
    assert complete({"kind": "tsv", "path": "rows.tsv"}) == {"kind": "tsv", "path": "rows.tsv"}
    with pytest.raises(UserError, match="^here.path: '' must be a text that is not empty"):
        complete({"kind": "tsv", "path": ""}, "here")
    (tmp_path / "rows.tsv").write_text("Which?\tred\tIt is red.\nWhich?\tred\n")
    with pytest.raises(UserError, match="rows.tsv, line 2: give a question, an answer and a passage"):
        load("tsv", "train", {"path": str(tmp_path / "rows.tsv")})


@pytest.mark.parametrize("mode", ["rag", "regrad"])
def test_the_retriever_finds_the_documents_of_questions(mode, extend, regrad, people, people_bank):
    extend("RETRIEVERS")
    options = Options(mode, top_k=1, retriever="bm25", max_new_tokens=2)
    stranger = Question("stranger", "Zyxwv?", ())
    *answers, nothing = regrad.ask([*people.questions, stranger], people_bank, options)
    hits = [
        question.document_id == answer.documents[0].document_id
        for question, answer in zip(people.questions, answers, strict=True)
    ]
    assert np.mean(hits) > 0.8
    assert not nothing.documents and not nothing.error  # no word of it is in the bank
    assert regrad.session(people_bank).retriever(options).reason.startswith("BM25: the words of ")


def test_the_retriever_scores_by_the_formula(extend):
    extend("RETRIEVERS")
    texts = {3: "the lamp", 5: "the red red lamp of Orsk", 8: "the sea"}
    source = types.SimpleNamespace(
        positions=lambda: np.array(list(texts)), texts=lambda positions: {p: texts[p] for p in positions}
    )
    asked = [Question("", "Red LAMP?", ()), Question("", "sea", ())]
    positions_QxK, scores_QxK = RETRIEVERS["bm25"](source, None).search(asked, 2)
    assert positions_QxK.tolist() == [[5, 3], [8, -1]]
    rarity = lambda passages: math.log(1 + (3 - passages + 0.5) / (passages + 0.5))
    counted = lambda times, words: times * 2.2 / (times + 1.2 * (0.25 + 0.75 * words / (10 / 3)))
    expected = [rarity(1) * counted(2, 6) + rarity(2) * counted(1, 6), rarity(2) * counted(1, 2)]
    np.testing.assert_allclose(scores_QxK[0], expected, rtol=1e-5)
