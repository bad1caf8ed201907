"""Packed factors stay near and the cache gives every batch what computing it anew would give."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_models import DECODER, adapter, assert_near, decoder, documents, meta_params, relative_error

from regrad_jax.adaptation.inner import Factors, gradient_factors, project_factors
from regrad_jax.training import cache as cache_module
from regrad_jax.training.cache import ActivationCache, pack_factors, unpack_factors
from regrad_jax.training.config import SourceConfig
from regrad_jax.training.tasks import Draw, TaskSource, TokenisedQuestion, assemble

LENGTHS = (9, 1, 12, 6)
TARGETS = [("gate", "up", "down"), ("down", "up")]


@functools.partial(jax.jit, static_argnames="config")
def packed_and_exact(config, docs):
    factors, _ = gradient_factors(decoder(), config, docs)
    return pack_factors(config, factors), factors


@pytest.mark.parametrize("targets", TARGETS, ids="-".join)
def test_packing_keeps_factors_within_its_error(targets):
    config = adapter(targets=targets)
    packed, factors = packed_and_exact(config, documents(LENGTHS))
    assert packed.values_NxTxLxW.dtype == jnp.int8
    assert packed.scales_NxTxLxS.shape == (4, 12, 2, 2 * len(targets))
    found = unpack_factors(config, DECODER, packed)
    assert_near(found, factors, 0.015)
    # Half a step of the largest number of each vector, and no more.
    for part, exact in zip(jax.tree.leaves(found), jax.tree.leaves(factors), strict=True):
        step = np.abs(exact).max(axis=-1, keepdims=True) / 127
        assert np.all(np.abs(part - exact) <= 0.501 * step)
        assert relative_error(part, exact) > 1e-4  # it is quantised
    bases = meta_params(config, zero=True).bases
    projected = [project_factors(config, bases, f) for f in (found, factors)]
    assert_near(*projected, 0.015)


def test_padding_and_silence_stay_exactly_zero():
    config = adapter()
    packed, factors = packed_and_exact(config, documents(LENGTHS))
    for part in unpack_factors(config, DECODER, packed).cotangents.values():
        assert not np.any(np.asarray(part)[np.arange(12) >= np.array(LENGTHS)[:, None]])
    nothing = jax.tree.map(jnp.zeros_like, factors)
    back = unpack_factors(config, DECODER, pack_factors(config, nothing))
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(back))  # nor NaN


CONFIG = SourceConfig("almanac", anchors=2, questions_per_document=1, document_tokens=12, question_tokens=9)


@pytest.fixture(scope="module")
def source() -> TaskSource:
    rng = np.random.default_rng(0)
    tokens = lambda length: rng.integers(0, 97, length).tolist()
    texts = [tokens(length) for length in (9, 12, 2, 6, 11, 5)]
    questions = [TokenisedQuestion(tokens(3 + n), tokens(2), n) for n in range(5)]
    keys = rng.normal(size=(6, 4)).astype(np.float32)
    neighbours = np.array([[n, (n + 1) % 6] for n in range(5)])
    return TaskSource(CONFIG, texts, questions, [[n] for n in range(5)] + [[]], keys, keys[:5], neighbours)


DRAWS = [
    Draw([0, 1, 3, 4], [(0, 0), (1, 0), (3, 1), (4, 1)]),
    Draw([1, 2, 0, 1], [(1, 0), (2, 0), (0, 1), (1, 1)]),  # known and new ones, one of them twice
    Draw([4, 5, 2, 3], [(4, 0), (2, 1), (3, 1)]),  # one question short
    Draw([0, 1, 3, 4], [(0, 0), (1, 0), (3, 1), (4, 1)]),
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

        packed, exact = packed_and_exact(config, jax.tree.map(jnp.asarray, batch.documents))
        found = unpack_factors(config, DECODER, filled.documents)
        seen = np.arange(12) < batch.documents.lengths_N[:, None]
        np.testing.assert_allclose(
            filled.documents.scales_NxTxLxS[seen],
            np.asarray(packed.scales_NxTxLxS)[seen],
            rtol=1e-4,
            atol=1e-9,
        )
        steps = filled.documents.values_NxTxLxW.astype(int) - packed.values_NxTxLxW
        assert np.abs(steps)[seen].max() <= 1  # a rounding that went the other way
        assert not np.any(filled.documents.values_NxTxLxW[~seen])
        bases = meta_params(config, zero=True).bases
        exact = Factors(*exact)
        assert_near(project_factors(config, bases, found), project_factors(config, bases, exact), 0.015)


def test_a_text_is_computed_once_and_no_file_is_left(source, tmp_path, monkeypatch):
    traced = []

    def counting(*arguments):
        traced.append(arguments)
        return gradient_factors(*arguments)

    monkeypatch.setattr(cache_module, "gradient_factors", counting)
    cache = ActivationCache(decoder(), adapter(), source, tmp_path)
    run = {"documents": 0, "questions": 0}
    pack, trunk = cache._pack, cache._trunk

    def count(what, function):
        def called(*arguments):
            run[what] += 1
            return function(*arguments)

        return called

    cache._pack, cache._trunk = count("documents", pack), count("questions", trunk)
    filled = [cache.fill(drawn, assemble(source, drawn)) for drawn in DRAWS]
    assert run == {"documents": 3, "questions": 2}  # the last draw is known whole, the third asks nothing new
    assert len(traced) == 1  # and one shape serves all
    jax.tree.map(np.testing.assert_array_equal, filled[0], filled[3])
    assert list(tmp_path.iterdir()) == []
