"""Invented names, split so that no name of one split occurs in another.

A name is put together from syllables. A hash of the name picks the split that it belongs to, so the names of
the splits differ whatever is generated, in any number and order.
"""

import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")

SPLITS = ("train", "validation", "test")
_SHARES = (0.8, 0.1, 0.1)

# Plain syllables: a name should cost a tokenizer a few tokens, not a dozen.
_ONSETS = "b br c d dr f fl g gr h j k l m n p pr r s st t tr v w sh th cl gl z".split()
_NUCLEI = "a e i o u a e i o a e o ai ea oo ou".split()
_CODAS = "l m n r s d t nd lt rn rk st ll nt x th ck v".split()

_GIVEN_ENDS = "a an en el ia in is o on ric wyn eth ara ila mir dan us ette vik sa ro".split()
_FAMILY_ENDS = (
    "er son wick ley more field ano ova ski ard worth berg man dale court hurst quist strand lock water smith"
    " haven"
).split()
_TOWN_ENDS = (
    "ford ton by ham mouth stead wick port bridge holm minster dale ville field haven low stow gate ness"
    " combe thorpe reach fell"
).split()
_FIRM_ENDS = "ex ix on ica ara tech tron ora is al us ant ova era io".split()
_THING_ENDS = "el ine ite or us ade ora on ette ium ar ock il ant ow".split()


def split_of(name: str) -> str:
    """Returns the split that a name belongs to."""
    place = zlib.crc32(name.lower().encode()) / 2**32
    for split, share in zip(SPLITS, _SHARES, strict=True):
        if place < share:
            return split
        place -= share
    return SPLITS[0]


def given_name(rng: np.random.Generator, split: str) -> str:
    """Returns a first name of the split, such as "Toril"."""
    return _word(rng, split, _GIVEN_ENDS)


def family_name(rng: np.random.Generator, split: str) -> str:
    """Returns a surname of the split, such as "Dastworth"."""
    return _word(rng, split, _FAMILY_ENDS)


def town_name(rng: np.random.Generator, split: str) -> str:
    """Returns a place name of the split, such as "Holtmouth"."""
    return _word(rng, split, _TOWN_ENDS)


def firm_name(rng: np.random.Generator, split: str) -> str:
    """Returns a brand-like word of the split, such as "Veltica"."""
    return _word(rng, split, _FIRM_ENDS)


def thing_name(rng: np.random.Generator, split: str) -> str:
    """Returns a coined noun with a capital, such as "Gornite"."""
    return _word(rng, split, _THING_ENDS)


def _word(rng: np.random.Generator, split: str, ends: Sequence[str]) -> str:
    # A word is drawn until its hash picks the split, on average ten times for the small splits.
    while True:
        onset = "" if rng.random() < 0.15 else pick(rng, _ONSETS)
        middle = pick(rng, _CODAS)
        if rng.random() < 0.3:
            middle = pick(rng, _CODAS) + pick(rng, _NUCLEI) + pick(rng, _CODAS)
        word = (onset + pick(rng, _NUCLEI) + middle + pick(rng, ends)).capitalize()
        if len(word) <= 11 and split_of(word) == split:
            return word


def pick(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    """Returns one of the items, each with the same probability."""
    return items[int(rng.integers(len(items)))]
