"""Meta-training for SmolLM2-135M on invented facts and real text, with one preconditioned step a document.

    regrad train --config experiments/configs/almanac_squad.py --workdir runs/almanac_squad \
        --config.sources.squad.dataset.path=../shared/data/squadshifts_new_wiki.json

    regrad train --config experiments/configs/almanac_squad.py:learned --workdir runs/learned
    regrad train --config experiments/configs/almanac_squad.py:wide --workdir runs/wide

The checkpoint that ships comes from these three runs, and experiments/results/ says what each reached. Times
are those of two cores:

    run       starts from         time         what is new
    (none)    nothing             74 minutes   theta stays at zero; 45 GB of disk while it runs
    learned   the first release   86 minutes   theta is learned too, on other texts
    wide      the second release  94 minutes   the rank rises to what 32 KB hold in ternary rows; documents
                                               are asked more questions; some prompts show the document

The real text is the file datasets/new_wiki_v1.0.json of github.com/modestyachts/squadshifts-website. Every
recipe but `invented` needs it:

    regrad train --config experiments/configs/almanac_squad.py:invented --workdir runs/invented

The recipe `one_gpu` starts from the third release. It adds retrieved distractors to each question's own
document, and it needs one GPU of 80 GB. Nobody has run it yet:

    regrad train --config experiments/configs/almanac_squad.py:one_gpu --workdir runs/one_gpu
"""

import ml_collections

from regrad_jax.data.datasets import complete

# What each recipe changes in the default one. --config=almanac_squad.py:NAME chooses a recipe.
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
        # A ternary row of this rank is a fifth longer than an int4 row of rank 32.
        "inner": {"adapter": {"rank": 56}},
        "initial_alpha_scale": 2.0,
        "codec": "ternary",
        "sources": {
            # With theta learned, a document costs as much as ten questions. So it is asked most of its own.
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
        "inner": {"adapter": {"rank": 56}},
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
            "inner": {
                "adapter": {
                    "kind": "core",
                    "rank": 32,
                    "first_layer": 15,
                    "targets": ("gate", "up", "down"),
                    "scale": 2.0,
                },
                "weighting": "relevance",
                "rule": "damped",  # "plain", with damping inf, takes gradients as they are
                "damping": 0.2,  # small divides a gradient fully by what its tokens share; inf not at all
                "steps": 1,  # gradient steps on a document
            },
            "prompts": "plain",
            "theta": "zero",  # document gradients are taken at the base model itself; or "learned"
            "initial": "",  # folder of a released checkpoint to start from
            "initial_alpha_scale": 1.0,  # multiplies the step sizes of `initial`
            "alpha": 0.8,  # the step sizes at the start; they are learned
            "alpha_mode": "tie",  # one step size for every layer of every adapter tensor
            "bases": "random",  # or "singular": the leading singular vectors of the weights
            "order": "second",  # "first" takes document gradients for constants
            # Rows are rounded so in training and in new banks. float32 rounds none and makes banks of int4.
            "codec": "float32",
            # Of the softmax over cosine similarities; learned where a question uses several documents.
            "temperature": 0.02,
            "documents_per_question": 1,  # the question's own; above 1, retrieved distractors too
            "sources": {
                "almanac": {
                    # `entities` are generated: so many that few are drawn twice. `kinds` limits their kinds.
                    "dataset": complete({"kind": "almanac", "entities": 12_000}),
                    "anchors": 8,  # questions of a batch that each bring their own document
                    "questions_per_document": 3,
                    "document_tokens": 144,  # longer documents are left out
                    "document_buckets": (),  # shorter lengths to pad to, where a step's documents fit
                    "question_tokens": 32,  # prompt and answer together; longer ones are left out
                    "answer_tokens": 10,
                    "context": 0.0,  # share of questions with their documents in the prompt too
                    "gold_absent": 0.0,  # share of questions without their own document
                },
                "squad": {
                    # The first `train_articles` of the file are for training and the `validation_articles`
                    # after them for validation. The others are for the test. Below 1 they are shares.
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
            "theta_rate": 0.1,  # theta's learning rate as a share of `learning_rate`, where theta is learned
            "weight_decay": 0.0,
            "warmup_steps": 20,
            "decay": "cosine",
            "clip_norm": 0.5,  # bound of the joint gradient norm
            "eval_every": 150,  # steps
            "eval_documents": 24,  # validation documents of each source
            "save_every": 20,  # steps
            "batches_per_step": 1,  # shared evenly by the devices of the mesh
            "dtype": "float32",  # of the frozen weights
            "remat": False,  # True computes the insides of layers twice and keeps less in memory
            "mesh": {"data": 1, "fsdp": 1},  # devices: data x fsdp; the weights are cut over fsdp
        }
    )
