r"""Does training on more kinds of entries make a checkpoint answer better on other prose?

    .venv/bin/python launch/sweep.py experiments/sweeps/variety.py --workdir runs/variety
    .venv/bin/python experiments/studies/variety.py --workdir runs/variety

The runs have 1, 7 and 55 kinds of entries and the same number of steps. Each run has all kinds of the run
before it. The second command asks every run's checkpoint about the fieldnotes.
"""

from regrad_jax.data.almanac.library import KINDS

CONFIG = "experiments/configs/one_kind.py"


def get_sweep() -> dict[str, dict[str, object]]:
    """Returns the settings of each run by its name."""
    alike = {
        "seed": 21,
        "sources.almanac.questions_per_document": 3,
        "sources.almanac.document_tokens": 192,  # a fieldnote then is one passage
        "sources.almanac.document_buckets": (96, 120, 144),
        "sources.almanac.question_tokens": 32,
    }
    # The kinds are sorted by theme, so every eighth of them are of different themes.
    return {
        f"{len(kinds)}kinds": alike | {"sources.almanac.dataset.kinds": kinds}
        for kinds in (KINDS[::every] for every in (55, 8, 1))
    }
