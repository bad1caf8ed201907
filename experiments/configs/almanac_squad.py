"""Meta-training for SmolLM2-135M on invented facts and real text, with one preconditioned step a document.

    regrad train --config experiments/configs/almanac_squad.py --workdir runs/almanac_squad \
        --config.sources.squad.dataset.path=../shared/data/squadshifts_new_wiki.json

    regrad train --config experiments/configs/almanac_squad.py:learned --workdir runs/learned
    regrad train --config experiments/configs/almanac_squad.py:wide --workdir runs/wide

The checkpoint that ships comes from these three runs, and experiments/results/ says what each reached. The
first keeps theta at zero and takes an hour and a quarter on two cores. The second goes on from its release
with other texts, learns theta too, and takes an hour and a half. The third takes as long. It raises the rank
to what 32 KB hold in ternary rows, asks more of a document's questions, and puts the document into the prompt
of some.

The real text is a file that you need to have. The recipe `invented` does without it:

    regrad train --config experiments/configs/almanac_squad.py:invented --workdir runs/invented

The recipe `one_gpu` goes on from the third run on one GPU of 80 GB, with retrieved distractors beside each
document. It has not been run yet:

    regrad train --config experiments/configs/almanac_squad.py:one_gpu --workdir runs/one_gpu
"""

import ml_collections

from regrad_jax.data.datasets import complete

# What other recipes change; each is named after the file's name and a colon.
_RECIPES = {
    "": {},
    "invented": {"stages": ((600, {"almanac": 1.0}),)},
    "learned": {
        "seed": 1,
        "theta": "learned",
        "initial": "runs/almanac_squad/release",
        "stages": ((380, {"almanac": 0.8, "squad": 0.2}),),
        "learning_rate": 5e-3,
        "theta_rate": 0.2,
        "eval_every": 190,
    },
    "wide": {
        "seed": 3,
        "theta": "learned",
        "initial": "runs/learned/release",
        "adapter": {"rank": 56},  # a ternary row of it is as long as an int4 row of rank 32, and a fifth more
        "initial_alpha_scale": 2.0,
        "codec": "ternary",
        "sources": {
            # With theta learned a document costs as much as ten questions, so most of its own are asked.
            "almanac": {"questions_per_document": 5},
            "squad": {"questions_per_document": 5},
            "shown": {
                "dataset": complete({"kind": "almanac", "entities": 2_000}),
                "anchors": 4,
                "questions_per_document": 3,
                "document_tokens": 144,
                "question_tokens": 192,
                "answer_tokens": 10,
                "context": 1.0,
            },
        },
        "stages": ((360, {"almanac": 0.7, "squad": 0.2, "shown": 0.1}),),
        "learning_rate": 5e-3,
        "theta_rate": 0.2,
        "eval_every": 180,
    },
    "one_gpu": {
        "seed": 2,
        "theta": "learned",
        "initial": "runs/wide/release",
        "adapter": {"rank": 56},
        "codec": "ternary",
        "documents_per_question": 3,
        "sources": {
            "almanac": {"dataset": {"entities": 40_000}, "questions_per_document": 4},
            "squad": {"anchors": 5},
        },
        "stages": ((1500, {"almanac": 0.8, "squad": 0.2}),),
        "learning_rate": 3e-3,
        "warmup_steps": 50,
        "eval_every": 250,
        "save_every": 50,
    },
}


def get_config(recipe: str = "") -> ml_collections.ConfigDict:
    if recipe not in _RECIPES:
        raise ValueError(f"almanac_squad.py:{recipe}: choose one of {', '.join(filter(None, _RECIPES))}")
    config = _default()
    config.update(_RECIPES[recipe])
    drawn_from = {name for _, shares in config.stages for name in shares}
    for name in set(config.sources) - drawn_from:
        del config.sources[name]
    return config


def _default() -> ml_collections.ConfigDict:
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
            "theta": "zero",  # document gradients are taken at the base model itself
            "initial": "",  # a released checkpoint's folder to go on from
            "initial_alpha_scale": 1.0,  # of its step sizes, which several inner steps want shorter
            "alpha": 0.8,  # where the step sizes start; learned
            "alpha_mode": "tie",  # one for every layer of every adapter tensor
            "bases": "random",
            "inner_steps": 1,
            "damping": 0.2,  # of the gradients' preconditioner; inf for plain ones
            "order": "second",
            "codec": "float32",  # rounds rows in training and packs new banks; float32: no rounding, and int4
            # Of the softmax over cosine similarities; learned where a question uses several documents.
            "temperature": 0.02,
            "documents_per_question": 1,  # its own; more are retrieved distractors
            "sources": {
                "almanac": {
                    # `entities` to generate, so that few are met twice, and their `kinds`, all when empty
                    "dataset": complete({"kind": "almanac", "entities": 12_000}),
                    "anchors": 8,
                    "questions_per_document": 3,
                    "document_tokens": 144,
                    "document_buckets": (),  # shorter lengths to pad to, where a step's documents fit
                    "question_tokens": 32,
                    "answer_tokens": 10,
                    "context": 0.0,  # share of questions with their documents in the prompt too
                    "gold_absent": 0.0,  # share of questions without their own document
                },
                "squad": {
                    # `path`, and its split: the first `train_articles`, and the `validation_articles`
                    # after them, as numbers or as shares
                    "dataset": complete(
                        {"kind": "squad", "path": "../shared/data/squadshifts_new_wiki.json"}
                    ),
                    "anchors": 5,
                    "questions_per_document": 3,
                    "document_tokens": 192,
                    "document_buckets": (),
                    "question_tokens": 40,
                    "answer_tokens": 12,
                    "context": 0.0,
                    "gold_absent": 0.0,
                },
            },
            # (steps, share of batches by source)
            "stages": ((600, {"almanac": 0.8, "squad": 0.2}),),
            "learning_rate": 1e-2,  # 1.5e-3 takes three times as many steps
            "theta_rate": 0.1,  # of it, for theta where that is learned
            "weight_decay": 0.0,
            "warmup_steps": 20,
            "decay": "cosine",
            "clip_norm": 0.5,
            "eval_every": 150,  # steps
            "eval_documents": 24,  # validation documents of each source
            "save_every": 20,  # steps
            "batches_per_step": 1,
            "dtype": "float32",
            "remat": False,
            "mesh": {"data": 1, "fsdp": 1},
        }
    )
