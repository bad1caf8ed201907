"""A try-out of meta-training in some five minutes on two cores: one kind of entry.

    regrad train --config experiments/configs/one_kind.py --workdir runs/one_kind

The default recipe on short documents about invented people. As few steps on all kinds of entries would teach
the form of an answer only.
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
