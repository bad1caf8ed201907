r"""How small can a core adapter's row be, and where should its bases start? All trained alike, theta at zero.

.venv/bin/python launch/sweep.py experiments/sweeps/core_adapter.py --workdir runs/core_adapter
"""

CONFIG = "experiments/configs/almanac_squad.py"
# One kind of entry, in short documents, one document a question: 150 steps, ten minutes on two cores, teach
# what a row of this size can carry. Of all kinds, as many steps teach the form of an answer only.
COMMON = {
    "documents_per_question": 1,
    "sources.almanac.kinds": ("person",),
    "sources.almanac.entities": 1200,
    "sources.almanac.anchors": 8,
    "sources.almanac.questions_per_document": 2,
    "sources.almanac.document_tokens": 88,
    "sources.almanac.question_tokens": 27,
    "stages": ((150, {"almanac": 1.0}),),
    "eval_every": 75,
    "eval_documents": 48,
    "seed": 3,
}


def get_sweep() -> dict[str, dict[str, object]]:
    """Returns the settings of each run by its name."""
    runs: dict[str, dict[str, object]] = {f"rank{r}": {"adapter.rank": r} for r in (32, 16, 8, 4, 64)}
    runs |= {
        "rank32_layers22to29": {"adapter.first_layer": 22},
        "rank64_layers22to29": {"adapter.first_layer": 22, "adapter.rank": 64},
        "rank32_down": {"adapter.targets": ("down",)},
        "rank32_singular": {"bases": "singular"},
    }
    return {name: COMMON | settings for name, settings in runs.items()}
