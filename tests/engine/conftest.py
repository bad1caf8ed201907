"""An engine on a tiny random decoder, which the tests of a file share."""

import pytest

from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.engine.engine import Engine
from tests.engine.by_hand import NO_STOPS
from tests.tiny_models import adapter, decoder, meta_params


@pytest.fixture(scope="module")
def meta() -> MetaParams:
    return meta_params(adapter())


@pytest.fixture(scope="module")
def engine(meta) -> Engine:
    return Engine(adapter(), decoder(), meta, NO_STOPS)
