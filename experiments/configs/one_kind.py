"""A try-out of meta-training in some ten minutes on two cores: one kind of entry, one document a question.

    regrad train --config experiments/configs/one_kind.py --workdir runs/one_kind

The released recipe on short documents about invented people, each asked for with nothing beside it. As few
steps on all kinds of entries would teach the form of an answer only.
"""

import pathlib
import runpy

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    config = runpy.run_path(str(pathlib.Path(__file__).with_name("almanac_squad.py")))["get_config"]()
    del config.sources.squad
    config.sources.almanac.update(
        {
            "kinds": ("person",),
            "entities": 1200,
            "anchors": 8,
            "questions_per_document": 2,
            "document_tokens": 88,
            "question_tokens": 27,
        }
    )
    config.update(
        {
            "documents_per_question": 1,
            "learning_rate": 1e-2,  # 1.5e-3 takes three times as many steps
            "stages": ((150, {"almanac": 1.0}),),
            "eval_every": 75,
            "eval_documents": 48,
        }
    )
    return config
