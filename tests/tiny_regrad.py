"""A tiny base model with a random checkpoint on disk, and what several tests ask of it."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import jax

from regrad_jax.adaptation.parameters import init_meta
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.records import pack_record
from regrad_jax.checkpoint import Checkpoint, save_checkpoint
from regrad_jax.data.almanac.generate import generate
from regrad_jax.data.documents import Document, Question
from regrad_jax.models.base import load_base
from tests.tiny_models import adapter, write_model

SILENT = lambda line: None


class People(NamedTuple):
    """A dozen invented people and questions about them."""

    documents: list[Document]
    questions: list[Question]


def people() -> People:
    """Documents of which some are cut in two, and more questions than there are devices."""
    almanac = generate(12, seed=3, split="train", kinds=("person",))
    return People(almanac.documents, almanac.questions[:11])


def write_checkpoint(folder: pathlib.Path, *, scale: float = 2.0, alpha: float = 1.0) -> None:
    """Writes a base model to FOLDER/base and a random checkpoint for it to FOLDER/checkpoint."""
    write_model(folder / "base")
    config = adapter(scale=scale)
    base = load_base(str(folder / "base"), config.first_layer)
    meta = init_meta(config, base.decoder.config, jax.random.key(0), alpha=alpha, temperature=0.2)
    checkpoint = Checkpoint(
        inner=InnerProblem(config), meta=jax.device_get(meta), prompts="plain",
        document_tokens=96, documents_per_question=3, base_model=str(folder / "base"),
        base_digest=base.digest, tokenizer_digest=base.tokenizer_digest, encoder="minilm-l6",
        codec="float32", training={}, metrics={},
    )  # fmt: skip
    save_checkpoint(folder / "checkpoint", checkpoint)


def damage(bank: Bank, position: int, part: str) -> None:
    """Flips a bit of what is stored of a document, wherever it lies on the disk.

    Args:
        bank: in a folder.
        position: of the document.
        part: "row" or "record".
    """
    stored = {
        "row": lambda: bank.read_packed([position])[0].tobytes(),
        "record": lambda: pack_record(bank.records[position]),
    }[part]()
    folder = pathlib.Path(str(bank.place))
    [file] = [f for f in folder.rglob("*") if f.is_file() and stored in f.read_bytes()]
    data = bytearray(file.read_bytes())
    data[data.find(stored) + 11] ^= 4
    file.write_bytes(data)


def without_times(answers: Sequence) -> list:
    """Returns answers that can be compared."""
    return [answer._replace(timings_ms={}) for answer in answers]
