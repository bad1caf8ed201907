r"""What the checkpoint that ships is measured on. The results are in experiments/results/.

    regrad evaluate --config experiments/configs/evaluate.py:invented --workdir runs/evaluation/invented

    regrad evaluate --config experiments/configs/evaluate.py --workdir runs/evaluation \
        --config.datasets.squad.path=new_wiki_v1.0.json --config.datasets.squad_shown.path=new_wiki_v1.0.json

The first command measures one bank and needs no file. The second measures all three banks. Its file is
datasets/new_wiki_v1.0.json of github.com/modestyachts/squadshifts-website.
"""

import ml_collections

from regrad_jax.data.datasets import complete

BLIND = ("Direct", "ReGrad k=1", "ReGrad k=3")
CONTROLS = ("ReGrad k=3, plain sum", "ReGrad, random documents")
SHOWN = ("RAG k=3", "ReGrad+ICL k=3")


def get_config(only: str = "") -> ml_collections.ConfigDict:
    """Returns all banks, or only the one that is named after a colon, as in evaluate.py:invented."""
    # The sizes of its split must be those of the training, or test articles may have been trained on.
    squad = complete({"kind": "squad", "path": "../shared/data/squadshifts_new_wiki.json"})
    config = ml_collections.ConfigDict(
        {
            "datasets": {
                # 960 almanac entries of the test split and 40 fieldnotes in one bank of 1,000
                "invented": {
                    "parts": {
                        "almanac": {
                            **complete({"kind": "almanac", "entities": 960}),
                            "sample": 300,  # questions
                        },
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
                # an eighth of the questions, since two cores take seconds for a prompt of three paragraphs
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
