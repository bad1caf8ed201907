"""Invented names belong to one split each."""

import re

import numpy as np

from regrad_jax.data.almanac import names


def test_names_belong_to_the_split_of_their_hash():
    rng = np.random.default_rng(0)
    makers = (names.given_name, names.family_name, names.town_name, names.firm_name, names.thing_name)
    for split in names.SPLITS:
        for maker in makers:
            drawn = [maker(rng, split) for _ in range(50)]
            assert {names.split_of(name) for name in drawn} == {split}
            assert len(set(drawn)) > 30
            assert all(re.fullmatch("[A-Z][a-z]{1,10}", name) for name in drawn)
    assert names.split_of("Maravik") == names.split_of("maravik")


def test_four_fifths_of_all_names_are_for_training():
    words = [f"w{n}" for n in range(5000)]
    shares = [np.mean([names.split_of(w) == split for w in words]) for split in names.SPLITS]
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.02)


def test_picks_are_even():
    rng = np.random.default_rng(0)
    counts = np.unique([names.pick(rng, "abcd") for _ in range(4000)], return_counts=True)[1]
    np.testing.assert_allclose(counts, 1000, atol=100)
