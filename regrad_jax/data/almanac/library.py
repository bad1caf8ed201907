"""All kinds of almanac entries."""

import importlib

from regrad_jax.data.almanac.kinds import Kind

# One module a theme; each has KINDS, a tuple of Kind.
THEMES = (
    "people", "lives", "places", "organisations", "things", "culture", "news", "technical", "records", "daily",
)  # fmt: skip

KINDS: tuple[Kind, ...] = tuple(
    kind
    for theme in THEMES
    for kind in importlib.import_module(f"regrad_jax.data.almanac.themes.{theme}").KINDS
)
