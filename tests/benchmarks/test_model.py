"""Speeds of the parts: every number is there, and ratios are those of the numbers beside them."""

import pytest

from regrad_jax.benchmarks.model import BENCHES


def test_a_question_s_rows_are_timed_from_host_and_from_device_memory(regrad):
    facts = BENCHES["query"](regrad)
    assert facts["codec"] == "int4"
    assert facts["times_faster"] == pytest.approx(facts["recompute_ms"] / facts["adapt_ms"])
    ratio = facts["recompute_ms"] / facts["adapt_resident_ms"]
    assert facts["times_faster_resident"] == pytest.approx(ratio)


def test_gradients_are_timed_beside_their_floor(regrad):
    facts = BENCHES["encode"](regrad)
    ratio = facts["documents_per_second"] / facts["floor_documents_per_second"]
    assert facts["share_of_floor"] == pytest.approx(ratio)
