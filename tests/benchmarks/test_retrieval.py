"""The retrieval bench: ScaNN beside exact search on random keys."""

import sys

import pytest

from regrad_jax.benchmarks.retrieval import measure
from regrad_jax.errors import UserError


def test_both_kinds_are_measured_at_each_size():
    pytest.importorskip("scann")
    small, large = measure((60, 2_000))
    assert (small["documents"], large["documents"]) == (60, 2_000)
    times = "exact_ms_1", "exact_ms_100", "scann_ms_1", "scann_ms_100", "scann_build_s"
    assert set(small) == {"documents", *times, "recall_at_1", "recall_at_10"}
    # A query is a noisy copy of its first neighbour, and keys are independent of each other.
    assert 0.6 < large["recall_at_1"] <= 1 and large["recall_at_10"] < large["recall_at_1"]


def test_without_scann_there_is_nothing_to_measure(monkeypatch):
    monkeypatch.setitem(sys.modules, "scann", None)
    with pytest.raises(UserError, match="ScaNN is not installed"):
        measure((60,))
