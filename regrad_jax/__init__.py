"""ReGrad: retrievable gradients in JAX.

    from regrad_jax import Options, ReGrad, read_corpus

The names of `__all__` are the public face. Each is imported when it is first used, so that a program
that needs one of the packages alone starts without the others.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regrad_jax.api import ReGrad
    from regrad_jax.bank.bank import Bank
    from regrad_jax.data.corpus import read_corpus
    from regrad_jax.data.documents import Document, Question
    from regrad_jax.library.banks import BuildOptions
    from regrad_jax.methods.options import Options

__all__ = ["Bank", "BuildOptions", "Document", "Options", "Question", "ReGrad", "read_corpus"]

_HOMES = {
    "Bank": "regrad_jax.bank.bank",
    "BuildOptions": "regrad_jax.library.banks",
    "Document": "regrad_jax.data.documents",
    "Options": "regrad_jax.methods.options",
    "Question": "regrad_jax.data.documents",
    "ReGrad": "regrad_jax.api",
    "read_corpus": "regrad_jax.data.corpus",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'regrad_jax' has no attribute {name!r}")
