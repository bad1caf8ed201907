"""Releasing a checkpoint of a run with other values than those of training."""

import dataclasses

import jax
import numpy as np
import pytest

from regrad_jax.checkpoint import load_checkpoint
from regrad_jax.errors import UserError
from regrad_jax.training import export as export_module
from regrad_jax.training.export import export


def test_a_checkpoint_can_be_released_for_more_inner_steps_than_it_was_trained_with(finished, tmp_path):
    plain = load_checkpoint(finished("zero") / "release")
    exported = load_checkpoint(export(finished("zero"), tmp_path / "release", best=True, inner_steps=4))
    assert (plain.inner.steps, exported.inner.steps) == (1, 4)
    assert exported.training == plain.training and exported.metrics == plain.metrics
    jax.tree.map(np.testing.assert_array_equal, exported.meta, plain.meta)
    assert exported.fingerprint() != plain.fingerprint()  # no bank mixes their gradients


def test_a_checkpoint_can_be_released_with_another_temperature(finished, tmp_path):
    plain = load_checkpoint(finished("zero") / "release")
    exported = load_checkpoint(export(finished("zero"), tmp_path / "release", best=True, temperature=0.25))
    assert np.exp(exported.meta.log_temperature) == pytest.approx(0.25)
    kept = exported.meta._replace(log_temperature=plain.meta.log_temperature)
    jax.tree.map(np.testing.assert_array_equal, kept, plain.meta)
    assert exported.fingerprint() == plain.fingerprint()  # rows are stored unscaled: banks stay good


def test_a_checkpoint_can_be_released_with_bases_of_half_the_bytes(finished, tmp_path):
    whole, folder = finished("zero") / "release", tmp_path / "release"
    plain, exported = (
        load_checkpoint(whole),
        load_checkpoint(export(finished("zero"), folder, best=True, half=True)),
    )
    before, after = (jax.tree.leaves(one.meta.bases) for one in (plain, exported))
    for x, y in zip(before, after, strict=True):
        assert y.dtype == np.float32 and not np.array_equal(x, y)
        np.testing.assert_allclose(y, x, rtol=2**-11, atol=2**-25)
    kept = exported.meta._replace(bases=plain.meta.bases)
    jax.tree.map(np.testing.assert_array_equal, kept, plain.meta)
    assert exported.fingerprint() != plain.fingerprint()  # gradients differ a little
    size = lambda release: (release / "adapter.safetensors").stat().st_size
    assert size(whole) - size(folder) == pytest.approx(2 * sum(x.size for x in before), abs=200)  # header


def test_bases_that_float16_cannot_hold_are_not_released_in_it(finished, tmp_path, monkeypatch):
    released = export_module.released

    def huge(*run):
        checkpoint = released(*run)
        bases = jax.tree.map(lambda x: 1e6 * x, checkpoint.meta.bases)
        return dataclasses.replace(checkpoint, meta=checkpoint.meta._replace(bases=bases))

    with pytest.raises(UserError, match="`half`: an adapter of kind 'lora' has no bases"):
        export(finished("learned"), tmp_path / "release", half=True)
    monkeypatch.setattr(export_module, "released", huge)
    with pytest.raises(UserError, match="too large for float16; export without `half`"):
        export(finished("zero"), tmp_path / "release", half=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"inner_steps": 0}, "`inner_steps` is 0; it must be a whole number of at least 1"),
        ({"inner_steps": 1.5}, "`inner_steps` is 1.5; it must be a whole number of at least 1"),
        ({"temperature": 0.0}, "`temperature` is 0.0; it must be a number above 0"),
        ({"temperature": float("nan")}, "`temperature` is nan; it must be a number above 0"),
        ({"temperature": float("inf")}, "`temperature` is inf; it must be a number above 0"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(values, message, tmp_path):
    with pytest.raises(UserError) as error:
        export(tmp_path / "run", tmp_path / "release", **values)
    assert str(error.value) == message
