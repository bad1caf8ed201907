r"""Does a checkpoint answer on other prose the better, the more kinds of entries it was trained on?

.venv/bin/python launch/sweep.py experiments/sweeps/variety.py --workdir runs/variety
.venv/bin/python experiments/studies/variety.py --workdir runs/variety

All runs take as many steps, and the kinds of one are among those of the next. The second command asks every
run's checkpoint about the fieldnotes.
"""

from regrad_jax.data.almanac.library import KINDS

CONFIG = "experiments/configs/one_kind.py"


def get_sweep() -> dict[str, dict[str, object]]:
    """Returns the settings of each run by its name."""
    alike = {
        "seed": 21,
        "sources.almanac.questions_per_document": 3,
        "sources.almanac.document_tokens": 192,  # so that a fieldnote is one passage; few entries are so long
        "sources.almanac.document_buckets": (96, 120, 144),
        "sources.almanac.question_tokens": 32,
    }
    # The kinds are sorted by theme, so every eighth of them are of different themes.
    return {
        f"{len(kinds)}kinds": alike | {"sources.almanac.dataset.kinds": kinds}
        for kinds in (KINDS[::every] for every in (55, 8, 1))
    }
