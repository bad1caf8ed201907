"""What `test_released` asks of the checkpoint that ships, in a process of its own and on one device.

python -m tests.released_worker BANK  # makes it, and prints what came out as JSON
"""

import json
import sys

from regrad_jax.api import ReGrad
from regrad_jax.data.documents import Question
from regrad_jax.data.readers.fieldnotes import load_fieldnotes
from regrad_jax.evaluation.metrics import exact_match
from regrad_jax.methods.options import Options
from tests.tiny_regrad import SILENT

DOCUMENTS = 8  # as many as are built at once


def main(path: str) -> None:
    notes, questions = load_fieldnotes()
    regrad = ReGrad.load()
    bank, _ = regrad.build(notes[:DOCUMENTS], path, progress=SILENT)
    before = regrad.runtime.engine.weights_digest()
    kept = {note.id for note in notes[:DOCUMENTS]}
    chosen = [q for q in questions if q.document_id in kept]

    def ask(questions: list[Question], mode: str) -> list[str]:
        return [answer.answer for answer in regrad.ask(questions, bank, Options(mode, top_k=1))]

    answers = {mode: ask(chosen, mode) for mode in ("direct", "regrad")}
    right = next(
        q for q, answer in zip(chosen, answers["regrad"], strict=True) if exact_match(answer, q.answers)
    )
    with bank:
        bank.delete([str(right.document_id)])
    facts = {
        "golds": [list(q.answers) for q in chosen],
        "answers": answers,
        "right": list(right.answers),
        "after_deletion": ask([right], "regrad")[0],
        "digests": [before, regrad.runtime.engine.weights_digest()],
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
