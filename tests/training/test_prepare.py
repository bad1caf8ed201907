"""Where a run starts from, and what it validates on."""

import dataclasses

import jax
import numpy as np
import pytest

from regrad_jax.checkpoint import load_checkpoint
from regrad_jax.errors import UserError
from regrad_jax.models.base import load_base
from regrad_jax.training.prepare import initial_meta, validation_batches
from tests.tiny_models import train_config
from tests.training.tiny_runs import ONE, SHOWN, THETAS, Embedder

pytestmark = pytest.mark.usefixtures("quick")


def test_a_run_goes_on_from_a_release(finished, model, tmp_path):
    release = str(finished("zero") / "release")
    config, base = train_config(model, initial=release), load_base(str(model), 2)
    jax.tree.map(np.testing.assert_array_equal, initial_meta(config, base), load_checkpoint(release).meta)
    shorter = initial_meta(train_config(model, initial=release, initial_alpha_scale=0.5), base)
    whole = initial_meta(config, base).alpha
    jax.tree.map(lambda x, y: np.testing.assert_array_equal(x, y / 2), shorter.alpha, whole)
    for change in ({"inner": {"adapter": {"kind": "core", "rank": 4, "first_layer": 1}}}, THETAS["learned"]):
        with pytest.raises(UserError, match="config.initial: .*another adapter or base model"):
            initial_meta(train_config(model, **({"initial": release} | change)), base)
    with pytest.raises(UserError, match="config.initial: .*not have the step sizes of alpha_mode same"):
        initial_meta(train_config(model, initial=release, alpha_mode="same"), base)
    with pytest.raises(UserError, match="config.initial: .*another adapter or base model"):
        initial_meta(config, base._replace(digest="0" * 64))


def test_a_run_goes_on_at_a_higher_rank(finished, model):
    release = str(finished("zero") / "release")
    adapter = dataclasses.asdict(load_checkpoint(release).inner.adapter)
    rank = adapter["rank"]
    ranked = lambda rank: train_config(model, initial=release, inner={"adapter": adapter | {"rank": rank}})
    base = load_base(str(model), 2)
    trained, wide = load_checkpoint(release).meta, initial_meta(ranked(rank + 3), base)
    for target, bases in wide.bases.items():
        assert wide.theta[target]["R"].shape[1:] == (rank + 3, rank + 3)
        np.testing.assert_array_equal(bases["A"][:, :rank], trained.bases[target]["A"])
        np.testing.assert_array_equal(bases["B"][:, :, :rank], trained.bases[target]["B"])
        assert np.all(np.std(bases["A"][:, rank:], axis=2)) and np.all(np.std(bases["B"][..., rank:], axis=1))
    jax.tree.map(np.testing.assert_array_equal, wide.alpha, trained.alpha)
    with pytest.raises(
        UserError, match=f"config.inner.adapter.rank: {rank - 1} is below the {rank} of config.initial"
    ):
        initial_meta(ranked(rank - 1), base)


def test_validation_is_blind_and_has_every_gold_whatever_the_shares(model):
    config, base = train_config(model, sources={"almanac": SHOWN}, stages=ONE), load_base(str(model), 2)
    plain = dataclasses.replace(config.sources["almanac"], context=0.0, gold_absent=0.0)
    blind = dataclasses.replace(config, sources={"almanac": plain})
    found, expected = (validation_batches(c, base, Embedder()) for c in (config, blind))
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    for batch in found["almanac"]:
        assert set(batch.retrieved_QxN[batch.questions.answer_lengths_Q > 0].sum(axis=1)) == {2}


def test_a_source_that_is_never_asked_blind_is_validated_only_where_there_is_no_other(model):
    shown, base = SHOWN | {"context": 1.0}, load_base(str(model), 2)

    def validated(**sources):
        config = train_config(model, sources=sources, stages=((2, dict.fromkeys(sources, 1.0)),))
        return set(validation_batches(config, base, Embedder()))

    assert validated(almanac=SHOWN, shown=shown) == {"almanac"}
    assert validated(almanac=shown) == {"almanac"}


def test_validation_has_other_documents_even_where_training_takes_one_group(model):
    sources = {"almanac": SHOWN | {"anchors": 1}}
    found = validation_batches(
        train_config(model, sources=sources, stages=ONE), load_base(str(model), 2), Embedder()
    )
    for batch in found["almanac"]:
        other_QxN = np.roll(batch.retrieved_QxN, batch.retrieved_QxN.shape[1] // 2, axis=1)
        assert batch.retrieved_QxN.any() and not (batch.retrieved_QxN & other_QxN).any()
