"""A first try of meta-training: one kind of invented entry, about five minutes on two cores.

    regrad train --config experiments/configs/one_kind.py --workdir runs/one_kind

This is the recipe almanac_squad.py:invented on short documents about invented people, with 60 steps in place
of 600. On all kinds of entries so few steps would teach no more than the form of an answer. The run needs no
file. Exact match on validation reaches 48% with seed 3 (experiments/results/smollm2-135m/README.md).
"""

import pathlib
import runpy

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    recipes = runpy.run_path(str(pathlib.Path(__file__).with_name("almanac_squad.py")))
    config = recipes["get_config"]("invented")
    config.sources.almanac.update(
        {
            "dataset": {"kinds": ("person",), "entities": 1200},
            "questions_per_document": 2,
            "document_tokens": 88,
            "question_tokens": 27,
        }
    )
    config.update({"stages": ((60, {"almanac": 1.0}),), "eval_every": 30, "eval_documents": 48})
    return config
