"""What the released checkpoint is measured on; results stand in experiments/results/.

    regrad evaluate --config experiments/configs/evaluate.py --workdir runs/evaluation \
        --config.datasets.squad.path=../shared/data/squadshifts_new_wiki.json
"""

import ml_collections

ALL = (
    "Direct", "RAG k=3", "ReGrad k=1", "ReGrad k=3", "ReGrad k=3, plain sum", "ReGrad, random documents",
    "ReGrad+ICL k=3",
)  # fmt: skip


def get_config() -> ml_collections.ConfigDict:
    return ml_collections.ConfigDict(
        {
            "datasets": {
                # 500 almanac entries of the test split and 40 fieldnotes in one bank
                "invented": {
                    "kind": "invented",
                    "entities": 500,
                    "almanac_questions": 400,
                    "settings": ALL,
                },
                # the last 8 articles: 197 paragraphs, 914 questions
                "squad": {
                    "kind": "squad",
                    "path": "../shared/data/squadshifts_new_wiki.json",
                    "split": "test",
                    "questions": 0,  # all
                    "settings": ALL,
                },
            }
        }
    )
