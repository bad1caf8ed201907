"""Where base assets (models, encoders) are cached on this machine."""

import os
import pathlib


def regrad_home() -> pathlib.Path:
    """Returns `$REGRAD_HOME`, or `~/.cache/regrad` when it is unset. The folder may not exist yet."""
    return pathlib.Path(os.environ.get("REGRAD_HOME") or pathlib.Path.home() / ".cache" / "regrad")
