"""Quantised factors stay near and the cache gives every batch what computing it anew would give."""

import dataclasses
import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.factors import gradient_factors, project_factors
from regrad_jax.training import cache as cache_module
from regrad_jax.training.cache import ActivationCache, bytes_a_token, quantise
from regrad_jax.training.sources import SourceConfig
from regrad_jax.training.tasks import Asked, Draw, TaskSource, TokenisedQuestion, assemble
from tests.tiny_models import (
    adapter,
    assert_near,
    decoder,
    documents,
    inner_problem,
    meta_params,
    relative_error,
)

LENGTHS = (9, 1, 12, 6)


@functools.partial(jax.jit, static_argnames="config")
def quantised_and_exact(config, docs):
    factors, _ = gradient_factors(decoder(), config, docs)
    return quantise(factors), factors


@pytest.mark.parametrize("damping", [math.inf, 0.3])
@pytest.mark.parametrize("targets", [("gate", "up", "down"), ("down", "up")], ids="-".join)
def test_quantised_factors_project_to_nearly_the_same_gradients(targets, damping):
    config = adapter(targets=targets)
    inner = inner_problem(config, damping=damping)
    quantised, factors = quantised_and_exact(config, documents(LENGTHS))
    assert {leaf.dtype for leaf in jax.tree.leaves(quantised[:2])} == {jnp.dtype(jnp.int8)}
    bases = meta_params(config, zero=True).bases
    found, exact = (project_factors(inner, bases, f) for f in (quantised, factors))
    assert_near(found, exact, 0.02)
    assert relative_error(found["up"]["R"], exact["up"]["R"]) > 1e-5  # it is quantised


def test_padding_and_silence_stay_exactly_zero():
    config = adapter()
    quantised, factors = quantised_and_exact(config, documents(LENGTHS))
    for codes in quantised.cotangents.values():
        assert not np.any(np.asarray(codes)[:, np.arange(12) >= np.array(LENGTHS)[:, None]])
    # A token that predicts something counts, even where nothing is to be learned from it.
    silent = factors._replace(cotangents=jax.tree.map(jnp.zeros_like, factors.cotangents))
    for target, scales in quantise(silent).scales.items():
        np.testing.assert_array_equal(scales != 0, factors.scales[target] != 0)
    nothing = quantise(jax.tree.map(jnp.zeros_like, factors))
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(nothing))  # nor NaN


CONFIG = SourceConfig(
    {"kind": "almanac"}, anchors=2, questions_per_document=1, document_tokens=12, question_tokens=9
)


@pytest.fixture(scope="module")
def source() -> TaskSource:
    rng = np.random.default_rng(0)
    tokens: Callable[[int], list[int]] = lambda length: rng.integers(0, 97, length).tolist()
    texts = [tokens(length) for length in (9, 12, 2, 6, 11, 5)]
    questions = [TokenisedQuestion(tokens(3 + n), tokens(2), n) for n in range(5)]
    keys = rng.normal(size=(6, 4)).astype(np.float32)
    neighbours = np.array([[n, (n + 1) % 6] for n in range(5)])
    return TaskSource(
        CONFIG, list("abcdef"), texts, questions, [[n] for n in range(5)] + [[]], keys, keys[:5], neighbours,
        context_prompt=lambda question, shown: [],
    )  # fmt: skip


FIRST, SECOND = [0, 1], [2, 3]  # the slots of a group
DRAWS = [
    Draw([0, 1, 3, 4], [Asked(0, FIRST), Asked(1, FIRST), Asked(3, SECOND), Asked(4, SECOND)]),
    # known and new ones, one of them twice
    Draw([1, 2, 0, 1], [Asked(1, FIRST), Asked(2, FIRST), Asked(0, SECOND), Asked(1, SECOND)]),
    Draw([4, 5, 2, 3], [Asked(4, FIRST), Asked(2, SECOND), Asked(3, SECOND)]),  # one question short
    Draw([0, 1, 3, 4], [Asked(0, FIRST), Asked(1, FIRST), Asked(3, SECOND), Asked(4, SECOND)]),
]


def test_a_filled_batch_is_what_is_computed_anew(source, tmp_path):
    config = adapter()
    cache = ActivationCache(decoder(), config, source, tmp_path)
    trunk = jax.jit(lambda tokens: decoder().trunk(tokens)[0])
    for drawn in DRAWS:
        batch = assemble(source, drawn)
        filled = cache.fill(drawn, batch)
        np.testing.assert_array_equal(filled.retrieved_QxN, batch.retrieved_QxN)
        np.testing.assert_array_equal(filled.questions.tokens_QxT, batch.questions.tokens_QxT)
        count = len(drawn.chosen)
        expected = trunk(batch.questions.tokens_QxT)
        np.testing.assert_allclose(
            filled.questions.hidden_QxTxD[:count], expected[:count], rtol=1e-5, atol=1e-6
        )
        assert not np.any(filled.questions.hidden_QxTxD[count:])

        docs = jax.tree.map(jnp.asarray, batch.documents)
        quantised, exact = quantised_and_exact(config, docs)
        seen = np.arange(12) < batch.documents.lengths_N[:, None]
        for found, wanted in zip(jax.tree.leaves(filled.documents), jax.tree.leaves(quantised), strict=True):
            assert found.shape == wanted.shape
            assert not np.any(found[:, ~seen])
            if found.dtype == np.int8:  # a rounding may go the other way
                assert np.abs(found.astype(int) - wanted)[:, seen].max() <= 1
            else:
                np.testing.assert_allclose(found[:, seen], np.asarray(wanted)[:, seen], rtol=1e-4, atol=1e-9)
        bases = meta_params(config, zero=True).bases
        projected = [project_factors(inner_problem(config), bases, f) for f in (filled.documents, exact)]
        assert_near(*projected, 0.02)


def test_a_text_is_computed_once_and_no_file_is_left(source, tmp_path, monkeypatch):
    traced = []

    def counting(*arguments):
        traced.append(arguments)
        return gradient_factors(*arguments)

    monkeypatch.setattr(cache_module, "gradient_factors", counting)
    cache = ActivationCache(decoder(), adapter(scale=3.0), source, tmp_path)  # of no other test
    run = {"documents": 0, "questions": 0}

    def count(what, name):
        function = getattr(cache_module, name)

        def called(*arguments):
            run[what] += 1
            return function(*arguments)

        monkeypatch.setattr(cache_module, name, called)

    count("documents", "quantised_factors")
    count("questions", "activations")
    filled = [cache.fill(drawn, assemble(source, drawn)) for drawn in DRAWS]
    # Room beside the second draw's one new document went to the last one, so the third draw is known.
    assert run == {"documents": 2, "questions": 2}
    assert len(traced) == 1  # and one shape serves all
    jax.tree.map(np.testing.assert_array_equal, filled[0], filled[3])
    assert list(tmp_path.iterdir()) == []


def test_what_the_file_takes_is_known_before(source, tmp_path):
    cache = ActivationCache(decoder(), adapter(), source, tmp_path)
    for drawn in DRAWS:
        cache.fill(drawn, assemble(source, drawn))
    tokens = sum(map(len, source.documents))  # the draws have all of them
    assert cache.file_bytes == tokens * bytes_a_token(decoder(), adapter())


def test_factors_are_as_long_as_the_batchs_documents(source, tmp_path):
    cache = ActivationCache(decoder(), adapter(), source, tmp_path)
    longest = max(len(source.documents[d]) for d in DRAWS[0].pool)
    whole, short = (cache.fill(DRAWS[0], assemble(source, DRAWS[0], n)) for n in (None, longest))
    assert {x.shape[2] for x in jax.tree.leaves(short.documents)} == {longest}
    cut = jax.tree.map(lambda x: x[:, :, :longest], whole.documents)
    jax.tree.map(np.testing.assert_array_equal, cut, short.documents)


def test_activations_are_left_to_the_step_where_prompts_show_documents(source, tmp_path):
    shown = source._replace(config=dataclasses.replace(CONFIG, context=0.5))
    drawn = DRAWS[0]._replace(chosen=[Asked(0, FIRST, [7, 8, 9]), *DRAWS[0].chosen[1:]])
    batch = assemble(shown, drawn)
    filled = ActivationCache(decoder(), adapter(), shown, tmp_path).fill(drawn, batch)
    jax.tree.map(np.testing.assert_array_equal, filled.questions, batch.questions)
    assert filled.questions.hidden_QxTxD is None
    blind = ActivationCache(decoder(), adapter(), source, tmp_path).fill(DRAWS[0], batch)
    jax.tree.map(np.testing.assert_array_equal, filled.documents, blind.documents)
