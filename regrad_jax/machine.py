"""The machine that measurements are taken on: what it is, and how fast it multiplies."""

import os
import pathlib
import platform
import statistics
import time
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
    product(square).block_until_ready()  # compiles
    seconds = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        product(square).block_until_ready()
        seconds.append(time.perf_counter() - start)
    return 2 * _SIDE**3 / statistics.median(seconds)


def _cpu() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
