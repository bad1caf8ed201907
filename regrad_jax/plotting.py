"""Matplotlib where there may be no screen, imported when something is drawn, since it takes a second."""

from types import ModuleType


def pyplot() -> ModuleType:
    """Returns matplotlib.pyplot, which draws to files alone."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot

    return matplotlib.pyplot
