"""Trees on eight devices."""

import jax.numpy as jnp
import numpy as np

from regrad_jax.engine.devices import replicate, shard, spread, unshard


def test_replicate_puts_a_tree_on_every_device_and_a_shared_leaf_there_once():
    table = jnp.arange(6.0).reshape(2, 3)
    tree = {"embed": table, "head": {"embed": table, "scale": jnp.float32(2)}}
    spread_out = replicate(tree)
    assert spread_out["embed"].shape == (8, 2, 3)
    assert len(spread_out["embed"].devices()) == 8
    assert spread_out["embed"] is spread_out["head"]["embed"]
    np.testing.assert_array_equal(spread_out["head"]["scale"], np.full(8, 2.0))


def test_shard_spread_and_unshard_are_a_plain_call():
    batch = np.arange(48.0).reshape(16, 3)
    scale = replicate(jnp.float32(3))
    out = spread(lambda x, s: x * s)(shard(batch), scale)
    np.testing.assert_array_equal(unshard(out), batch * 3)
