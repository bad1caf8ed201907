"""Adapted parameters on eight devices against the step taken in NumPy."""

import jax
import numpy as np
import pytest

from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.engine.devices import unshard
from regrad_jax.engine.engine import Engine
from regrad_jax.engine.requests import Places, Request, Update
from regrad_jax.engine.resident import ResidentRows
from tests.engine.by_hand import NO_STOPS, packed_rows, row_format, theta_of, updates
from tests.tiny_models import KINDS, adapter, assert_near, decoder, meta_params

COUNTS = [3, 0, 1, 2, 5, 1, 1, 4, 2, 0, 3, 1, 2, 2, 1, 3]  # rows of sixteen requests
GAMMAS = [1.0, 1.0, 0.5, 0.0, 2.0, *[1.0] * 10, -1.0]


def requests_of(steps) -> list[Request]:
    return [Request([1], step, gamma) for step, gamma in zip(steps, GAMMAS, strict=True)]


def assert_steps(engine: Engine, meta: MetaParams, requests, tolerance: float = 1e-6) -> None:
    expected = [theta_of(meta, request.update, request.gamma) for request in requests]
    found = unshard(engine.adapt(requests))
    assert_near(found, jax.tree.map(lambda *leaves: np.stack(leaves), *expected), tolerance)


@pytest.mark.parametrize(("kind", "codec"), [*((kind, "float32") for kind in KINDS), ("core", "int4")])
def test_theta_is_the_weighted_step_of_each_request(kind, codec):
    """Rows of different number in one call, none among them, and requests that are not adapted."""
    meta = meta_params(adapter(kind))
    steps = updates(row_format(meta, codec), COUNTS)
    steps[5] = steps[12] = None
    requests = requests_of(steps)
    engine = Engine(adapter(kind), decoder(), meta, NO_STOPS)
    assert_steps(engine, meta, requests)
    theta_Q = unshard(engine.adapt(requests))
    for leaf, star in zip(jax.tree.leaves(theta_Q), jax.tree.leaves(meta.theta), strict=True):
        np.testing.assert_array_equal(leaf[1], star)  # no row
        np.testing.assert_array_equal(leaf[3], star)  # gamma 0
        assert not leaf[5].any() and star.any()


def test_rows_that_hold_some_tensors_leave_the_others_at_theta_star(engine, meta):
    steps = updates(row_format(meta, keep=["down", "up"]), COUNTS)
    assert_steps(engine, meta, requests_of(steps))
    theta_Q = unshard(engine.adapt(requests_of(steps)))
    np.testing.assert_array_equal(theta_Q["gate"]["R"], np.stack([meta.theta["gate"]["R"]] * 16))


def test_no_request_has_rows(engine, meta):
    assert_steps(engine, meta, requests_of([None] * 16))
    assert_steps(engine, meta, requests_of(updates(row_format(meta), [0] * 16)))


def test_a_row_of_weight_zero_does_nothing(engine, meta):
    [update] = updates(row_format(meta), [3])
    weights_K = update.weights_K * np.float32([1, 0, 1])
    two = Update(update.rows[[0, 2]], weights_K[[0, 2]], update.format)
    assert_near(engine.adapt_one(update._replace(weights_K=weights_K)), theta_of(meta, two), 1e-6)


def test_adapt_one_is_the_step_of_one_update(engine, meta):
    [update] = updates(row_format(meta, "int4"), [3])
    assert_near(engine.adapt_one(update, 0.5), theta_of(meta, update, 0.5), 1e-6)
    assert_near(engine.adapt_one(update), theta_of(meta, update, 1.0), 1e-6)


@pytest.mark.parametrize(("count", "codec"), [(11, "float32"), (5, "int4"), (16, "float32")])
def test_rows_in_device_memory_adapt_as_rows_that_are_given(count, codec, engine, meta):
    """Eleven rows on eight devices: two each on the first five, then one, then none."""
    form = row_format(meta, codec)
    packed_NxC = packed_rows(form, count)
    resident = ResidentRows.load(count, packed_NxC.shape[1], packed_NxC.__getitem__)
    rng = np.random.default_rng(1)
    given, lying = [], []
    for number in COUNTS:
        places_K = rng.integers(0, count, number).astype(np.int32)
        update = Update(packed_NxC[places_K], rng.random(number).astype(np.float32), form)
        given.append(update)
        lying.append(update._replace(rows=Places(resident, places_K)))
    given[5] = lying[5] = None
    assert_steps(engine, meta, requests_of(given))
    found = engine.adapt(requests_of(lying))
    jax.tree.map(np.testing.assert_array_equal, found, engine.adapt(requests_of(given)))
    empty = Update(Places(resident, np.zeros(0, np.int32)), np.zeros(0, np.float32), form)
    assert_near(engine.adapt_one(empty), jax.tree.map(np.asarray, meta.theta), 1e-9)


@pytest.mark.parametrize("others", ["int4", "keep"])
def test_updates_of_two_formats_in_one_call_are_refused(others, engine, meta):
    form = row_format(meta, "int4") if others == "int4" else row_format(meta, keep=["up"])
    steps = [*updates(row_format(meta), COUNTS[:15]), *updates(form, [2])]
    for call in (engine.adapt, engine.complete):
        with pytest.raises(ValueError, match="updates of one call must be of one format"):
            call(requests_of(steps))


def test_rows_of_two_places_in_one_call_are_refused(engine, meta):
    form = row_format(meta)
    packed_NxC = packed_rows(form, 8)
    load = lambda: ResidentRows.load(8, packed_NxC.shape[1], packed_NxC.__getitem__)
    lying = lambda resident: Update(
        Places(resident, np.arange(2, dtype=np.int32)), np.ones(2, np.float32), form
    )
    given = Update(packed_NxC[:2], np.ones(2, np.float32), form)
    one, other = lying(load()), lying(load())
    for pair in ([one, other], [one, given], [given, one]):
        with pytest.raises(ValueError, match="or all be places in the same resident rows"):
            engine.adapt([Request([1], update) for update in pair * 4])
