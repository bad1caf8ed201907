"""The kinds of almanac entries: their names, and how the data file of each is read.

The folder `themes` has one data file for each kind. Nothing is read before a kind is needed.
"""

import functools
import hashlib
import importlib.resources
import tomllib
from importlib.resources.abc import Traversable
from typing import Any

from regrad_jax.data.almanac.faults import faults
from regrad_jax.data.almanac.kinds import Kind, kind_of
from regrad_jax.errors import UserError

# The order counts: a change of it changes what is generated from a seed. A new kind goes to the end.
THEMES = {
    "people": ("person",),
    "lives": ("inventor", "explorer", "obituary", "newcomer", "aunt", "impostor"),
    "places": ("village", "bridge", "island", "museum", "mine", "hut"),
    "organisations": ("company", "match", "meeting", "strike", "school", "expedition"),
    "things": ("appliance", "dish", "ship", "animal", "process", "game"),
    "culture": ("novel", "sculpture", "festival", "radio series", "language", "house"),
    "news": ("accident", "opening", "theft", "election", "storm", "lawsuit"),
    "technical": ("instrument", "software", "railway", "mixture", "vehicle", "trial"),
    "records": ("treaty", "battle", "dynasty", "planet", "disease", "coin"),
    "daily": ("diary", "tenancy", "garden", "band", "course", "restaurant"),
}
KINDS = tuple(name for names in THEMES.values() for name in names)
FOLDER = importlib.resources.files("regrad_jax.data.almanac") / "themes"

_FILES = {name: f"{theme}/{name.replace(' ', '_')}.toml" for theme, names in THEMES.items() for name in names}


@functools.cache
def load_kind(name: str, folder: Traversable = FOLDER) -> Kind:
    """Returns a kind, which is read at the first call.

    Args:
        name: one of KINDS.
        folder: holds the data files.

    Raises:
        UserError: the file is missing or has a fault.
    """
    data = read_kind(name, folder)
    if wrong := faults(data):
        more = f" ({len(wrong) - 1} more faults)" if len(wrong) > 1 else ""
        raise UserError(f"almanac: {file_of(name, folder)}: {wrong[0]}{more}")
    return kind_of(data)


def read_kind(name: str, folder: Traversable = FOLDER) -> dict[str, Any]:
    """Returns the parsed data file of a kind, which may have faults.

    Raises:
        UserError: the file is missing or is no TOML.
    """
    file = file_of(name, folder)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # a wrong encoding and wrong TOML are ValueErrors
        raise UserError(f"almanac: {file}: {error}") from error


def file_of(name: str, folder: Traversable = FOLDER) -> Traversable:
    """Returns the data file of a kind."""
    return folder / _FILES[name]


def digest(folder: Traversable = FOLDER) -> str:
    """Returns the sha256 of all data files, which is recorded in checkpoints.

    Equal digests say that the wordings and word lists were equal when two checkpoints were trained. The
    digest covers the order of the kinds. It does not cover the code that draws and fills.
    """
    lines = [
        f"{path} {hashlib.sha256((folder / path).read_bytes()).hexdigest()}\n" for path in _FILES.values()
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
