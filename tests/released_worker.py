"""What `test_released` asks of the checkpoint that ships, in a process of its own and on one device.

python tests/released_worker.py BANK  # makes it, and prints what came out as JSON
"""

import json
import sys

from regrad_jax.data.readers.fieldnotes import load_fieldnotes
from regrad_jax.evaluation.metrics import exact_match
from regrad_jax.methods.regrad import ReGrad

DOCUMENTS = 8  # as many as are built at once


def main(path: str) -> None:
    notes, questions = load_fieldnotes()
    regrad = ReGrad.load()
    bank, _ = regrad.build(notes[:DOCUMENTS], path, progress=lambda line: None)
    before = regrad.answerer.weights_digest()
    kept = {note.id for note in notes[:DOCUMENTS]}
    asked = [q for q in questions if q.document_id in kept]
    ask = lambda questions, mode: [
        a.answer for a in regrad.ask([q.question for q in questions], bank, mode=mode, top_k=1)
    ]
    found = {mode: ask(asked, mode) for mode in ("direct", "regrad")}
    right = next(
        q for q, answer in zip(asked, found["regrad"], strict=True) if exact_match(answer, q.answers)
    )
    with bank:
        bank.delete([str(right.document_id)])
    made = {
        "golds": [list(q.answers) for q in asked],
        "answers": found,
        "right": list(right.answers),
        "behind_deletion": ask([right], "regrad")[0],
        "digests": [before, regrad.answerer.weights_digest()],
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
