"""Where base assets (models, encoders) are cached on this machine."""

import os
import pathlib

from regrad_jax.errors import UserError


def regrad_home() -> pathlib.Path:
    """Returns `$REGRAD_HOME`, or `~/.cache/regrad` when it is unset. The folder may not exist yet.

    Raises:
        UserError: the user has no home.
    """
    if named := os.environ.get("REGRAD_HOME"):
        return pathlib.Path(named).expanduser()
    try:
        return pathlib.Path.home() / ".cache" / "regrad"
    except RuntimeError as error:  # a container may run under a user id that nobody has
        raise UserError("this user has no home folder; set HOME or REGRAD_HOME") from error
