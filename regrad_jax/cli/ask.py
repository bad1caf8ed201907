"""Answers questions from a bank: regrad ask --bank notes.bank --question "Who keeps the Orsk light?"

Mode regrad applies the gradients of the retrieved documents and shows the model none of them. Mode rag shows
the model the documents and applies nothing. Mode regrad+icl does both, and mode direct does neither. Without
--question and --questions the command reads one question a line from standard input.
"""

import itertools
import json
import math
import sys
from collections.abc import Iterator

from absl import flags

from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.api import ReGrad
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.cache import ROW_CACHE_BYTES
from regrad_jax.cli.messages import as_flags
from regrad_jax.data.documents import Question
from regrad_jax.data.questions import read_questions
from regrad_jax.errors import UserError
from regrad_jax.library.runtime import DTYPES
from regrad_jax.methods.base import Answer
from regrad_jax.methods.options import Options
from regrad_jax.methods.table import METHODS
from regrad_jax.progress import to_stderr
from regrad_jax.retrieval.table import RETRIEVERS
from regrad_jax.session import Session

_BANK = flags.DEFINE_string("bank", None, "folder or URL of the bank; only mode direct does without")
_QUESTION = flags.DEFINE_string("question", None, "one question")
_QUESTIONS = flags.DEFINE_string(
    "questions", None, "a JSONL file of questions; each is answered by one JSON object a line"
)
_CHOICE = flags.DEFINE_multi_string(
    "choice", [], "with --question, one of what is to be chosen from; repeat it for each"
)
_MODE = flags.DEFINE_enum("mode", "regrad", list(METHODS), "how to answer")
_TOP_K = flags.DEFINE_integer("top_k", 3, "documents for each question", 1)
_GAMMA = flags.DEFINE_float("gamma", 1.0, "step multiplier; 0 leaves the weights alone")
_WEIGHTING = flags.DEFINE_enum(
    "weighting", None, list(DOCUMENT_WEIGHTS), "document weights; by default as the checkpoint was trained"
)
_RETRIEVER = flags.DEFINE_enum("retriever", "dense", list(RETRIEVERS), "what finds the documents")
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "folder of a checkpoint; by default the one that ships")
_DTYPE = flags.DEFINE_enum("dtype", "float32", DTYPES, "number type of the frozen network")
_VERSION = flags.DEFINE_integer("version", None, "the bank's version to ask; by default the latest", 0)
_MAX_NEW_TOKENS = flags.DEFINE_integer("max_new_tokens", 20, "the longest answer, in tokens", 1)
_RESIDENT = flags.DEFINE_bool(
    "resident", False, "load the bank's rows into device memory, for many questions"
)
_CACHE_MIB = flags.DEFINE_float(
    "cache_mib", ROW_CACHE_BYTES / 2**20, "MiB of rows that may stay in memory; inf sets no limit", 0.0
)
_FREE_TEXT = flags.DEFINE_bool(
    "free_text", False, "read a choice in what the model writes, instead of taking the most likely one"
)
_JSON = flags.DEFINE_bool("json", False, "print one JSON object a line")

_AT_ONCE = 64  # questions of a file whose rows are in memory together


def run(argv: list[str]) -> int:
    questions, options = _questions(), _options()
    method = METHODS[_MODE.value]
    if _RESIDENT.value and not method.uses_rows:
        raise UserError(f"mode {_MODE.value} uses no gradients; leave --resident out")
    if method.uses_bank:
        if not _BANK.value:
            raise UserError(
                f"mode {_MODE.value} needs a bank; give one with --bank, or ask with --mode=direct"
            )
        Bank.open(_BANK.value, version=_VERSION.value)  # a wrong path is told before the model loads
    regrad = ReGrad.load(_CHECKPOINT.value, dtype=_DTYPE.value)
    cache_bytes = sys.maxsize if math.isinf(_CACHE_MIB.value) else round(_CACHE_MIB.value * 2**20)
    session = regrad.session(regrad.open(_BANK.value, _VERSION.value, cache_bytes) if _BANK.value else None)
    if _RESIDENT.value:
        rows = session.load_rows()
        size = rows.bytes_a_device / 2**20
        to_stderr(f"{len(session.bank or ())} rows are in device memory, {size:.1f} MiB a device")
    if questions is None:
        return _converse(session, options)
    return _answer_all(session, questions, options)


def _questions() -> list[Question] | None:
    """Returns the questions that the flags give; None where they come from standard input."""
    if _QUESTION.value is not None and _QUESTIONS.value is not None:
        raise UserError("both --question and --questions are given; keep one")
    if _CHOICE.value and _QUESTION.value is None:
        raise UserError("--choice belongs to --question; give that too")
    if _QUESTIONS.value:
        return read_questions(_QUESTIONS.value)
    if _QUESTION.value is None:
        return None
    if not _QUESTION.value.strip():
        raise UserError("--question is empty; ask something")
    return [Question("", _QUESTION.value, (), choices=tuple(c.strip() for c in _CHOICE.value))]


def _options() -> Options:
    return Options(
        mode=_MODE.value,
        top_k=_TOP_K.value,
        gamma=_GAMMA.value,
        weighting=_WEIGHTING.value,
        retriever=_RETRIEVER.value,
        max_new_tokens=_MAX_NEW_TOKENS.value,
        free_text=_FREE_TEXT.value,
    )


def _answer_all(session: Session, questions: list[Question], options: Options) -> int:
    """Prints the answers of questions that are known beforehand; returns 1 where one has none."""
    failed = 0
    batches = [questions[start : start + _AT_ONCE] for start in range(0, len(questions), _AT_ONCE)]
    for batch, answers in zip(batches, session.ask_in_batches(batches, options), strict=True):
        for question, answer in zip(batch, answers, strict=True):
            if answer.error and _QUESTIONS.value is None:
                raise UserError(_named(question, answer))
            failed += bool(answer.error)
            _show(question, answer)
    return 1 if failed else 0


def _converse(session: Session, options: Options) -> int:
    """Answers the questions of standard input one by one."""
    for line in _lines():
        question = Question("", line, ())
        [answer] = session.ask([question], options)
        if answer.error:  # such as a question that is too long; the next one may be answered
            to_stderr(f"regrad: {as_flags(_named(question, answer))}")
        else:
            _show(question, answer)
    return 0


def _lines() -> Iterator[str]:
    """Yields the lines of a pipe or file that are not empty; what a person types, up to an empty line."""
    is_typed = sys.stdin.isatty()
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    if is_typed:
        print("Ask; an empty line ends.", file=sys.stderr)
    for number in itertools.count(1):
        if is_typed:
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line or (is_typed and not line.strip()):
            return
        if any(0xDC80 <= ord(letter) <= 0xDCFF for letter in line):
            raise UserError(f"standard input, line {number}: not UTF-8; write it in UTF-8")
        if line.strip():
            yield line.strip()


def _named(question: Question, answer: Answer) -> str:
    """Returns an answer's error with enough of the question to know it by."""
    text = question.question
    return f"{answer.error}: {text if len(text) <= 80 else f'... {text[-80:]}'!r}"


def _show(question: Question, answer: Answer) -> None:
    if _JSON.value or _QUESTIONS.value:
        # Where the output's encoding may lack a letter, JSON has an escape for it.
        ascii_only = sys.stdout.encoding.lower() not in ("utf-8", "utf8")
        print(json.dumps(_as_json(question, answer), ensure_ascii=ascii_only), flush=True)
        return
    print(question.spelled(answer.answer))
    for cited in answer.documents:
        print(f"    {cited.score:.2f}  {cited.id}")
    parts = ", ".join(f"{name} {ms:.0f} ms" for name, ms in answer.timings_ms.items())
    print(f"    {parts}", flush=True)


def _as_json(question: Question, answer: Answer) -> dict:
    facts: dict = {"id": question.id} if _QUESTIONS.value else {}
    facts |= {"question": answer.question}
    if answer.error:
        return facts | {"error": as_flags(answer.error)}
    facts |= {"answer": answer.answer, "mode": answer.mode}
    facts["documents"] = [
        {"id": cited.id, "score": cited.score, "weight": cited.weight} for cited in answer.documents
    ]
    facts["timings_ms"] = {name: round(ms, 2) for name, ms in answer.timings_ms.items()}
    if question.choices:
        facts["choice"] = question.labels.get(answer.answer)  # null where the answer is none
    return facts
