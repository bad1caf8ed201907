"""Answers questions from a bank: regrad ask --bank notes.bank --question "Who keeps the Orsk light?"

Modes: regrad applies the retrieved documents' gradients and shows the model nothing; rag shows it the
documents; regrad+icl does both; direct does neither. Without --question and --questions it prompts.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

from absl import flags

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.cache import ROW_CACHE_BYTES
from regrad_jax.data.documents import Question
from regrad_jax.data.questions import read_questions
from regrad_jax.errors import UserError
from regrad_jax.methods.modes import MODES
from regrad_jax.methods.regrad import Answer, ReGrad
from regrad_jax.progress import to_stderr

_BANK = flags.DEFINE_string("bank", None, "folder or URL of the bank; only mode direct does without")
_QUESTION = flags.DEFINE_string("question", None, "one question")
_QUESTIONS = flags.DEFINE_string(
    "questions", None, "a JSONL file of questions; one JSON object a line comes back"
)
_CHOICE = flags.DEFINE_multi_string(
    "choice", [], "with --question, one of what is to be chosen from; repeat it for each"
)
_MODE = flags.DEFINE_enum("mode", "regrad", list(MODES), "how to answer")
_TOP_K = flags.DEFINE_integer("top_k", 3, "documents for each question", 1)
_GAMMA = flags.DEFINE_float("gamma", 1.0, "step multiplier; 0 leaves the weights alone")
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "folder of a checkpoint; by default the one that ships")
_VERSION = flags.DEFINE_integer("version", None, "the bank's version to ask; by default the latest", 0)
_MAX_NEW_TOKENS = flags.DEFINE_integer("max_new_tokens", 20, "the longest answer, in tokens", 1)
_RESIDENT = flags.DEFINE_bool("resident", False, "hold the bank's rows in device memory, for many questions")
_CACHE_MIB = flags.DEFINE_float(
    "cache_mib", ROW_CACHE_BYTES / 2**20, "MiB of rows that may stay in memory", 0.0
)
_JSON = flags.DEFINE_bool("json", False, "print one JSON object a line")

_AT_ONCE = 64  # questions of a file whose rows are in memory together


def run(argv: list[str]) -> None:
    if _QUESTION.value is not None and _QUESTIONS.value is not None:
        raise UserError("both --question and --questions are given; keep one")
    if _QUESTION.value is not None and not _QUESTION.value.strip():
        raise UserError("--question is empty; ask something")
    if _CHOICE.value and _QUESTION.value is None:
        raise UserError("--choice belongs to --question; give that too")
    asked = read_questions(_QUESTIONS.value) if _QUESTIONS.value else []
    single = None
    if _QUESTION.value is not None:
        single = Question("", _QUESTION.value, (), choices=tuple(c.strip() for c in _CHOICE.value))
    if _RESIDENT.value and not MODES[_MODE.value].adapts:
        raise UserError(f"mode {_MODE.value} uses no gradients; leave --resident out")
    if MODES[_MODE.value].retrieves:
        if not _BANK.value:
            raise UserError(
                f"mode {_MODE.value} needs a bank; give one with --bank, or ask with --mode=direct"
            )
        Bank.open(_BANK.value, version=_VERSION.value)  # a wrong path is told before the model loads
    regrad = ReGrad.load(_CHECKPOINT.value)
    cache_bytes = round(_CACHE_MIB.value * 2**20)
    bank = regrad.open(_BANK.value, _VERSION.value, cache_bytes) if _BANK.value else None
    if _RESIDENT.value and bank is not None:
        held = regrad.hold(bank)
        to_stderr(f"holding {len(held.positions_N)} rows, {held.bytes_a_device / 2**20:.1f} MiB a device")
    if asked:
        chunks = [asked[start : start + _AT_ONCE] for start in range(0, len(asked), _AT_ONCE)]
        for chunk, answers in zip(chunks, regrad.ask_in_batches(chunks, bank, **_options()), strict=True):
            for question, answer in zip(chunk, answers, strict=True):
                facts = {"id": question.id} | _as_json(question, answer)
                print(json.dumps(facts, ensure_ascii=False), flush=True)
    elif single is not None:
        _show(single, _ask(regrad, bank, [single])[0])
    else:
        _converse(regrad, bank)


def _ask(regrad: ReGrad, bank: Bank | None, questions: Sequence[Question]) -> list[Answer]:
    return regrad.ask(questions, bank, **_options())


def _options() -> dict[str, Any]:
    return {
        "mode": _MODE.value,
        "top_k": _TOP_K.value,
        "gamma": _GAMMA.value,
        "max_new_tokens": _MAX_NEW_TOKENS.value,
    }


def _converse(regrad: ReGrad, bank: Bank | None) -> None:
    if sys.stdin.isatty():
        print("Ask; an empty line ends.", file=sys.stderr)
    while True:
        if sys.stdin.isatty():
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline().strip()
        if not line:
            return
        question = Question("", line, ())
        try:
            _show(question, _ask(regrad, bank, [question])[0])
        except UserError as error:  # such as a question that is too long; the next one may be answered
            print(f"regrad: {error}", file=sys.stderr)


def _show(question: Question, answer: Answer) -> None:
    if _JSON.value:
        print(json.dumps(_as_json(question, answer), ensure_ascii=False), flush=True)
        return
    print(question.spelled(answer.answer))
    for cited in answer.documents:
        print(f"    {cited.score:.2f}  {cited.id}")
    took = ", ".join(f"{name} {ms:.0f} ms" for name, ms in answer.timings_ms.items())
    print(f"    {took}", flush=True)


def _as_json(question: Question, answer: Answer) -> dict:
    facts = answer._asdict()
    if question.choices:
        facts["choice"] = question.labels.get(answer.answer)  # null where the answer is none
    facts["documents"] = [cited._asdict() for cited in answer.documents]
    facts["timings_ms"] = {name: round(ms, 2) for name, ms in answer.timings_ms.items()}
    return facts
