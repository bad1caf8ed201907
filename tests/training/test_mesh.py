"""Training laid over eight fake devices gives what one gives; tests/launch does the same with processes."""

import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.inner import Documents
from regrad_jax.errors import UserError
from regrad_jax.training.config import MeshConfig
from regrad_jax.training.mesh import Layout
from regrad_jax.training.state import TrainState, optimizer, train_step
from tests.tiny_models import (
    adapter,
    assert_near,
    decoder,
    inner_problem,
    meta_params,
    task_batch,
    train_config,
)

STEPS = 10
BATCHES = 8  # a step


def config(data: int, fsdp: int):
    return train_config(pathlib.Path("unused"), batches_per_step=BATCHES, mesh={"data": data, "fsdp": fsdp})


def batches_of(step: int) -> dict:
    """Batches that differ in their documents' tokens and in what is retrieved."""
    batches = {}
    for number in range(BATCHES):
        batch, rng = task_batch(), np.random.default_rng((step, number))
        assert isinstance(batch.documents, Documents)
        tokens = rng.integers(0, decoder().config.vocab_size, batch.documents.tokens_NxT.shape)
        documents = batch.documents._replace(tokens_NxT=tokens.astype(np.int32))
        retrieved = rng.random(batch.retrieved_QxN.shape) < 0.6
        batches[number] = batch._replace(documents=documents, retrieved_QxN=retrieved)
    return batches


def trained(data: int, fsdp: int, damping: float):
    """Returns (meta after ten steps, losses) on data x fsdp devices."""
    layout, arrangement = Layout(config(data, fsdp)), adapter()
    update = optimizer(config(1, 1))
    meta = meta_params(arrangement)
    state = layout.replicate(TrainState(jnp.int32(0), meta, update.init(meta)))
    frozen = layout.shard_frozen(decoder())
    losses = []
    for step in range(STEPS):
        batches = batches_of(step)
        state, metrics, _ = train_step(
            state, frozen, layout.batches({n: batches[n] for n in layout.local()}),
            inner=inner_problem(arrangement, damping=damping), update=update, sharding=layout.whole,
        )  # fmt: skip
        losses.append(float(metrics.outer_loss))
        # Otherwise the next step would be compiled anew, for another layout.
        assert all(leaf.sharding == layout.whole for leaf in jax.tree.leaves(state))
    return jax.device_get(state.meta), losses


@pytest.mark.parametrize("damping", [math.inf, 0.3])
def test_eight_devices_train_as_one_does(damping):
    (meta, losses), (expected, expected_losses) = trained(4, 2, damping), trained(1, 1, damping)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    assert_near(meta, expected, 1e-5)
    moved = meta_params(adapter())
    assert all(np.any(a != b) for a, b in zip(jax.tree.leaves(meta), jax.tree.leaves(moved), strict=True))


def test_frozen_weights_are_cut_and_layers_stay_whole():
    layout = Layout(config(2, 4))
    frozen = layout.shard_frozen(decoder())
    whole = sum(x.nbytes for x in jax.tree.leaves(frozen))
    on_one = sum(x.addressable_shards[0].data.nbytes for x in jax.tree.leaves(frozen))
    assert on_one < 0.35 * whole  # a quarter, and the embedding of 97 words, of which only the width divides
    for leaf in jax.tree.leaves(frozen.head_params["layers"]):
        assert leaf.addressable_shards[0].data.shape[0] == leaf.shape[0]
    assert frozen.trunk_params["embed"]["embedding"] is frozen.head_params["embed"]["embedding"]  # tied


def test_a_mesh_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match="data 8 x fsdp 2 is 16 devices, there are 8"):
        Layout(train_config(pathlib.Path("unused"), batches_per_step=16, mesh={"data": 8, "fsdp": 2}))
    with pytest.raises(UserError, match="batches_per_step: 3 batches cannot be shared evenly by the 2 dev"):
        train_config(pathlib.Path("unused"), batches_per_step=3, mesh={"data": 2})
    assert train_config(pathlib.Path("unused")).mesh == MeshConfig(1, 1)
