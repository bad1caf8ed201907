"""Fingerprints and the manifest file."""

import dataclasses
import json

import pytest

from regrad_jax.bank.manifest import SCHEMA_VERSION, Fingerprint, Manifest
from regrad_jax.errors import UserError

FIELDS = {
    "base_model": "sha256:aa",
    "adapter_config": {"kind": "core", "rank": 32, "targets": ("gate", "up")},
    "max_document_tokens": 256,
}


def _manifest(**changes) -> Manifest:
    manifest = Manifest(
        fingerprint=Fingerprint(FIELDS),
        row_length=12,
        row_layout=[{"name": "layers.15.gate", "shape": (3, 4)}],
        embedder="minilm-l6",
        embedder_digest="sha256:bb",
        key_width=4,
    )
    return dataclasses.replace(manifest, **changes)


def test_json_round_trip():
    manifest = _manifest()
    again = Manifest.from_json(manifest.to_json())
    assert again == manifest
    assert again.fingerprint.fields["adapter_config"]["targets"] == ["gate", "up"]
    assert again.row_layout == [{"name": "layers.15.gate", "shape": [3, 4]}]


def test_difference_names_fields_with_both_values():
    ours = Fingerprint(FIELDS)
    theirs = Fingerprint(
        {
            "base_model": "sha256:aa",
            "adapter_config": {"kind": "core", "rank": 16, "targets": ["gate", "up"]},
            "prompt_family": "plain",
        }
    )
    assert ours.difference(theirs) == [
        ("adapter_config.rank", 32, 16),
        ("max_document_tokens", 256, None),
        ("prompt_family", None, "plain"),
    ]
    assert ours.difference(Fingerprint(FIELDS)) == []


def test_fingerprint_cannot_be_changed():
    given = dict(FIELDS)
    fingerprint = Fingerprint(given)
    given["base_model"] = "other"
    assert fingerprint.fields["base_model"] == "sha256:aa"
    with pytest.raises(TypeError):
        fingerprint.fields["base_model"] = "other"


def test_require_names_every_difference_and_the_mend():
    other = Fingerprint(FIELDS | {"base_model": "sha256:cc", "max_document_tokens": 128})
    with pytest.raises(UserError) as raised:
        _manifest().require(other, "/banks/b")
    message = str(raised.value)
    assert "/banks/b" in message
    assert 'base_model is "sha256:aa" in the bank, "sha256:cc" here' in message
    assert "max_document_tokens is 256 in the bank, 128 here" in message
    assert "Use the checkpoint that built it" in message
    assert "\n" not in message
    _manifest().require(Fingerprint(FIELDS), "/banks/b")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"schema_version": 1}', "null"])
def test_what_is_no_manifest_is_refused(text):
    with pytest.raises(UserError, match=r"^here\.json is damaged"):
        Manifest.from_json(text, "here.json")


def test_any_edit_is_noticed():
    text = _manifest().to_json()
    assert '"row_length": 12' in text
    with pytest.raises(UserError, match="damaged or edited"):
        Manifest.from_json(text.replace('"row_length": 12', '"row_length": 13'))


def test_newer_schema_is_refused_with_both_versions():
    fields = json.loads(_manifest().to_json()) | {"schema_version": SCHEMA_VERSION + 1}
    with pytest.raises(UserError, match=f"schema version {SCHEMA_VERSION + 1}.*{SCHEMA_VERSION}"):
        Manifest.from_json(json.dumps(fields))


# As the program wrote it under schema 1.
SCHEMA_1 = """{
  "fingerprint": {"base_model": "sha256:aa"}, "row_length": 12, "row_layout": [["gate/R", [1, 3, 4]]],
  "embedder": "minilm-l6", "embedder_digest": "bb", "key_width": 3, "codec": "int8", "schema_version": 1,
  "checksum": "97475268b04a00f705d4ac3a87472916b1d07c4a620125690b682f29567c2dab"
}"""


def test_a_manifest_of_an_older_schema_is_migrated():
    manifest = Manifest.from_json(SCHEMA_1)
    assert (manifest.schema_version, manifest.id, manifest.shards) == (SCHEMA_VERSION, "", 1)
    assert (manifest.row_length, manifest.codec) == (12, "int8")
    assert Manifest.from_json(manifest.to_json()) == manifest
    with pytest.raises(UserError, match="damaged or edited"):
        Manifest.from_json(SCHEMA_1.replace('"key_width": 3', '"key_width": 4'))


def test_unknown_codec_is_refused_with_the_choices():
    with pytest.raises(UserError, match="'int7'.*float32, bfloat16, .*int8"):
        _manifest(codec="int7")


@pytest.mark.parametrize("count", [0, 257])
def test_a_number_of_shards_that_cannot_be_is_refused(count):
    with pytest.raises(UserError, match=f"a bank has 1 to 256 shards, not {count}"):
        _manifest(shards=count)


def test_a_packed_row_has_the_codecs_bytes():
    assert _manifest().packed_bytes == _manifest(codec="int4").packed_bytes == 12 // 2 + 2
    assert _manifest(codec="float32").packed_bytes == 4 * 12
