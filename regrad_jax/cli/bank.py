"""Looks after a bank: regrad bank info|verify|log|delete|rollback|compact|reindex|rebuild --bank notes.bank

info      what it holds, and its bytes by part
verify    reads everything against its checksums; exit status 1 where something is damaged
log       the last commits; each is a version that can be asked (regrad ask --version) and rolled back to
delete    removes documents or passages (--id), all of a source (--source), or what is damaged (--damaged)
rollback  makes the documents of --version the bank's again
compact   removes from the disk what was deleted or replaced, and with it all older versions
reindex   makes the search index again
rebuild   makes a new bank (--to) from the old one's texts, for another --checkpoint or --codec
"""

import json
import shutil
import sys
from collections.abc import Callable, Mapping

from absl import flags

from regrad_jax.bank.codecs import CODECS
from regrad_jax.bank.store import Bank
from regrad_jax.errors import UserError
from regrad_jax.progress import to_stderr
from regrad_jax.retrieval.index import open_index

_BANK = flags.DEFINE_string("bank", None, "folder of the bank", required=True)
_ID = flags.DEFINE_multi_string("id", [], "document or passage to delete; may be given several times")
_SOURCE = flags.DEFINE_multi_string("source", [], "source to delete all of; may be given several times")
_DAMAGED = flags.DEFINE_bool("damaged", False, "delete what verify finds damaged")
_VERSION = flags.DEFINE_integer("version", None, "version to roll back to", 0)
_LAST = flags.DEFINE_integer("last", 20, "commits that log shows", 1)
_TO = flags.DEFINE_string("to", None, "folder of the new bank that rebuild makes")
_CHECKPOINT = flags.DEFINE_string(
    "checkpoint", None, "checkpoint to rebuild for; by default the one that ships"
)
_CODEC = flags.DEFINE_enum("codec", None, list(CODECS), "how rebuild packs rows; by default as before")
_JSON = flags.DEFINE_bool("json", False, "print JSON: log and verify one object a line, the others one")


def _info(bank: Bank) -> dict:
    return bank.info()


def _verify(bank: Bank) -> dict:
    faults = bank.verify(lambda done, total: to_stderr(f"{done:,}/{total:,} documents read"))
    for fault in faults:
        name = repr(fault.id) if fault.id else f"the document at position {fault.position}"
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
        raise UserError(f"bank {bank.path} has no document {unknown[0]!r}; nothing was deleted")
    sources = {r.source for r in bank.records.values()}
    if unknown := [source for source in _SOURCE.value if source not in sources]:
        raise UserError(f"bank {bank.path} has nothing from source {unknown[0]!r}; nothing was deleted")
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
    shutil.rmtree(bank.path / "index", ignore_errors=True)
    index = open_index(bank.path / "index", bank.version, bank.keys)
    return {"index": index.kind, "reason": index.reason}


def _rebuild(bank: Bank) -> dict:
    if not _TO.value:
        raise UserError("name the new bank's folder with --to; the old bank stays as it is")
    from regrad_jax.methods.regrad import ReGrad  # the other actions need no model

    regrad = ReGrad.load(_CHECKPOINT.value)
    new, built = regrad.rebuild(bank, _TO.value, codec=_CODEC.value)
    if built.refused:
        print(f"refused, their gradients are not finite: {', '.join(built.refused)}", file=sys.stderr)
    return built._asdict() | {"documents": len(new), "bank": str(new.path), "codec": new.manifest.codec}


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


def run(argv: list[str]) -> int:
    if len(argv) != 1 or argv[0] not in _ACTIONS:
        raise UserError(f"say what to do: regrad bank {'|'.join(_ACTIONS)} --bank FOLDER")
    facts = _ACTIONS[argv[0]](Bank.open(_BANK.value))
    if _JSON.value and facts:
        print(json.dumps(facts))
    elif facts:
        for name, value in facts.items():
            print(f"{name:<20}{json.dumps(value) if isinstance(value, dict | list) else value}")
    return 1 if facts.get("damaged") else 0
