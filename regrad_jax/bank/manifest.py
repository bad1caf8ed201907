"""The fixed facts of a bank: what its gradients depend on, and how they are stored.

They are written to `manifest.json` when the bank is created, and never change. What grows lives in the
databases (`storage/database.py`).
"""

import dataclasses
import hashlib
import json
import types
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from regrad_jax.adaptation.codecs import CODECS, DEFAULT_CODEC
from regrad_jax.errors import UserError

SCHEMA_VERSION = 2
MAX_SHARDS = 256  # a position has 40 bits, of which a shard's documents take 32 (`shards`)
# What each older schema's fields become in the next.
_MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: lambda fields: fields | {"schema_version": 2, "id": "", "shards": 1},
}


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """Everything that a document's gradient depends on, by name.

    Two banks of equal fingerprints and row layouts hold interchangeable rows. The usual names are
    base_model and adapter_weights (digests), adapter, tokenizer, prompts,
    document_tokens, inner_loss. Step sizes are not among them, since rows are stored unscaled, unless a
    row sums several inner steps.

    Attributes:
        fields: name -> JSON value; kept as JSON has it (tuples become lists) and read-only.
    """

    fields: Mapping[str, Any]

    def __post_init__(self):
        fields = json.loads(json.dumps(dict(self.fields), allow_nan=False))
        object.__setattr__(self, "fields", types.MappingProxyType(fields))

    def difference(self, other: "Fingerprint") -> list[tuple[str, Any, Any]]:
        """Returns (field, our value, their value) wherever the two differ, sorted by field.

        Nested objects are compared inside and named with dots (`adapter.rank`); a field that
        one side lacks has the value None there.
        """
        ours, theirs = _flatten(self.fields), _flatten(other.fields)
        return [
            (name, ours.get(name), theirs.get(name))
            for name in sorted(ours.keys() | theirs.keys())
            if ours.get(name) != theirs.get(name)
        ]


def _flatten(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The fixed facts of a bank.

    Attributes:
        fingerprint: what the gradients depend on.
        row_length: P, numbers in a row.
        row_layout: JSON description of how the adapter's tensors lie in a row, in order.
        embedder: name of the sentence encoder that made the keys.
        embedder_digest: digest of its weights.
        key_width: E, numbers in a key.
        codec: how rows are packed; a name in `codecs.CODECS`.
        shards: databases that the documents are spread over, each of which one process writes at a time.
        id: tells banks apart that follow each other at one place.
        schema_version: of the format on disk.
    """

    fingerprint: Fingerprint
    row_length: int
    row_layout: Any
    embedder: str
    embedder_digest: str
    key_width: int
    codec: str = DEFAULT_CODEC
    shards: int = 1
    id: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex)
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self):
        if self.codec not in CODECS:
            raise UserError(f"no codec is called {self.codec!r}; choose one of {', '.join(CODECS)}")
        if not 1 <= self.shards <= MAX_SHARDS:
            raise UserError(f"a bank has 1 to {MAX_SHARDS} shards, not {self.shards}")
        layout = json.loads(json.dumps(self.row_layout, allow_nan=False))
        object.__setattr__(self, "row_layout", layout)

    @property
    def packed_bytes(self) -> int:
        """C, bytes in a packed row."""
        return CODECS[self.codec].packed_bytes(self.row_length)

    def to_json(self) -> str:
        """Returns the text of `manifest.json`; its `checksum` covers every other field."""
        fields: dict[str, Any] = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields["fingerprint"] = dict(self.fingerprint.fields)
        return json.dumps(fields | {"checksum": _checksum(fields)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "manifest.json") -> "Manifest":
        """Reads what `to_json` wrote, now or under an older schema.

        Args:
            text: the file's text.
            where: the file's path or URL, for messages.

        Raises:
            UserError: not JSON, altered since it was written, or of a newer schema.
        """
        try:
            fields = json.loads(text)
            version, checksum = fields["schema_version"], fields.pop("checksum")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(f"{where} is damaged ({error!r}): restore it from a copy") from error
        if version != SCHEMA_VERSION and version not in _MIGRATIONS:
            raise UserError(
                f"{where} has schema version {version}, this program reads up to {SCHEMA_VERSION}: "
                "use the regrad-jax that wrote the bank, or build the bank again"
            )
        if checksum != _checksum(fields):
            raise UserError(f"{where} is damaged or edited (checksum): restore it from a copy")
        while fields["schema_version"] != SCHEMA_VERSION:
            fields = _MIGRATIONS[fields["schema_version"]](fields)
        return cls(**fields | {"fingerprint": Fingerprint(fields["fingerprint"])})

    def require(self, fingerprint: Fingerprint, where: object) -> None:
        """Refuses a bank whose gradients were made with something else.

        Args:
            fingerprint: of the checkpoint in use.
            where: the bank's place, for the message.

        Raises:
            UserError: naming each differing field with both values, and the mend.
        """
        differing = self.fingerprint.difference(fingerprint)
        if differing:
            facts = "; ".join(
                f"{name} is {_brief(ours)} in the bank, {_brief(theirs)} here"
                for name, ours, theirs in differing
            )
            raise UserError(
                f"bank {where} was built with another checkpoint: {facts}. "
                "Use the checkpoint that built it, or build a new bank with this one"
            )


def _checksum(fields: Mapping[str, Any]) -> str:
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _brief(value: Any) -> str:
    text = "absent" if value is None else json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
