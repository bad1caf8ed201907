"""The checkpoint that ships, on the real base model: documents in, right answers out, taken out again."""

import pytest

from regrad_jax.data.fieldnotes.read import load_fieldnotes
from regrad_jax.evaluation.metrics import exact_match, question_scores
from regrad_jax.methods.regrad import ReGrad

pytestmark = pytest.mark.slow
DOCUMENTS = 12


def test_documents_answer_questions_until_they_are_removed(tmp_path, smollm2, minilm):
    notes, questions = load_fieldnotes()
    regrad = ReGrad.load()
    bank, _ = regrad.build(notes[:DOCUMENTS], tmp_path / "bank", progress=lambda line: None)
    before = regrad.answerer.weights_digest()
    kept = {note.id for note in notes[:DOCUMENTS]}
    asked = [q for q in questions if q.document_id in kept]
    golds = [q.answers for q in asked]

    def ask(mode):
        answers = regrad.ask([q.question for q in asked], bank, mode=mode, top_k=1)
        return [a.answer for a in answers]

    _, direct_f1 = question_scores(ask("direct"), golds)
    adapted = ask("regrad")
    _, adapted_f1 = question_scores(adapted, golds)
    assert adapted_f1.mean() > direct_f1.mean() + 5
    assert direct_f1.mean() < 15  # nobody can know these things

    right = next(i for i, a in enumerate(adapted) if exact_match(a, golds[i]))
    with bank:
        bank.delete([str(asked[right].document_id)])
    again = regrad.ask([asked[right].question], bank, top_k=1)[0]
    assert not exact_match(again.answer, golds[right])
    assert regrad.answerer.weights_digest() == before
