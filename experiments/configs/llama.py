"""Meta-training on LLaMA 3: the recipe of almanac_squad.py in bfloat16, with theta learned and distractors.

    regrad train --config experiments/configs/llama.py:1b --workdir runs/llama \\
        --config.base_model=FOLDER --config.mesh.fsdp=8 --config.batches_per_step=8

The argument is 1b (LLaMA 3.2), 3b (3.2) or 8b (3.1), and FOLDER is that model's Hugging Face folder.
--dry_run needs no folder: the config then names a preset, whose shape is known. Nobody has trained these
models here yet.
"""

import pathlib
import runpy

import ml_collections

_MODELS = {"1b": ("llama3.2-1b", 8), "3b": ("llama3.2-3b", 14), "8b": ("llama3.1-8b", 16)}


def get_config(size: str = "1b") -> ml_collections.ConfigDict:
    if size not in _MODELS:
        raise ValueError(f"llama.py:{size}: choose one of {', '.join(_MODELS)}")
    config = _default_recipe()
    config.base_model, config.inner.adapter.first_layer = _MODELS[size]
    config.theta, config.dtype, config.remat = "learned", "bfloat16", True
    config.documents_per_question, config.learning_rate = 3, 3e-3
    config.sources.almanac.anchors, config.sources.squad.anchors = 3, 2
    return config


def _default_recipe() -> ml_collections.ConfigDict:
    return runpy.run_path(str(pathlib.Path(__file__).with_name("almanac_squad.py")))["get_config"]()
