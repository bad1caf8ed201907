"""Controls."""

import numpy as np
import pytest

from regrad_jax.errors import UserError
from regrad_jax.evaluation.settings import RandomDocuments
from tests.tiny_regrad import SILENT


def test_random_documents_are_others_than_the_question_s_own(people_bank, people):
    control = RandomDocuments(people_bank)
    found = control.search(people.questions, 3)
    assert found.positions_QxK.shape == found.scores_QxK.shape == (len(people.questions), 3)
    for question, positions in zip(people.questions, found.positions_QxK.tolist(), strict=True):
        owners = {people_bank.records[p].document_id for p in positions}
        assert question.document_id not in owners
        assert len(set(positions)) == 3
    # A question's documents do not hang on what it is asked with.
    alone = control.search(people.questions[4:5], 3)
    np.testing.assert_array_equal(alone.positions_QxK[0], found.positions_QxK[4])
    assert len({tuple(row) for row in found.positions_QxK.tolist()}) > 5


def test_random_documents_need_others_than_the_question_s_own(regrad, people, tmp_path):
    own = [q for q in people.questions if q.document_id == people.documents[0].id]
    alone, _ = regrad.build(people.documents[:1], tmp_path / "b", progress=SILENT)
    with pytest.raises(UserError, match="fewer than 1 passages of other documents"):
        RandomDocuments(alone).search(own, 1)
