r"""What the released checkpoint is measured on; results stand in experiments/results/.

    regrad evaluate --config experiments/configs/evaluate.py --workdir runs/evaluation \
        --config.datasets.squad.path=../shared/data/squadshifts_new_wiki.json \
        --config.datasets.squad_shown.path=../shared/data/squadshifts_new_wiki.json
"""

import ml_collections

BLIND = ("Direct", "ReGrad k=1", "ReGrad k=3")
CONTROLS = ("ReGrad k=3, plain sum", "ReGrad, random documents")
SHOWN = ("RAG k=3", "ReGrad+ICL k=3")


def get_config(only: str = "") -> ml_collections.ConfigDict:
    """Returns all datasets, or the one named: --config=experiments/configs/evaluate.py:invented"""
    config = ml_collections.ConfigDict(
        {
            "datasets": {
                # 960 almanac entries of the test split and 40 fieldnotes in one bank of 1,000
                "invented": {
                    "kind": "invented",
                    "entities": 960,
                    "almanac_questions": 300,
                    "codec": "",  # of the bank; empty: as the checkpoint was trained for, or int4
                    "settings": (*BLIND, *CONTROLS),
                },
                # the last 8 articles: 197 paragraphs, 914 questions
                "squad": {
                    "kind": "squad",
                    "path": "../shared/data/squadshifts_new_wiki.json",
                    "train_articles": 36,  # as the checkpoint was trained
                    "validation_articles": 4,
                    "split": "test",
                    "codec": "",  # of the bank; empty: as the checkpoint was trained for, or int4
                    "questions": 0,  # all
                    "settings": BLIND,
                },
                # an eighth of the questions, since prompts with three paragraphs take seconds on two cores
                "squad_shown": {
                    "kind": "squad",
                    "path": "../shared/data/squadshifts_new_wiki.json",
                    "train_articles": 36,  # as the checkpoint was trained
                    "validation_articles": 4,
                    "split": "test",
                    "codec": "",  # of the bank; empty: as the checkpoint was trained for, or int4
                    "questions": 114,
                    "settings": SHOWN,
                },
            }
        }
    )
    for name in list(config.datasets) if only else ():
        if name != only:
            del config.datasets[name]
    return config
