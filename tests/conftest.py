"""What every test runs under, set before anything imports JAX: the CPU, eight fake devices, no model hub.

Tiny models compile for far longer than they run, so programs are compiled almost without optimisation, in
the commands that a test starts as well, and under JAX 0.10 without XLA's new emitters, which take three
quarters of what is left; and each file's programs are dropped behind it, since hundreds of them fill memory.
"""

import importlib.metadata
import os
import pathlib

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")
_FLAGS = {"--xla_force_host_platform_device_count": "8"}
if importlib.metadata.version("jax").startswith("0.10."):  # XLA ends for a flag that it does not know
    _FLAGS["--xla_cpu_use_fusion_emitters"] = "false"
for flag, value in _FLAGS.items():
    if flag not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}={value}".strip()
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Programs that tests start import this checkout and these tests, whatever is installed.
_ROOT = str(pathlib.Path(__file__).parents[1])
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_ROOT, os.environ.get("PYTHONPATH")]))


# The longest, in this order.
_LONG = ("released", "loop", "local", "lookup", "table", "bucket", "extending", "state", "verbs", "faults")


def pytest_collection_modifyitems(items):
    """Takes the longest files first, or one worker would wait for the other to end them.

    With xdist that needs --no-loadscope-reorder (Makefile): left to itself it begins where most tests are.
    """
    rank = {f"test_{name}.py": number for number, name in enumerate(_LONG)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


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


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> pathlib.Path:
    """A tiny base model and a random checkpoint whose steps change what it says."""
    from tests.tiny_regrad import write_checkpoint

    folder = tmp_path_factory.mktemp("tiny")
    write_checkpoint(folder, scale=40.0, alpha=50.0)
    return folder


@pytest.fixture(scope="session")
def regrad(tiny_folder, minilm):
    """That checkpoint with the real sentence encoder."""
    from regrad_jax.api import ReGrad

    return ReGrad.load(tiny_folder / "checkpoint", encoder=str(minilm))


@pytest.fixture(scope="session")
def people():
    """A dozen invented people and questions about them."""
    from tests.tiny_regrad import people

    return people()


@pytest.fixture(scope="session")
def people_bank(regrad, people, tmp_path_factory):
    """A bank of them, which no test changes."""
    from tests.tiny_regrad import SILENT

    bank, built = regrad.build(people.documents, tmp_path_factory.mktemp("bank") / "b", progress=SILENT)
    assert built.added == len(bank) > len(people.documents)  # some are cut
    return bank
