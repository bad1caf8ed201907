"""What the almanac generates is pinned, because a change of it changes training runs and test sets."""

import hashlib
import json
from collections.abc import Sequence

import pytest

from regrad_jax.data.almanac.generate import generate
from regrad_jax.data.almanac.library import THEMES

# Of 1,000 entries with seed 0.
WHOLE = {
    "train": "bb6d2cf258aaec6caf65a04bfdd43ea97fccf23306b96fd817fd87118efbf86c",
    "validation": "e811de3935b8668b0e2e43720867a021d90a17e1b85089304f4b347c750cb390",
    "test": "4ab35275f59488fe4431becb9c2e40548e1720201b4769f8a17087df7b558957",
}
# Of 200 entries with seed 5 that are drawn from the kinds of one theme: training and test split.
THEME_DIGESTS = {
    "people": (
        "e19e277db2ffaac7f5cf524ac3f90e6c45829be67fdb3d1583845a4d8cb3374d",
        "2eaa6db770c4d2e674b0c3b08b7f5a7438ea419d95ba1a36a3c53406b22a0290",
    ),
    "lives": (
        "9bfa7397c356f3bf2e3ddb9bc01deb866e37a5077212f13bc007d1583a66c874",
        "b6acf81aa7228ef0e29e178a7bc863decf096b2b251b35e4d251a0b2c15cec97",
    ),
    "places": (
        "a8c20497720a096a6c126aa7cdbc802e356cd5195aea562deffe523fe51790f0",
        "8f0a21036f3045de6b2880695ad14623e88066030f9adb85eed30048afc35435",
    ),
    "organisations": (
        "dc1c670b8727c6d56f7662f6b051fe3fb99116fd25b4a3bdcee5920fa3fe8f13",
        "581a07d4d419edc83188d43049a28f9acfc4dcaee77f38fcd14d2bef89e6edba",
    ),
    "things": (
        "c85c2b8e61bd742a7e4655fcdd623687a5d81be84b27a76a58973a474445be4b",
        "eece6c1f45d3305aff1c546013768ab3e2e6c7a380763e8cceb2fed896d46832",
    ),
    "culture": (
        "a777b93a9515fea23f760d981f65e7ab98b936cfb7622dd960430bd72090bce2",
        "0b152bb77bf3c5c8a5f59aeaed1a40cb7493bfbe8a6a7b144e37f3caf8be77e9",
    ),
    "news": (
        "bf420ea21fa5a3152a7ff86a65b6a253bf7d01b0c9303dac8fc16d00d5c55955",
        "4bc0b63faeef7572b43774da799514c42488924f08cc3aeb3bd027d9cffbf51f",
    ),
    "technical": (
        "8847e5c30ec4c7f1f1d0784d508860ce55d17ea9b6400c3f34bbbcb750c39970",
        "0bd30bd1623af71f1e719046181d7f5cbba4325df757bdf8dd3d1f47b22bdc98",
    ),
    "records": (
        "6461e2322003a2aab6475d50888baea713915142965c29787469a1adc071c129",
        "ad8b28fbcc4bbc2506d37af366d8b2f0f1f337014b752b008fa90227b21d7237",
    ),
    "daily": (
        "a127c0d668d29709a7f2b6e3be97f8c70b421bca6929d58a46c9fc25c95a6643",
        "b29ac9d5eb4d11340137b9c145a38d61aed115e54779a01315aa1124068518ac",
    ),
}


def digest(entities: int, seed: int, split: str, kinds: Sequence[str] | None = None) -> str:
    """Returns the sha256 of an almanac, written as JSON."""
    almanac = generate(entities, seed=seed, split=split, kinds=kinds)
    documents = [(d.id, d.text, d.title, d.source) for d in almanac.documents]
    questions = [(q.id, q.question, q.answers, q.document_id) for q in almanac.questions]
    return hashlib.sha256(json.dumps([documents, questions], ensure_ascii=False).encode()).hexdigest()


@pytest.mark.parametrize("split", WHOLE)
def test_the_almanac_of_all_kinds_stays_as_it_is(split):
    assert digest(1000, 0, split) == WHOLE[split]


@pytest.mark.parametrize("theme", THEMES)
def test_the_almanac_of_one_theme_stays_as_it_is(theme):
    digests = tuple(digest(200, 5, split, THEMES[theme]) for split in ("train", "test"))
    assert digests == THEME_DIGESTS[theme]
