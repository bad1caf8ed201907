"""A gradient becomes one row in one documented order, and comes back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.errors import UserError
from tests.tiny_models import KINDS, adapter, meta_params


def test_rows_hold_projections_then_factors_in_sorted_order_with_layers_slowest():
    # Every number says where it should stand: 2 documents, 2 layers, "down" before "up", A before B.
    tree = {
        "up": {"A": np.arange(16, 20).reshape(2, 1, 2)},
        "down": {"B": np.arange(12, 16).reshape(2, 2, 1), "A": np.arange(12).reshape(2, 2, 3)},
    }
    layout = RowLayout.of(tree)
    assert layout.leaves == (("down/A", (2, 2, 3)), ("down/B", (2, 2, 1)), ("up/A", (2, 1, 2)))
    assert layout.size == 20
    grads = jax.tree.map(lambda x: np.stack([x, 100 + x]), tree)
    rows = layout.flatten(grads)
    assert rows.dtype == jnp.float32
    np.testing.assert_array_equal(rows, [np.arange(20), 100 + np.arange(20)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_rows_go_round(kind, count):
    theta = meta_params(adapter(kind)).theta
    layout = RowLayout.of(theta)
    assert layout.size == sum(x.size for x in jax.tree.leaves(theta))
    rng = np.random.default_rng(0)
    grads = jax.tree.map(lambda x: rng.normal(size=(count, *x.shape)).astype(np.float32), theta)
    rows = layout.flatten(grads)
    assert rows.shape == (count, layout.size)
    back = layout.unflatten(rows)
    assert jax.tree.structure(back) == jax.tree.structure(grads)
    jax.tree.map(np.testing.assert_array_equal, back, grads)
    if count:  # one row alone becomes one theta
        jax.tree.map(lambda x, y: np.testing.assert_array_equal(x, y[0]), layout.unflatten(rows[0]), grads)


@pytest.mark.parametrize(
    ("kind", "names"), [("lora", ["B"]), ("core", ["down", "up/R"]), ("lora_b", ["gate"])]
)
def test_rows_of_some_tensors_give_zeros_for_the_others(kind, names):
    theta = meta_params(adapter(kind)).theta
    whole = RowLayout.of(theta)
    some = whole.keep(names)
    rng = np.random.default_rng(0)
    grads = jax.tree.map(lambda x: rng.normal(size=(2, *x.shape)).astype(np.float32), theta)
    back = some.unflatten(some.flatten(grads))
    assert jax.tree.structure(back) == jax.tree.structure(grads)
    kept = 0
    for path, _ in whole.leaves:
        target, factor = path.split("/")
        kept_here = {path, target, factor} & set(names)
        kept += bool(kept_here) * grads[target][factor][0].size
        np.testing.assert_array_equal(back[target][factor], grads[target][factor] if kept_here else 0)
    assert some.size == kept < whole.size
    assert whole.keep([path for path, _ in whole.leaves]) == whole
    with pytest.raises(UserError, match="the adapter has no tensors 'q'; choose among"):
        whole.keep(["q"])


def test_the_layout_does_not_depend_on_the_order_of_a_tree():
    theta = meta_params(adapter("lora")).theta
    turned = {t: dict(reversed(theta[t].items())) for t in reversed(theta)}
    assert list(turned) != list(theta)
    assert RowLayout.of(turned) == RowLayout.of(theta)
