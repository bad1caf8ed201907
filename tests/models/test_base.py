"""The base model: which tokens end an answer, and what names a model."""

import json

import numpy as np
import pytest
import transformers

from regrad_jax.errors import UserError
from regrad_jax.models.base import identify, load_base, locate, read_end_tokens, stop_tokens
from regrad_jax.models.tokenizer import load_tokenizer
from tests.models.small_tokenizers import LLAMA3_SPECIALS, llama3
from tests.tiny_models import write_model


def stops(tokenizer, ends=()) -> set[int]:
    """The stop tokens, but for those with a newline in them."""
    stops_V = stop_tokens(tokenizer, len(tokenizer), ends)
    return {token for token in np.flatnonzero(stops_V).tolist() if "\n" not in tokenizer.decode([token])}


@pytest.mark.parametrize("with_config", [True, False])
def test_special_tokens_stop_whether_or_not_they_have_a_name(tmp_path, with_config):
    llama3().save_pretrained(tmp_path)
    if not with_config:
        (tmp_path / "tokenizer_config.json").unlink()
    tokenizer = load_tokenizer(tmp_path)
    assert (tokenizer.eos_token is not None) == with_config
    assert stops(tokenizer) == set(tokenizer.convert_tokens_to_ids(list(LLAMA3_SPECIALS)))


def test_a_named_token_stops_and_so_does_every_token_with_a_newline():
    tokenizer = llama3(eos_token="q")  # an ordinary letter, until it is named
    unnamed = llama3()
    letter = tokenizer.convert_tokens_to_ids("q")
    assert letter in stops(tokenizer) and letter not in stops(unnamed)
    stops_V = stop_tokens(unnamed, len(unnamed))
    newlines = [token for token in range(len(unnamed)) if "\n" in unnamed.decode([token])]
    assert len(newlines) > 1 and stops_V[newlines].all()
    assert stops_V.sum() == len(newlines) + len(LLAMA3_SPECIALS)


def test_a_model_may_have_fewer_or_more_tokens_than_its_tokenizer():
    tokenizer = llama3()
    assert stop_tokens(tokenizer, 10).shape == (10,)
    more = stop_tokens(tokenizer, len(tokenizer) + 5, ends=[len(tokenizer) + 2, len(tokenizer) + 9])
    assert np.flatnonzero(more[len(tokenizer) :]).tolist() == [2]


@pytest.mark.parametrize(
    ("files", "ends"),
    [
        ({}, set()),
        ({"generation_config.json": {"eos_token_id": 7}}, {7}),
        ({"generation_config.json": {"eos_token_id": [7, 9]}, "config.json": {"eos_token_id": 5}}, {5, 7, 9}),
        ({"generation_config.json": {"eos_token_id": None}, "config.json": {}}, set()),
        ({"config.json": {"eos_token_id": [3]}}, {3}),
    ],
)
def test_the_end_tokens_of_a_model_folder(tmp_path, files, ends):
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    assert read_end_tokens(tmp_path) == ends


@pytest.mark.parametrize("value", ["[]", "{", '{"eos_token_id": "7"}', '{"eos_token_id": [1, 2.5]}',
                                   '{"eos_token_id": true}', '{"eos_token_id": -1}'])  # fmt: skip
def test_damaged_end_tokens_are_named(tmp_path, value):
    (tmp_path / "generation_config.json").write_text(value)
    with pytest.raises(UserError, match=r"generation_config\.json: (not a JSON object|eos_token_id is)"):
        read_end_tokens(tmp_path)


def test_a_loaded_model_stops_where_its_folder_says(tmp_path):
    folder = tmp_path / "model"
    write_model(folder)
    plain = load_base(str(folder), 2)
    (folder / "generation_config.json").write_text('{"eos_token_id": [65, 599]}')
    base = load_base(str(folder), 2)
    assert np.flatnonzero(base.stops_V & ~plain.stops_V).tolist() == [65, 599]
    assert (base.digest, base.tokenizer_digest) == tuple(identify(str(folder)))
    assert locate(str(folder)) == folder


def test_the_shipped_model_stops_at_all_that_it_stopped_at(smollm2):
    tokenizer = load_tokenizer(smollm2)
    assert isinstance(tokenizer, transformers.PreTrainedTokenizerFast)
    stops_V = stop_tokens(tokenizer, 49152, read_end_tokens(smollm2))
    newlines = ["\n" in text for text in tokenizer.batch_decode([[n] for n in range(49152)])]
    assert stops_V[[0, 1, 2]].all() and stops_V[newlines].all()
    # Others are markers of the training data, <repo_name> to <empty_output>, which are decoded as nothing.
    assert np.flatnonzero(stops_V & ~np.array(newlines)).tolist() == list(range(17))
