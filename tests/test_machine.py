"""What is said of the machine is of this one."""

import itertools
import os
import types

import jax
import pytest

from regrad_jax import machine


def test_the_machine_is_named():
    facts = machine.describe()
    assert facts["cores"] == len(os.sched_getaffinity(0))
    assert facts["device"] == jax.devices()[0].device_kind
    assert facts["cpu"] and "\n" not in facts["cpu"]


def test_the_matmul_rate_is_operations_over_the_median_time(monkeypatch):
    """A clock by which the repeats take 1, 9, 2, 3 and 2 seconds."""
    monkeypatch.setattr(machine, "_SIDE", 100)
    ticks = itertools.accumulate([0, 1, 0, 9, 0, 2, 0, 3, 0, 2])
    monkeypatch.setattr(machine, "time", types.SimpleNamespace(perf_counter=lambda: next(ticks)))
    assert machine.matmul_flops() == pytest.approx(2 * 100**3 / 2)
