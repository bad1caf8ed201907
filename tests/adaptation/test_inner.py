"""The inner problem on a tiny decoder: losses, gradients document by document, weights, the step."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from regrad_jax.engine.generation import generate

from regrad_jax.adaptation.adapter import AdapterConfig, chains
from regrad_jax.adaptation.inner import (
    Documents,
    InnerProblem,
    adapted_head,
    document_gradients,
    gradient_factors,
    project_factors,
)
from regrad_jax.adaptation.parameters import (
    ALPHAS,
    MetaParams,
    adapted_parameters,
    descend,
    init_meta,
    step_sizes,
    widen,
)
from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.errors import UserError
from tests.tiny_models import (
    DECODER,
    KINDS,
    adapter,
    assert_near,
    decoder,
    documents,
    meta_params,
    relative_error,
)

LENGTHS = (9, 4, 9, 2, 4)  # of a batch 12 wide
GARBAGE = (0, 96, 10_000, -100)  # the latter two are out of the vocabulary: their embedding is NaN
DAMPED = [("core", math.inf), ("core", 0.3), ("lora", math.inf), ("lora_b", math.inf)]


@functools.partial(jax.jit, static_argnames=("config", "damping", "steps"))
def gradients(config: AdapterConfig, meta: MetaParams, docs: Documents, damping=math.inf, steps=1):
    inner = InnerProblem(config, steps=steps, damping=damping)
    return document_gradients(decoder(), inner, meta, docs)


@functools.partial(jax.jit, static_argnames="config")
def factors(config: AdapterConfig, docs: Documents):
    return gradient_factors(decoder(), config, docs)


@functools.partial(jax.jit, static_argnames="config")
def logits(config: AdapterConfig, theta, bases, tokens_BxT):
    features, _ = decoder().head(decoder().trunk(tokens_BxT)[0], chains(config, theta, bases))
    return decoder().logits(features)


def first(docs: Documents, count: int) -> Documents:
    return jax.tree.map(lambda x: x[:count], docs)


def refilled(docs: Documents, garbage: int, width: int) -> Documents:
    """The same documents in another width with one token behind all of them."""
    tokens = np.full((len(docs.lengths_N), width), garbage, np.int32)
    for row, length in enumerate(docs.lengths_N):
        tokens[row, :length] = docs.tokens_NxT[row, :length]
    return Documents(jnp.asarray(tokens), docs.lengths_N)


@pytest.mark.parametrize(("mode", "numbers"), [("fix", 1), ("same", 1), ("tie", 4 * 2), ("full", 4 * 2 * 9)])
def test_a_step_takes_each_number_s_own_step_size(mode, numbers):
    """theta of two targets, two layers and a 3 x 3 core; every step size is different where it may be."""
    theta = {t: {"R": jnp.zeros((2, 3, 3)), "Q": jnp.ones((2, 3, 3))} for t in ("up", "down")}
    alpha = ALPHAS[mode](theta, 0.5)
    assert sum(x.size for x in jax.tree.leaves(alpha)) == numbers
    assert all(np.all(x == 0.5) for x in jax.tree.leaves(alpha))
    draws = np.random.default_rng(0)
    alpha = jax.tree.map(lambda x: jnp.asarray(draws.uniform(0.1, 1, x.shape), jnp.float32), alpha)
    meta = MetaParams(theta, {}, alpha, jnp.float32(0))
    totals_Q = jax.tree.map(lambda x: jnp.asarray(draws.normal(size=(5, *x.shape)), jnp.float32), theta)
    moved_Q = descend(meta, totals_Q, 2.0)
    for target, factors in theta.items():
        for name, start in factors.items():
            own = alpha if mode in ("fix", "same") else alpha[target][name]
            own = own[:, None, None] if mode == "tie" else own
            expected = start - 2.0 * own * totals_Q[target][name]
            np.testing.assert_allclose(moved_Q[target][name], expected, rtol=1e-6)


def test_meta_training_starts_where_it_is_told():
    meta = init_meta(adapter("lora"), DECODER, jax.random.key(0), alpha=0.25, temperature=0.5)
    assert {x.shape for x in jax.tree.leaves(meta.alpha)} == {(2,)}  # one for every adapted layer
    assert jax.tree.structure(meta.alpha) == jax.tree.structure(meta.theta)
    assert all(np.all(x == 0.25) for x in jax.tree.leaves(meta.alpha))
    assert float(meta.log_temperature) == pytest.approx(np.log(0.5))
    assert {x.dtype for x in jax.tree.leaves(meta)} == {jnp.dtype(jnp.float32)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_widened_adapter_leaves_the_network_and_the_trained_numbers_gradients_alone(kind):
    config, wider, docs = adapter(kind), adapter(kind, rank=6), documents(LENGTHS, width=12)
    meta = meta_params(config)
    wide = widen(meta, init_meta(wider, DECODER, jax.random.key(9), alpha=0.5, temperature=0.5))
    tokens_NxT = docs.tokens_NxT
    before = logits(config, meta.theta, meta.bases, tokens_NxT)
    assert_near(logits(wider, wide.theta, wide.bases, tokens_NxT), before, 1e-5)
    (grads, _), (wide_grads, _) = gradients(config, meta, docs), gradients(wider, wide, docs)
    trained = jax.tree.map(lambda all, grad: all[tuple(map(slice, grad.shape))], wide_grads, grads)
    assert_near(trained, grads, 1e-5)
    jax.tree.map(np.testing.assert_array_equal, wide.alpha, meta.alpha)
    assert float(wide.log_temperature) == float(meta.log_temperature)


@pytest.mark.parametrize("mode", ALPHAS)
def test_trained_numbers_keep_their_step_sizes_in_a_widened_adapter(mode):
    config, wider = adapter("core"), adapter("core", rank=6)
    meta = meta_params(config, alpha_mode=mode)
    wide = widen(
        meta, init_meta(wider, DECODER, jax.random.key(9), alpha=0.5, temperature=0.5, alpha_mode=mode)
    )
    for target, own in step_sizes(wide).items():
        trained = step_sizes(meta)[target]["R"]
        np.testing.assert_array_equal(own["R"][tuple(map(slice, jnp.shape(trained)))], trained)
        if mode == "full":
            assert np.all(own["R"][:, 3:] == 0.5) and np.all(own["R"][:, :, 3:] == 0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_loss_is_its_mean_next_token_loss(kind):
    config, docs = adapter(kind), documents(LENGTHS, width=12)
    meta = meta_params(config)
    _, losses_N = gradients(config, meta, docs)
    logits_NxTxV = np.asarray(logits(config, meta.theta, meta.bases, docs.tokens_NxT), np.float64)
    log_p = logits_NxTxV - np.log(np.exp(logits_NxTxV).sum(-1, keepdims=True))
    for row, length in enumerate(LENGTHS):
        picked = [log_p[row, t - 1, docs.tokens_NxT[row, t]] for t in range(1, length)]
        assert float(losses_N[row]) == pytest.approx(-np.mean(picked), rel=1e-5)


def test_several_steps_sum_the_gradients_along_their_way():
    config = adapter()
    meta, docs = meta_params(config), documents(LENGTHS, width=12)
    found, losses_N = gradients(config, meta, docs, steps=2)
    once, expected_losses_N = gradients(config, meta, docs)
    np.testing.assert_array_equal(losses_N, expected_losses_N)  # those before the first step
    for row in range(len(LENGTHS)):
        step = jax.tree.map(lambda g, row=row: g[row], once)
        reached = meta._replace(theta=descend(meta, step))
        again, _ = gradients(config, reached, jax.tree.map(lambda x, row=row: x[row : row + 1], docs))
        expected = jax.tree.map(lambda a, b: a + b[0], step, again)
        assert_near(jax.tree.map(lambda g, row=row: g[row], found), expected, 1e-5)


@functools.partial(jax.jit, static_argnames="config")
def keys_and_cotangents(config: AdapterConfig, meta: MetaParams, tokens_1xT):
    """Of every adapted projection's R, target -> (L, 1, T, r), for one document without padding."""
    hidden, _ = decoder().trunk(tokens_1xT)

    def loss(offsets):
        chained = {
            target: (A, R, offsets[target], B)
            for target, (A, R, B) in chains(config, meta.theta, meta.bases).items()
        }
        features, keys = decoder().head_keys(hidden, chained)
        log_p = jax.nn.log_softmax(decoder().logits(features)[0, :-1])
        return -jnp.mean(jnp.take_along_axis(log_p, tokens_1xT[0, 1:, None], axis=1)), keys

    zeros = {target: jnp.zeros((2, *tokens_1xT.shape, 3)) for target in config.targets}
    cotangents, keys = jax.grad(loss, has_aux=True)(zeros)
    return keys, cotangents


@pytest.mark.parametrize("steps", [1, 2])
def test_damped_gradients_are_plain_ones_divided_by_both_sides_moments(steps):
    """Moments and inverses by NumPy in float64, document by document and layer by layer."""
    config, damping = adapter(), 0.3
    meta, docs = meta_params(config), documents(LENGTHS, width=12)
    found, _ = gradients(config, meta, docs, damping, steps)

    def divisor(vectors):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.linalg.inv((3 * unit.T @ unit / len(unit) + damping * np.eye(3)) / (1 + damping))

    for row, length in enumerate(LENGTHS):
        alone = Documents(docs.tokens_NxT[row : row + 1, :length], docs.lengths_N[row : row + 1])
        keys, cotangents = jax.device_get(keys_and_cotangents(config, meta, alone.tokens_NxT))
        whole = {t: {"R": np.einsum("lntr,lnts->nlrs", cotangents[t], keys[t])} for t in config.targets}
        assert_near(whole, gradients(config, meta, alone)[0], 1e-5)
        reached, total = meta, jax.tree.map(jnp.zeros_like, meta.theta)
        for _ in range(steps):
            plain, _ = gradients(config, reached, alone)
            for target, leaves in plain.items():
                for layer in range(2):
                    sides = cotangents[target], keys[target]
                    left, right = (divisor(np.float64(side[layer, 0, : length - 1])) for side in sides)
                    step = left @ np.float64(leaves["R"][0, layer]) @ right
                    total[target]["R"] = total[target]["R"].at[layer].add(step)
            reached = meta._replace(theta=descend(meta, total))
        assert_near(jax.tree.map(lambda g, row=row: g[row], found), total, 1e-4)


def test_damping_without_end_changes_nothing():
    config, docs = adapter(), documents(LENGTHS, width=12)
    meta = meta_params(config)
    plain, losses_N = gradients(config, meta, docs)
    damped, damped_losses_N = gradients(config, meta, docs, 1e7)
    assert_near(damped, plain, 1e-5)
    np.testing.assert_allclose(damped_losses_N, losses_N, rtol=1e-6)
    strong, _ = gradients(config, meta, docs, 1.0)
    assert relative_error(strong["up"]["R"], plain["up"]["R"]) > 0.1


@pytest.mark.parametrize("kind", ["lora", "lora_b"])
def test_only_a_core_s_gradients_can_be_damped(kind):
    with pytest.raises(UserError, match="damping 1.0 needs an adapter of kind 'core'; use inf"):
        InnerProblem(adapter(kind), damping=1.0)


@pytest.mark.parametrize(
    ("kind", "damping", "count"),
    [*((*case, 5) for case in DAMPED), ("core", 0.3, 0), ("core", math.inf, 0), ("core", 0.3, 1)],
)
def test_a_batch_equals_its_documents_one_by_one(kind, damping, count):
    config = adapter(kind)
    meta, docs = meta_params(config), first(documents(LENGTHS, width=12), count)
    grads, losses_N = gradients(config, meta, docs, damping)
    assert losses_N.shape == (count,)
    jax.tree.map(lambda g, x: np.testing.assert_equal(g.shape, (count, *x.shape)), grads, meta.theta)
    for row in range(count):
        length = LENGTHS[row]
        alone = Documents(docs.tokens_NxT[row : row + 1, :length], docs.lengths_N[row : row + 1])
        expected, (loss,) = gradients(config, meta, alone, damping)
        assert float(losses_N[row]) == pytest.approx(float(loss), rel=1e-5)
        assert_near(jax.tree.map(lambda x, row=row: x[row : row + 1], grads), expected, 1e-5)


@pytest.mark.parametrize(("kind", "damping"), DAMPED)
@pytest.mark.parametrize("garbage", GARBAGE)
def test_padding_changes_nothing(kind, damping, garbage):
    config, docs = adapter(kind), documents(LENGTHS, width=12)
    meta = meta_params(config)
    expected, expected_losses_N = gradients(config, meta, docs, damping)
    found, losses_N = gradients(config, meta, refilled(docs, garbage, 14), damping)
    np.testing.assert_allclose(losses_N, expected_losses_N, rtol=1e-6)
    assert_near(found, expected, 1e-5)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_padding_changes_no_factors(garbage):
    config, docs = adapter("core"), documents(LENGTHS, width=12)
    expected, expected_losses_N = factors(config, docs)
    found, losses_N = factors(config, refilled(docs, garbage, 12))
    np.testing.assert_allclose(losses_N, expected_losses_N, rtol=1e-6)
    assert_near(found.cotangents, expected.cotangents, 1e-5)
    meta = meta_params(config, zero=True)
    projected = [project_factors(InnerProblem(config, damping=0.3), meta.bases, f) for f in (found, expected)]
    assert_near(*projected, 1e-5)


@pytest.mark.parametrize(("kind", "damping"), DAMPED)
def test_a_document_of_less_than_two_tokens_gives_nothing(kind, damping):
    config = adapter(kind)
    docs = documents([5, 1, 0], width=7)
    grads, losses_N = gradients(config, meta_params(config), docs, damping)
    assert float(losses_N[0]) > 0 and not np.any(losses_N[1:])
    for leaf in jax.tree.leaves(grads):
        assert np.any(leaf[0]) and not np.any(leaf[1:])
    if kind == "core":
        made, losses_N = factors(config, docs)
        assert float(losses_N[0]) > 0 and not np.any(losses_N[1:])
        assert all(np.any(x[:, 0]) and not np.any(x[:, 1:]) for x in made.cotangents.values())


@pytest.mark.parametrize("damping", [math.inf, 0.3])
@pytest.mark.parametrize("targets", [("gate", "up", "down"), ("down", "gate")], ids="-".join)
def test_factors_give_the_gradients_of_a_core_adapter_at_zero(targets, damping):
    config, docs = adapter("core", targets=targets, scale=1.7), documents(LENGTHS, width=12)
    meta = meta_params(config, zero=True)
    expected, expected_losses_N = gradients(config, meta, docs, damping)
    made, losses_N = factors(config, docs)
    np.testing.assert_allclose(losses_N, expected_losses_N, rtol=1e-5)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(expected))
    projected = project_factors(InnerProblem(config, damping=damping), meta.bases, made)
    assert_near(projected, expected, 1e-5)


def test_factors_in_bfloat16_are_near_those_in_float32():
    config, docs = adapter("core"), documents(LENGTHS, width=12)
    bases = meta_params(config, zero=True).bases
    expected, expected_losses_N = factors(config, docs)
    low = decoder().replace(
        dtype=jnp.bfloat16,
        trunk_params=jax.tree.map(jnp.bfloat16, decoder().trunk_params),
        head_params=jax.tree.map(jnp.bfloat16, decoder().head_params),
    )
    made, losses_N = jax.jit(gradient_factors, static_argnums=1)(low, config, docs)
    np.testing.assert_allclose(losses_N, expected_losses_N, rtol=0.03)
    projected = [project_factors(InnerProblem(config), bases, f) for f in (made, expected)]
    assert_near(*projected, 0.1)


def test_factors_are_the_inputs_and_zero_behind_the_length():
    config, docs = adapter("core"), documents(LENGTHS, width=12)
    made, _ = factors(config, docs)
    shapes = {target: (2, 5, 12, 24 if target == "down" else 16) for target in config.targets}
    assert {t: x.shape for t, x in made.inputs.items()} == shapes
    padding_NxT = np.arange(12) >= np.array(LENGTHS)[:, None]
    for cotangent in made.cotangents.values():
        assert not np.any(np.asarray(cotangent)[:, padding_NxT])
        # The last token predicts nothing either; all others do.
        moved_NxT = np.asarray(cotangent != 0).any(axis=(0, 3))
        np.testing.assert_array_equal(moved_NxT, np.arange(12) < np.array(LENGTHS)[:, None] - 1)


def test_adapted_parameters_by_hand():
    rng = np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)
    theta, alpha = {"up": {"R": draw(2, 3, 3)}}, {"up": {"R": jnp.array([0.5, 2.0])}}
    grads, weights_QxN = {"up": {"R": draw(4, 2, 3, 3)}}, draw(5, 4)
    meta = MetaParams(theta, {"up": {}}, alpha, jnp.float32(0))
    found = adapted_parameters(meta, weights_QxN, grads, gamma=0.7)["up"]["R"]
    assert found.shape == (5, 2, 3, 3)
    for q in range(5):
        for layer, step in enumerate((0.5, 2.0)):
            total = sum(float(weights_QxN[q, n]) * np.asarray(grads["up"]["R"][n, layer]) for n in range(4))
            expected = np.asarray(theta["up"]["R"][layer]) - 0.7 * step * total
            np.testing.assert_allclose(found[q, layer], expected, rtol=1e-5, atol=1e-6)


def test_a_step_of_nothing_gives_theta_back():
    config, docs = adapter("lora"), documents(LENGTHS, width=12)
    meta = meta_params(config)
    grads, _ = gradients(config, meta, docs)
    weights_QxN = jnp.ones((2, 5))
    for still in (
        adapted_parameters(meta, weights_QxN, grads, gamma=0),
        adapted_parameters(meta, 0 * weights_QxN, grads),
        adapted_parameters(meta, weights_QxN[:, :0], jax.tree.map(lambda x: x[:0], grads)),
    ):
        jax.tree.map(lambda x, y: np.testing.assert_array_equal(x, np.stack([y, y])), still, meta.theta)
    whole, half = (adapted_parameters(meta, weights_QxN, grads, gamma=g) for g in (1.0, 0.5))
    step = lambda moved: jax.tree.map(lambda x, y: x - y, moved, meta.theta)
    assert_near(step(half), jax.tree.map(lambda x: x / 2, step(whole)), 1e-4)
    jax.tree.map(np.testing.assert_array_equal, adapted_parameters(meta, weights_QxN, grads), whole)


RETRIEVED = jnp.array([[1, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]], bool)
SCORES = jnp.array([[0.9, 0.4, 50.0, 0.1], [9.0, 9.0, -0.3, 9.0], [5.0] * 4, [0.2, 0.2, 0.2, 0.2]])


def test_plain_sum_weighs_every_retrieved_document_alike():
    weights = DOCUMENT_WEIGHTS["sum"](SCORES, RETRIEVED, jnp.float32(0.3))
    np.testing.assert_array_equal(weights, np.asarray(RETRIEVED, np.float32))


def test_mean_shares_one_step_out_evenly():
    weights = DOCUMENT_WEIGHTS["mean"](SCORES, RETRIEVED, jnp.float32(0.3))
    third = 1 / 3
    expected = [[third, third, 0, third], [0, 0, 1, 0], [0, 0, 0, 0], [0.25] * 4]
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_relevance_is_a_softmax_over_what_was_retrieved(temperature):
    weights = np.asarray(DOCUMENT_WEIGHTS["relevance"](SCORES, RETRIEVED, jnp.log(temperature)))
    np.testing.assert_allclose(weights.sum(1), [1, 1, 0, 1], rtol=1e-6)
    assert not np.any(weights[~np.asarray(RETRIEVED)])
    raw = np.exp(np.array([0.9, 0.4, 0.1]) / temperature)
    np.testing.assert_allclose(weights[0, [0, 1, 3]], raw / raw.sum(), rtol=1e-5)
    np.testing.assert_allclose(weights[3], 0.25, rtol=1e-6)


@pytest.mark.parametrize("weighting", DOCUMENT_WEIGHTS)
def test_weights_have_finite_gradients_even_without_documents(weighting):
    def total(scores, log_temperature):
        return jnp.sum(DOCUMENT_WEIGHTS[weighting](scores, RETRIEVED, log_temperature) ** 2)

    scores, temperature = jax.grad(total, argnums=(0, 1))(SCORES, jnp.float32(-1.0))
    assert np.all(np.isfinite(scores)) and np.isfinite(temperature)
    assert not np.any(np.asarray(scores)[~np.asarray(RETRIEVED)])
    assert (float(temperature) != 0) == (weighting == "relevance")


@pytest.mark.parametrize("kind", KINDS)
def test_every_sequence_is_answered_by_its_own_parameters(kind):
    config = adapter(kind)
    meta = meta_params(config)
    rng = np.random.default_rng(5)
    theta_Q = jax.tree.map(
        lambda x: x + jnp.asarray(rng.normal(0, 0.5, (4, *x.shape)), jnp.float32), meta.theta
    )
    prompts, lengths = documents([3, 6, 1, 4]), 5

    @jax.jit
    def decode(theta_Q, prompts):
        head = adapted_head(decoder(), config, theta_Q, meta.bases)
        stops_V = jnp.zeros(DECODER.vocab_size, bool)
        return generate(decoder(), head, prompts.tokens_NxT, prompts.lengths_N, stops_V, lengths)

    answers = np.asarray(decode(theta_Q, prompts))
    assert len(np.unique(answers, axis=0)) == 4
    for row, prompt_length in enumerate(prompts.lengths_N):
        theta = jax.tree.map(lambda x, row=row: x[row], theta_Q)
        sequence = np.zeros((1, 11), np.int32)  # one width, one compilation
        sequence[0, :prompt_length] = prompts.tokens_NxT[row, :prompt_length]
        for end in range(prompt_length, prompt_length + lengths):  # greedy, without a cache
            best = np.asarray(logits(config, theta, meta.bases, sequence))[0, end - 1].argmax()
            assert answers[row, end - prompt_length] == best
            sequence[0, end] = best
