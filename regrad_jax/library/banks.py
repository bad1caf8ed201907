"""Banks of a checkpoint: opened, created, built from documents, and rebuilt from another bank."""

import dataclasses
import functools
import os
from collections.abc import Sequence

from regrad_jax.adaptation.codecs import DEFAULT_CODEC
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.builder import Built, build
from regrad_jax.bank.cache import ROW_CACHE_BYTES
from regrad_jax.bank.manifest import Manifest
from regrad_jax.bank.storage.address import place_of
from regrad_jax.data.documents import Document, Passage, join
from regrad_jax.errors import UserError
from regrad_jax.library.passages import encode_passages, fits, make_passages, require_distinct
from regrad_jax.library.runtime import Runtime
from regrad_jax.progress import Progress, to_stderr

_COMMIT = 32  # passages in one commit, about


@dataclasses.dataclass(frozen=True)
class BuildOptions:
    """How a bank is made. A bank that is there already keeps what it was made with.

    Attributes:
        codec: how rows are packed; None packs them as the checkpoint was trained for, or in int4.
        shards: as many as processes are to build the bank at a time; None makes one.
        tensors: adapter tensors that rows hold, by path ("down/B"), projection ("down") or factor ("B"); all
            when empty. The gradients of the others then count as 0.
        batch_size: passages whose gradients are computed in one pass, on all local devices together.
    """

    codec: str | None = None
    shards: int | None = None
    tensors: Sequence[str] = ()
    batch_size: int = 8


def open_bank(
    runtime: Runtime,
    path: str | os.PathLike[str],
    version: int | None = None,
    cache_bytes: int = ROW_CACHE_BYTES,
) -> Bank:
    """Opens a bank for a checkpoint, at its latest version or an older one.

    Args:
        runtime: the checkpoint and its models.
        path: the bank's folder or URL.
        version: the version to read, and to read only.
        cache_bytes: bytes of rows that may stay in memory after they have been read.

    Raises:
        UserError: there is none, it is damaged, or another checkpoint or encoder made it.
    """
    bank = Bank.open(path, version=version, cache_bytes=cache_bytes)
    require_fit(runtime, bank)
    return bank


def require_fit(runtime: Runtime, bank: Bank) -> None:
    """Raises UserError where another checkpoint or another sentence encoder made the bank."""
    bank.manifest.require(runtime.fingerprint, bank.place)
    if bank.manifest.embedder_digest != runtime.embedder.digest:
        raise UserError(
            f"bank {bank.place} has keys of {bank.manifest.embedder}, and this checkpoint searches by "
            f"those of {runtime.embedder.name}; make its own bank with `regrad bank rebuild`"
        )


def trained_codec(runtime: Runtime, otherwise: str = DEFAULT_CODEC) -> str:
    """Returns the codec whose rounding the checkpoint was trained with; without any, `otherwise`."""
    trained = runtime.checkpoint.codec
    return otherwise if trained == "float32" else trained


def create_bank(
    runtime: Runtime, path: str | os.PathLike[str], options: BuildOptions = BuildOptions()
) -> Bank:
    """Makes an empty bank.

    Args:
        runtime: the checkpoint and its models.
        path: the bank's folder or URL.
        options: how it is made.

    Raises:
        UserError: something is there already, or the adapter has no such tensors.
    """
    layout = _layout(runtime, options.tensors)
    manifest = Manifest(
        fingerprint=runtime.fingerprint,
        row_length=layout.size,
        row_layout=[[leaf, list(shape)] for leaf, shape in layout.leaves],
        embedder=runtime.embedder.name,
        embedder_digest=runtime.embedder.digest,
        key_width=runtime.embedder.width,
        codec=options.codec or trained_codec(runtime),
        shards=options.shards or 1,
    )
    return Bank.create(path, manifest)


def build_bank(
    runtime: Runtime,
    documents: Sequence[Document],
    path: str | os.PathLike[str],
    options: BuildOptions = BuildOptions(),
    progress: Progress = to_stderr,
) -> tuple[Bank, Built]:
    """Adds documents to the bank at a path, which is made when absent.

    Args:
        runtime: the checkpoint and its models.
        documents: long ones are cut into passages that keep their document's id.
        path: the bank's folder or URL.
        options: how it is made.
        progress: takes a line of text now and then.

    Raises:
        UserError: no documents, another checkpoint's bank, or a bank of another codec, other shards or other
            tensors than the options say.
    """
    if not documents:
        raise UserError("no documents to build a bank from; give at least one")
    return _build(runtime, make_passages(runtime, documents), path, options, progress)


def rebuild_bank(
    runtime: Runtime,
    old: Bank,
    path: str | os.PathLike[str],
    options: BuildOptions = BuildOptions(),
    progress: Progress = to_stderr,
) -> tuple[Bank, Built]:
    """Makes a checkpoint's bank from the texts of another checkpoint's bank; an interrupted one goes on.

    Passages stay as they were cut. Only documents with a passage that is too long are cut anew.

    Args:
        runtime: the checkpoint of the new bank, and its models.
        old: the bank whose texts are taken; it is only read.
        path: the new bank's folder or URL.
        options: how it is made. Without a codec, rows are packed as the checkpoint was trained for, or as in
            the old bank; shards and, where the adapter is the same, tensors are the old bank's.
        progress: takes a line of text now and then.

    Raises:
        UserError: the old bank is empty or is the new one, or as for `build_bank`.
    """
    if str(old.place) == str(place_of(path)):
        raise UserError(f"{path} is the bank to be rebuilt; name another folder for the new one")
    passages = _fitting_passages(runtime, old)
    if not passages:
        raise UserError(f"bank {old.place} is empty; there is nothing to build again")
    manifest = old.manifest
    tensors = options.tensors
    ours, theirs = runtime.fingerprint.fields["adapter"], manifest.fingerprint.fields.get("adapter", {})
    if not tensors and all(ours[name] == theirs.get(name) for name in ("kind", "targets")):
        tensors = [leaf for leaf, _ in manifest.row_layout]
    options = dataclasses.replace(
        options,
        codec=options.codec or trained_codec(runtime, manifest.codec),
        shards=options.shards or manifest.shards,
        tensors=tensors,
    )
    return _build(runtime, passages, path, options, progress)


def _fitting_passages(runtime: Runtime, old: Bank) -> list[Passage]:
    """Returns a bank's passages; where one of a document is too long, all of that document cut anew."""
    by_document: dict[str, list[Passage]] = {}
    for passage in old.passages():
        by_document.setdefault(passage.document_id, []).append(passage)
    passages: list[Passage] = []
    for pieces in by_document.values():
        if all(fits(runtime, piece) for piece in pieces):
            passages += pieces
            continue
        passages += make_passages(runtime, [join(pieces)])
    require_distinct(passages)
    return passages


def _build(
    runtime: Runtime,
    passages: Sequence[Passage],
    path: str | os.PathLike[str],
    options: BuildOptions,
    progress: Progress,
) -> tuple[Bank, Built]:
    if place_of(path).manifest() is None:
        try:
            create_bank(runtime, path, options)
        except UserError:
            if place_of(path).manifest() is None:  # else another builder was faster
                raise
    bank = open_bank(runtime, path)
    _require_options(runtime, bank, options)
    encode = functools.partial(
        encode_passages, runtime, batch_size=options.batch_size, layout=runtime.layout(bank)
    )
    with bank:
        commit_size = options.batch_size * max(1, _COMMIT // options.batch_size)
        return bank, build(bank, passages, encode, commit_size=commit_size, progress=progress)


def _layout(runtime: Runtime, tensors: Sequence[str]) -> RowLayout:
    layout = runtime.checkpoint.layout
    return layout.keep(tensors) if tensors else layout


def _require_options(runtime: Runtime, bank: Bank, options: BuildOptions) -> None:
    """Refuses options that differ from what a bank was made with."""
    manifest, where = bank.manifest, f"bank {bank.place}"
    if options.codec not in (None, manifest.codec):
        raise UserError(f"{where} is packed as {manifest.codec}, not {options.codec}; leave `codec` out")
    if options.shards not in (None, manifest.shards):
        raise UserError(
            f"{where} has {manifest.shards} shards, not {options.shards}; leave `shards` out or build "
            "a new bank"
        )
    if options.tensors and _layout(runtime, options.tensors) != runtime.layout(bank):
        present = ", ".join(leaf for leaf, _ in manifest.row_layout)
        raise UserError(f"{where} holds {present}; leave `tensors` out or build a new bank")
