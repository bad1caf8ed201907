"""Inner rules: damped gradients by NumPy, what banks compare, what is refused, and a rule of one's own."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.adapter import AdapterConfig, chains
from regrad_jax.adaptation.factors import gradient_factors, project_factors
from regrad_jax.adaptation.inner import Documents, document_gradients
from regrad_jax.adaptation.parameters import MetaParams, descend
from regrad_jax.adaptation.rules import INNER_RULES, FirstStep, InnerProblem, InnerRule
from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.errors import UserError
from regrad_jax.models.block import Probes
from tests.adaptation.tiny_gradients import LENGTHS, gradients
from tests.tiny_models import adapter, assert_near, decoder, documents, meta_params, relative_error


@functools.partial(jax.jit, static_argnames="config")
def keys_and_cotangents(config: AdapterConfig, meta: MetaParams, tokens_1xT):
    """Of every adapted projection's R, target -> (L, 1, T, r), for one document without padding."""
    hidden, _ = decoder().trunk(tokens_1xT)

    def loss(offsets):
        added = chains(config, meta.theta, meta.bases)
        features, inputs = decoder().probed_head(hidden, added, Probes({}, offsets))
        log_p = jax.nn.log_softmax(decoder().logits(features)[0, :-1])
        return -jnp.mean(jnp.take_along_axis(log_p, tokens_1xT[0, 1:, None], axis=1)), inputs.cores

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


def test_very_large_damping_changes_nothing():
    config, docs = adapter(), documents(LENGTHS, width=12)
    meta = meta_params(config)
    plain, losses_N = gradients(config, meta, docs)
    damped, damped_losses_N = gradients(config, meta, docs, 1e7)
    assert_near(damped, plain, 1e-5)
    np.testing.assert_allclose(damped_losses_N, losses_N, rtol=1e-6)
    strong, _ = gradients(config, meta, docs, 1.0)
    assert relative_error(strong["up"]["R"], plain["up"]["R"]) > 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rule": "wet"}, f"inner.rule: 'wet' is unknown; choose one of {', '.join(INNER_RULES)}"),
        (
            {"weighting": "max"},
            f"inner.weighting: 'max' is unknown; choose one of {', '.join(DOCUMENT_WEIGHTS)}",
        ),
        ({"damping": 0.5}, "inner.damping: 0.5 has no effect on rule 'plain'; choose 'damped'"),
        ({"rule": "damped"}, "inner.damping: rule 'damped' needs a finite number; for none choose 'plain'"),
        ({"rule": "damped", "damping": 0.0}, "inner.damping: 0.0 must be a number above 0, or inf"),
        ({"rule": "damped", "damping": math.nan}, "inner.damping: nan must be a number above 0, or inf"),
        ({"rule": "damped", "damping": "strong"}, "inner.damping: 'strong' must be a number above 0, or inf"),
        ({"steps": 0}, "inner.steps: 0 must be a whole number of at least 1"),
        ({"steps": 1.0}, "inner.steps: 1.0 must be a whole number of at least 1"),
        *(
            (
                {"adapter": adapter(kind), "rule": "damped", "damping": 1.0},
                "inner.rule: 'damped' needs an adapter of kind 'core'; choose 'plain'",
            )
            for kind in ("lora", "lora_b")
        ),
    ],
)
def test_an_inner_problem_that_makes_no_sense_is_refused(settings, message):
    with pytest.raises(UserError) as error:
        InnerProblem(**{"adapter": adapter()} | settings)
    assert str(error.value) == message


def test_a_rule_says_what_banks_compare():
    assert InnerProblem(adapter()).fingerprint() == {}
    assert InnerProblem(adapter(), rule="damped", damping=0.5).fingerprint() == {"damping": 0.5}


def test_a_rule_of_one_s_own_is_one_function_and_one_line(monkeypatch):
    """The sign of every number, in the gradients of tokens and of factors alike, and after every step."""
    signs = lambda grads: jax.tree.map(jnp.sign, grads)

    def first_step(inner, theta, loss) -> FirstStep:
        value, gradient = jax.value_and_grad(loss.at)(theta)
        return FirstStep(signs(gradient), value, signs)

    rule = InnerRule(
        first_step,
        project=lambda inner, factors: jnp.sign(factors.gradient()),
        fingerprint=lambda inner: {"rule": "sign"},
        check=lambda inner: None,
    )
    monkeypatch.setitem(INNER_RULES, "sign", rule)
    config, docs = adapter(), documents(LENGTHS, width=12)
    meta = meta_params(config, zero=True)
    plain, losses_N = gradients(config, meta, docs)
    once, found_losses_N = document_gradients(decoder(), InnerProblem(config, rule="sign"), meta, docs)
    np.testing.assert_allclose(found_losses_N, losses_N, rtol=1e-6)
    assert_near(once, signs(plain), 1e-6)
    factors, _ = gradient_factors(decoder(), config, docs)
    assert_near(project_factors(InnerProblem(config, rule="sign"), meta.bases, factors), signs(plain), 1e-6)
    twice, _ = document_gradients(decoder(), InnerProblem(config, rule="sign", steps=2), meta, docs)
    assert {float(x) for leaf in jax.tree.leaves(twice) for x in np.unique(leaf)} == {-2.0, 0.0, 2.0}
    assert InnerProblem(config, rule="sign").fingerprint() == {"rule": "sign"}
