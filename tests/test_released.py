"""The checkpoint that ships, on the real base model: documents in, right answers out, taken out again."""

import json
import os
import subprocess
import sys

import pytest

from regrad_jax.evaluation.metrics import exact_match, question_scores

pytestmark = pytest.mark.slow


def test_documents_answer_questions_until_they_are_removed(tmp_path, smollm2, minilm):
    # Eight fake devices would each hold a copy of the base model.
    plain = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_DISABLE_MOST_OPTIMIZATIONS")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.released_worker", tmp_path / "bank"],
        env=plain,
        stdout=subprocess.PIPE,
        check=True,
        timeout=1800,
    )
    facts = json.loads(done.stdout)
    _, direct_f1 = question_scores(facts["answers"]["direct"], facts["golds"])
    _, adapted_f1 = question_scores(facts["answers"]["regrad"], facts["golds"])
    assert adapted_f1.mean() > direct_f1.mean() + 5
    assert direct_f1.mean() < 15  # nobody can know these things
    assert not exact_match(facts["after_deletion"], facts["right"])
    assert facts["digests"][0] == facts["digests"][1]
