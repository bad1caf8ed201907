r"""What the released checkpoint is measured on; the results are in experiments/results/.

    regrad evaluate --config experiments/configs/evaluate.py --workdir runs/evaluation \
        --config.datasets.squad.path=../shared/data/squadshifts_new_wiki.json \
        --config.datasets.squad_shown.path=../shared/data/squadshifts_new_wiki.json
"""

import ml_collections

from regrad_jax.data.datasets import complete

BLIND = ("Direct", "ReGrad k=1", "ReGrad k=3")
CONTROLS = ("ReGrad k=3, plain sum", "ReGrad, random documents")
SHOWN = ("RAG k=3", "ReGrad+ICL k=3")


def get_config(only: str = "") -> ml_collections.ConfigDict:
    """Returns all banks, or the one named: --config=experiments/configs/evaluate.py:invented"""
    # `path`, and the split by `train_articles` and `validation_articles`, which must be that of the training
    squad = complete({"kind": "squad", "path": "../shared/data/squadshifts_new_wiki.json"})
    config = ml_collections.ConfigDict(
        {
            "datasets": {
                # 960 almanac entries of the test split and 40 fieldnotes in one bank of 1,000
                "invented": {
                    "parts": {
                        "almanac": {
                            **complete({"kind": "almanac", "entities": 960}),
                            "sample": 300,
                        },  # questions
                        "fieldnotes": {"kind": "fieldnotes", "sample": 0},  # all
                    },
                    "codec": "",  # of the bank; empty: as the checkpoint was trained for, or int4
                    "settings": (*BLIND, *CONTROLS),
                },
                # the last 8 articles: 197 paragraphs, 914 questions
                "squad": {
                    **squad,
                    "split": "test",
                    "codec": "",  # of the bank; empty: as the checkpoint was trained for, or int4
                    "sample": 0,  # questions, spread evenly over the documents; 0 asks all
                    "settings": BLIND,
                },
                # an eighth of the questions, since prompts with three paragraphs take seconds on two cores
                "squad_shown": {
                    **squad,
                    "split": "test",
                    "codec": "",  # of the bank; empty: as the checkpoint was trained for, or int4
                    "sample": 114,
                    "settings": SHOWN,
                },
            }
        }
    )
    for name in list(config.datasets) if only else ():
        if name != only:
            del config.datasets[name]
    return config
