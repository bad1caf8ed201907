"""Builds a bank from documents, or adds what is new: regrad build --corpus notes.jsonl --bank notes.bank

A corpus is a .jsonl file (id, text, optional title and source), a .tsv file with a header of the same
names, or a folder of .txt and .md files. Documents that the bank holds unchanged cost nothing; an
interrupted build goes on where it stopped. With --shards 8 a new bank has eight shards for good, and up
to eight of these commands can build it at once, here or on several machines. Each command takes a shard that
no other one is building. If a command dies, another one finishes its shard.
"""

import json
import sys

from absl import flags

from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.api import ReGrad
from regrad_jax.data.corpus import read_corpus
from regrad_jax.library.banks import BuildOptions

_CORPUS = flags.DEFINE_string(
    "corpus", None, "documents: a .jsonl or .tsv file, or a folder of .txt and .md files", required=True
)
_BANK = flags.DEFINE_string(
    "bank", None, "folder of the bank, or s3://BUCKET/PREFIX or gs://...; made when absent", required=True
)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "folder of a checkpoint; by default the one that ships")
_CODEC = flags.DEFINE_enum(
    "codec",
    None,
    list(CODECS),
    "how rows are packed, for a new bank; by default as the checkpoint was trained for, or int4",
)
_SHARDS = flags.DEFINE_integer(
    "shards", None, "for a new bank, as many as processes are to build it at a time; by default 1", 1
)
_TENSORS = flags.DEFINE_multi_string(
    "tensors", [], "for a new bank, the adapter tensors to store, as down, B or down/B; all by default"
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 8, "documents whose gradients are computed in one pass, on all local devices together", 1
)
_JSON = flags.DEFINE_bool("json", False, "print one JSON object")


def run(argv: list[str]) -> None:
    documents = read_corpus(_CORPUS.value)  # before the model loads: bad input is told at once
    regrad = ReGrad.load(_CHECKPOINT.value)
    options = BuildOptions(_CODEC.value, _SHARDS.value, _TENSORS.value, _BATCH_SIZE.value)
    bank, built = regrad.build(documents, _BANK.value, options)
    index = regrad.session(bank).retriever()
    if built.refused:
        print(f"refused, their gradients are not finite: {', '.join(built.refused)}", file=sys.stderr)
    if _JSON.value:
        print(json.dumps(built._asdict() | {"bank": bank.info(), "index": index.reason}))
        return
    size = bank.info()["bytes_per_document"].get("total", 0)
    print(f"{built.added:,} passages added, {built.unchanged:,} unchanged; {len(bank):,} in {bank.place}, "
          f"{size / 1024:.1f} KiB each; {index.reason}")  # fmt: skip
