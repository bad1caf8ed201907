"""All methods by name."""

from collections.abc import Mapping

from regrad_jax.errors import UserError
from regrad_jax.methods.base import Method, Setup
from regrad_jax.methods.direct import Direct
from regrad_jax.methods.rag import Rag
from regrad_jax.methods.regrad import ReGradMethod
from regrad_jax.methods.regrad_icl import ReGradICL

METHODS: Mapping[str, type[Method]] = {
    "direct": Direct,
    "rag": Rag,
    "regrad": ReGradMethod,
    "regrad+icl": ReGradICL,
}


def make_method(setup: Setup) -> Method:
    """Returns the method that the options name.

    Raises:
        UserError: there is none of that name.
    """
    mode = setup.options.mode
    if mode not in METHODS:
        raise UserError(f"`mode` {mode!r} is unknown; choose one of {', '.join(METHODS)}")
    return METHODS[mode](setup)
