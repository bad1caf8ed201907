"""Looks after a bank: regrad bank info|verify|log|delete|rollback|compact|reindex|rebuild --bank notes.bank
Plans one:          regrad bank plan --model llama3.2-1b --documents 21e6 --codec ternary

info      what it holds, and its bytes by part
verify    reads everything against its checksums; exit status 1 where something is damaged
log       the last commits; each is a version that can be asked (regrad ask --version) and rolled back to
delete    removes documents or passages (--id), all of a source (--source), or what is damaged (--damaged)
rollback  makes the documents of --version the bank's again
compact   removes from the disk what was deleted or replaced, and with it all older versions
reindex   makes the search index anew; until then what was added since is searched exactly beside it
rebuild   makes a new bank (--to) from the old one's texts, for another --checkpoint or --codec
plan      says how big a bank of --documents for --model would be, what building it takes, and a question
"""

import json
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

from absl import flags

from regrad_jax.adaptation.codecs import CODECS, DEFAULT_CODEC
from regrad_jax.bank.bank import Bank
from regrad_jax.errors import UserError
from regrad_jax.models.config import PRESETS
from regrad_jax.progress import to_stderr
from regrad_jax.retrieval.index import make_index

_BANK = flags.DEFINE_string("bank", None, "folder or URL of the bank; all actions but plan need it")
_ID = flags.DEFINE_multi_string("id", [], "document or passage to delete; may be given several times")
_SOURCE = flags.DEFINE_multi_string("source", [], "source to delete all of; may be given several times")
_DAMAGED = flags.DEFINE_bool("damaged", False, "delete what verify finds damaged")
_VERSION = flags.DEFINE_integer("version", None, "version to roll back to", 0)
_LAST = flags.DEFINE_integer("last", 20, "commits that log shows", 1)
_TO = flags.DEFINE_string("to", None, "folder or URL of the new bank that rebuild makes")
_CHECKPOINT = flags.DEFINE_string(
    "checkpoint", None, "checkpoint to rebuild for; by default the one that ships"
)
_CODEC = flags.DEFINE_enum(
    "codec",
    None,
    list(CODECS),
    "how rebuild packs rows, by default as the checkpoint was trained for, or as before; for plan "
    f"{DEFAULT_CODEC}",
)
_MODEL = flags.DEFINE_string(
    "model", "smollm2-135m", f"to plan for: {', '.join(PRESETS)}, or a folder with a config.json"
)
_DOCUMENTS = flags.DEFINE_float("documents", None, "documents to plan for, such as 21e6")
_ADAPTER = flags.DEFINE_string("adapter", "core", "kind of adapter to plan for: core, lora or lora_b")
_RANK = flags.DEFINE_integer("rank", 32, "rank of the adapter to plan for")
_FIRST_LAYER = flags.DEFINE_integer(
    "first_layer", None, "first adapted layer to plan for; by default half of the layers are adapted"
)
_TEXT_BYTES = flags.DEFINE_integer("text_bytes", 600, "bytes of a document's text to plan for")
_TOKENS = flags.DEFINE_integer("tokens", 128, "tokens of a document to plan for")
_TOP_K = flags.DEFINE_integer("top_k", 3, "documents that a question reads, to plan for")
_INNER_STEPS = flags.DEFINE_integer("inner_steps", 1, "gradient steps on a document, to plan for")
_RATE = flags.DEFINE_float(
    "documents_per_second", None, "rate of building to plan for; by default what --flops allow at best"
)
_FLOPS = flags.DEFINE_float(
    "flops", None, "operations a second to plan for; by default measured here by a float32 matrix product"
)
_JSON = flags.DEFINE_bool("json", False, "print JSON: log and verify one object a line, the others one")


def _info(bank: Bank) -> dict:
    return bank.info()


def _verify(bank: Bank) -> dict:
    faults = bank.verify(lambda done, total: to_stderr(f"{done:,}/{total:,} documents read"))
    for fault in faults:
        place = "the bank" if fault.position is None else f"the document at position {fault.position}"
        name = repr(fault.id) if fault.id else place
        print(json.dumps(fault._asdict()) if _JSON.value else f"{name}: {fault.reason}")
    return {"documents": len(bank), "version": bank.version, "damaged": len(faults)}


def _log(bank: Bank) -> dict:
    for head in bank.log(_LAST.value):
        if _JSON.value:
            print(json.dumps(head._asdict()))
        else:
            change = f"+{head.added:,} -{head.removed:,}"
            print(
                f"{head.version:>7}  {head.time}  {change:>14}  {head.documents:>9,} documents  {head.reason}"
            )
    return {}


def _delete(bank: Bank) -> dict:
    if not (_ID.value or _SOURCE.value or _DAMAGED.value):
        raise UserError("nothing to delete; name documents with --id or --source, or give --damaged")
    known = {name for r in bank.records.values() for name in (r.id, r.document_id)}
    if unknown := [name for name in _ID.value if name not in known]:
        raise UserError(f"bank {bank.place} has no document {unknown[0]!r}; nothing was deleted")
    sources = {r.source for r in bank.records.values()}
    if unknown := [source for source in _SOURCE.value if source not in sources]:
        raise UserError(f"bank {bank.place} has nothing from source {unknown[0]!r}; nothing was deleted")
    with bank:
        deleted = bank.delete(_ID.value, _SOURCE.value, _DAMAGED.value)
        return {"deleted": deleted, "documents": len(bank), "version": bank.version}


def _rollback(bank: Bank) -> dict:
    if _VERSION.value is None:
        raise UserError("name the version to roll back to with --version; `regrad bank log` lists them")
    with bank:
        bank.rollback(_VERSION.value)
        return {"documents": len(bank), "version": bank.version}


def _compact(bank: Bank) -> dict:
    with bank:
        freed = bank.compact()
        return {"freed_bytes": freed, "documents": len(bank), "version": bank.version}


def _reindex(bank: Bank) -> dict:
    index = make_index(bank)
    return {"index": index.kind, "reason": index.reason}


def _rebuild(bank: Bank) -> dict:
    if not _TO.value:
        raise UserError("name the new bank's folder with --to; the old bank stays as it is")
    from regrad_jax.api import ReGrad  # most actions need no model
    from regrad_jax.library.banks import BuildOptions

    regrad = ReGrad.load(_CHECKPOINT.value)
    new, built = regrad.rebuild(bank, _TO.value, BuildOptions(_CODEC.value))
    if built.refused:
        print(f"refused, their gradients are not finite: {', '.join(built.refused)}", file=sys.stderr)
    return built._asdict() | {"documents": len(new), "bank": str(new.place), "codec": new.manifest.codec}


def _plan() -> dict:
    if _DOCUMENTS.value is None:
        raise UserError("say how many documents to plan for with --documents, such as --documents=21e6")
    # The other actions need no network, and so are there sooner.
    import jax
    import jax.numpy as jnp

    from regrad_jax import machine
    from regrad_jax.adaptation.adapter import AdapterConfig
    from regrad_jax.adaptation.codecs import weighted_sum
    from regrad_jax.library.plan import best_rate, build_hours, plan_bank
    from regrad_jax.models.weights import load_config

    decoder, codec = load_config(_MODEL.value), _CODEC.value or DEFAULT_CODEC
    first = decoder.layers // 2 if _FIRST_LAYER.value is None else _FIRST_LAYER.value
    plan = plan_bank(
        decoder, AdapterConfig(_ADAPTER.value, _RANK.value, first), codec, _DOCUMENTS.value,
        text_bytes=_TEXT_BYTES.value, tokens=_TOKENS.value, top_k=_TOP_K.value,
        inner_steps=_INNER_STEPS.value,
    )  # fmt: skip
    rate, basis = _RATE.value, "as given"
    if rate is None:
        flops, source = _FLOPS.value, "given"
        if flops is None:
            flops, source = machine.matmul_flops(), "measured here, float32 matrix product"
        rate, basis = best_rate(plan, flops), f"at best, of {flops / 1e9:.4g} GFLOP/s {source}"
    length, top_k = plan.row_length, _TOP_K.value
    packed_KxC = jnp.zeros((top_k, CODECS[codec].packed_bytes(length)), jnp.uint8)
    weights_1xK = jnp.ones((1, top_k))
    add_rows = jax.jit(lambda packed: weighted_sum(CODECS[codec], packed[None], weights_1xK, length))
    return {
        "model": _MODEL.value,
        "adapter": f"{_ADAPTER.value}, rank {_RANK.value}, layers {first} to {decoder.layers - 1}",
        "codec": codec,
        "documents": round(_DOCUMENTS.value),
        **plan._asdict(),
        "documents_per_second": rate,
        "rate": basis,
        "build_hours": build_hours(_DOCUMENTS.value, rate),
        "decode_ms_per_question": 1e3 * machine.median_seconds(lambda: add_rows(packed_KxC), 5),
    }


def _told(facts: Mapping[str, Any]) -> dict[str, str]:
    """Returns a plan as people read it."""
    parts = ", ".join(f"{part} {size:,.0f}" for part, size in facts["bytes_per_document"].items())
    gflop = facts["flops_per_document"] / 1e9
    return {
        **{name: facts[name] for name in ("model", "adapter", "codec")},
        "documents": f"{facts['documents']:,}",
        "row": f"{facts['row_length']:,} numbers",
        "bytes a document": parts,
        "bytes in all": f"{_size(facts['bytes'])}, compacted {_size(facts['bytes_compacted'])}",
        "read a question": _size(facts["bytes_per_question"]),
        "decode and add": f"{facts['decode_ms_per_question']:.3g} ms a question, measured here",
        "building": f"{facts['build_hours']:,.4g} hours, {gflop:,.4g} GFLOP a document",
        "documents a second": f"{facts['documents_per_second']:,.4g} ({facts['rate']})",
    }


def _size(count: float) -> str:
    """12345 -> 12.35 kB."""
    power = min(int(math.log10(count)) // 3, 5)
    return f"{count / 1000**power:.4g} {('B', 'kB', 'MB', 'GB', 'TB', 'PB')[power]}"


_ACTIONS: Mapping[str, Callable[[Bank], dict]] = {
    "info": _info,
    "verify": _verify,
    "log": _log,
    "delete": _delete,
    "rollback": _rollback,
    "compact": _compact,
    "reindex": _reindex,
    "rebuild": _rebuild,
}


def _look_after(action: str) -> dict:
    if not _BANK.value:
        raise UserError(f"name the bank's folder: regrad bank {action} --bank FOLDER")
    return _ACTIONS[action](Bank.open(_BANK.value))


def run(argv: list[str]) -> int:
    if len(argv) != 1 or argv[0] not in {*_ACTIONS, "plan"}:
        raise UserError(
            f"say what to do: regrad bank {'|'.join(_ACTIONS)} --bank FOLDER, or regrad bank plan"
        )
    facts = _plan() if argv[0] == "plan" else _look_after(argv[0])
    if _JSON.value and facts:
        print(json.dumps(facts))
    elif facts:
        for name, value in (_told(facts) if argv[0] == "plan" else facts).items():
            print(f"{name:<20}{json.dumps(value) if isinstance(value, dict | list) else value}")
    return 1 if facts.get("damaged") else 0
