"""A tiny model on disk and finished runs on it, made when a test first asks for them."""

import functools
import pathlib

import pytest

from regrad_jax.models.base import load_base
from regrad_jax.training import prepare
from regrad_jax.training.loop import train
from tests.tiny_models import train_config, write_model
from tests.training.tiny_runs import THETAS, Embedder


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("base") / "tiny"
    write_model(folder)
    return folder


@pytest.fixture(scope="module")
def quick():
    """Runs embed texts by their letters, and load the model once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "Embedder", Embedder)
        patch.setattr(prepare, "load_base", functools.cache(load_base))
        yield


@pytest.fixture(scope="module")
def finished(quick, model, tmp_path_factory):
    """theta -> the folder of an uninterrupted run."""

    @functools.cache
    def run(theta: str) -> pathlib.Path:
        workdir = tmp_path_factory.mktemp(theta) / "run"
        assert train(train_config(model, **THETAS[theta]), workdir) == workdir / "release"
        return workdir

    return run
