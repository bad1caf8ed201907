"""What every test runs under, set before anything imports JAX: the CPU, eight fake devices, no model hub.

Tiny models compile for far longer than they run, so programs are compiled almost without optimisation, in
the commands that a test starts as well; and each file's programs are dropped behind it, since hundreds of
them fill memory.
"""

import os
import pathlib

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")
_DEVICES = "--xla_force_host_platform_device_count"
if _DEVICES not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_DEVICES}=8".strip()
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"


@pytest.fixture(scope="module", autouse=True)
def drop_programs():
    yield
    import jax

    jax.clear_caches()


@pytest.fixture(scope="module")
def optimised():
    """Programs as users get them, for a file whose numbers are to be theirs."""
    import jax

    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="session")
def smollm2() -> pathlib.Path:
    """SmolLM2-135M-Instruct's folder; fetched now if `regrad fetch smollm2-135m` was never run."""
    from regrad_jax.models.assets import fetch

    return fetch("smollm2-135m")


@pytest.fixture(scope="session")
def minilm() -> pathlib.Path:
    """all-MiniLM-L6-v2's folder; fetched now if `regrad fetch minilm-l6` was never run."""
    from regrad_jax.models.assets import fetch

    return fetch("minilm-l6")
