"""Meta-training of the checkpoint that ships for SmolLM2-135M: invented facts first, then real text.

    regrad train --config experiments/configs/almanac_squad.py --workdir runs/almanac_squad \
        --config.sources.squad.path=../shared/data/squadshifts_new_wiki.json

Hardware, time and scores of the released run stand in experiments/results/.
"""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    return ml_collections.ConfigDict(
        {
            "base_model": "smollm2-135m",
            "encoder": "minilm-l6",
            "seed": 0,
            "adapter": {
                "kind": "core",
                "rank": 32,
                "first_layer": 15,
                "targets": ("gate", "up", "down"),
                "scale": 2.0,
            },
            "weighting": "relevance",
            "prompts": "plain",
            "alpha": 0.5,  # where the step sizes start; learned
            "temperature": 0.1,  # where the softmax over cosine similarities starts; learned
            "documents_per_question": 3,  # its own and two retrieved distractors
            "sources": {
                "almanac": {
                    "kind": "almanac",
                    "entities": 2000,
                    "anchors": 3,
                    "questions_per_document": 3,
                    "document_tokens": 112,
                    "question_tokens": 40,
                    "answer_tokens": 12,
                },
                "squad": {
                    "kind": "squad",
                    "path": "../shared/data/squadshifts_new_wiki.json",
                    "anchors": 2,
                    "questions_per_document": 3,
                    "document_tokens": 192,
                    "question_tokens": 40,
                    "answer_tokens": 12,
                },
            },
            # (steps, share of batches by source)
            "stages": ((300, {"almanac": 1.0}), (200, {"almanac": 0.4, "squad": 0.6})),
            "learning_rate": 1.5e-3,
            "weight_decay": 0.0,
            "warmup_steps": 20,
            "decay": "cosine",
            "clip_norm": 0.5,
            "eval_every": 50,  # steps
            "eval_documents": 24,  # validation documents of each source
            "save_every": 25,  # steps
        }
    )
