"""The machine that measurements are taken on: what it is, and how fast it multiplies."""

import os
import pathlib
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

_SIDE = 2048  # of the square matrices that are multiplied
_REPEATS = 5


def describe() -> dict[str, Any]:
    """Returns the processor's name, the cores that this process may use, and JAX's default device."""
    return {"cpu": _cpu(), "cores": len(os.sched_getaffinity(0)), "device": jax.devices()[0].device_kind}


def matmul_flops(dtype: str = "float32") -> float:
    """Measures matrix multiplication on the default device; takes a second or two.

    Args:
      dtype: of the matrices.

    Returns:
      Floating-point operations a second, the median over repeats.
    """
    product = jax.jit(lambda x: x @ x)
    square = jax.random.normal(jax.random.key(0), (_SIDE, _SIDE), jnp.dtype(dtype))
    return 2 * _SIDE**3 / median_seconds(lambda: product(square), _REPEATS)


def median_seconds(call: Callable[[], Any], repeats: int) -> float:
    """Returns the median time of a call until its arrays are there. One call before them compiles."""
    jax.block_until_ready(call())
    seconds: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(call())
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _cpu() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
