"""Looks after a bank: regrad bank info|delete|reindex --bank notes.bank [--id DOCUMENT ...]

info prints what it holds; delete removes documents (or single passages) by id, for answers at once;
reindex makes the search index again.
"""

import json
import shutil

from absl import flags

from regrad_jax.bank.store import Bank
from regrad_jax.errors import UserError
from regrad_jax.retrieval.index import open_index

_BANK = flags.DEFINE_string("bank", None, "folder of the bank", required=True)
_ID = flags.DEFINE_multi_string("id", [], "document or passage to delete; may be given several times")
_JSON = flags.DEFINE_bool("json", False, "print one JSON object")


def _info(bank: Bank) -> dict:
    return bank.info()


def _delete(bank: Bank) -> dict:
    if not _ID.value:
        raise UserError("nothing to delete; name documents with --id")
    known = {name for r in bank.records.values() for name in (r.id, r.document_id)}
    if unknown := [name for name in _ID.value if name not in known]:
        raise UserError(f"bank {bank.path} has no document {unknown[0]!r}; nothing was deleted")
    with bank:
        return {"deleted": bank.delete(_ID.value), "documents": len(bank), "version": bank.version}


def _reindex(bank: Bank) -> dict:
    shutil.rmtree(bank.path / "index", ignore_errors=True)
    index = open_index(bank.path / "index", bank.version, bank.keys)
    return {"index": index.kind, "reason": index.reason}


_ACTIONS = {"info": _info, "delete": _delete, "reindex": _reindex}


def run(argv: list[str]) -> None:
    if len(argv) != 1 or argv[0] not in _ACTIONS:
        raise UserError(f"say what to do: regrad bank {'|'.join(_ACTIONS)} --bank FOLDER")
    facts = _ACTIONS[argv[0]](Bank.open(_BANK.value))
    if _JSON.value:
        print(json.dumps(facts))
        return
    for name, value in facts.items():
        print(f"{name:<20}{json.dumps(value) if isinstance(value, dict) else value}")
