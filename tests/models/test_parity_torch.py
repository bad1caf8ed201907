"""Our networks against PyTorch's: the same files must give the same numbers, in float32."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.encoder import encode_tokens, load_encoder
from regrad_jax.models.tokenizer import load_tokenizer
from regrad_jax.models.weights import load_decoder
from tests.tiny_models import forward

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("optimised")]

TOLERANCE = 1e-4
SHAPE = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "attn_implementation": "eager",
}
# An original context of 64 at base 100 puts pairs below, between and above both bounds of the
# scaling, and lets 40 tokens feel it.
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 100.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
# family: (transformers' config class, its settings, a change of our config that must show)
FAMILIES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "llama3": ("LlamaConfig", {"rope_parameters": LLAMA3_ROPE}, {"rope_scaling": None}),
    "smollm2": (
        "LlamaConfig",
        {"tie_word_embeddings": True, "rope_theta": 100_000.0, "num_attention_heads": 8},
        {"rope_base": 10_000.0},
    ),
    "mistral": ("MistralConfig", {"sliding_window": 8}, {"sliding_window": None}),
    "qwen2": ("Qwen2Config", {"rms_norm_eps": 1e-3}, {"norm_eps": 1e-6}),
    "qwen3": ("Qwen3Config", {"head_dim": 16}, {"rope_base": 100.0}),
}


def save_random_model(family: str, folder):
    """Saves a small random model of a family, its numbers large enough for every part to matter."""
    name, settings, _ = FAMILIES[family]
    config = getattr(transformers, name)(**(SHAPE | settings))
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            mean = 1.0 if "norm" in parameter_name else 0.0
            parameter.normal_(mean, 0.2)
    model.eval().save_pretrained(folder)
    return model


def largest_difference(ours, theirs) -> float:
    return float(np.abs(np.asarray(ours) - theirs.numpy()).max())


@pytest.mark.parametrize("family", FAMILIES)
def test_random_decoders(family, tmp_path):
    model = save_random_model(family, tmp_path)
    tokens_BxT = np.random.default_rng(1).integers(0, 97, (3, 40))
    with torch.no_grad():
        theirs = model(torch.from_numpy(tokens_BxT)).logits
    assert theirs.std() > 0.1  # or the tolerance would say little

    config, params = load_decoder(tmp_path)
    difference = largest_difference(forward(config, params, jnp.asarray(tokens_BxT)), theirs)
    print(f"{family}: largest difference of logits {difference:.1e}")
    assert difference < TOLERANCE

    # The comparison must be able to fail: with a constant of the family changed it does.
    changed: DecoderConfig = dataclasses.replace(config, **FAMILIES[family][2])
    without = largest_difference(forward(changed, params, jnp.asarray(tokens_BxT)), theirs)
    assert without > 10 * TOLERANCE


def test_smollm2(smollm2):
    text = "The lighthouse on Harrow Point was built in 1874 and its lamp is still lit by hand."
    tokens_BxT = np.array([load_tokenizer(smollm2)(text)["input_ids"]])
    model = transformers.AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32)
    with torch.no_grad():
        theirs = model(torch.from_numpy(tokens_BxT)).logits
    config, params = load_decoder(smollm2)
    difference = largest_difference(forward(config, params, jnp.asarray(tokens_BxT)), theirs)
    largest = float(theirs.abs().max())
    print(f"smollm2-135m: largest difference {difference:.1e}, largest logit {largest:.1f}")
    # Its logits reach 36, where float32 ends: PyTorch itself is 6.5e-5 away from its float64, and
    # we are 1.1e-4. So the bound is relative here, and tighter.
    assert difference < 1e-5 * largest


def test_minilm(minilm):
    texts = ["A short one.", "A longer text, with 25 numbers, about nothing in particular at all."]
    batch = load_tokenizer(minilm)(texts, padding=True, return_tensors="np")
    tokens_BxT, mask_BxT = batch["input_ids"], batch["attention_mask"]
    model = transformers.BertModel.from_pretrained(minilm, dtype=torch.float32)
    with torch.no_grad():
        mask = torch.from_numpy(mask_BxT)
        hidden = model(torch.from_numpy(tokens_BxT), attention_mask=mask).last_hidden_state
        mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        theirs = torch.nn.functional.normalize(mean, dim=-1)
    config, params = load_encoder(minilm)
    ours = encode_tokens(config, params, jnp.asarray(tokens_BxT), jnp.asarray(mask_BxT, bool))
    difference = largest_difference(ours, theirs)
    print(f"minilm-l6: largest difference of keys {difference:.1e}")
    assert difference < TOLERANCE
