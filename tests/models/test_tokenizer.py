"""Tokenizers from GGUF files cut text as their models' own do."""

import gguf
import numpy as np
import pytest
from tokenizers import pre_tokenizers

from regrad_jax.errors import UserError
from regrad_jax.models.tokenizer import load_tokenizer, tokenizer_digest


def write_gguf(path, pre: str, template: str = "{{ messages }}"):
    """A GGUF file with a byte-level tokenizer whose two merges join "1", "2" and two newlines."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    writer = gguf.GGUFWriter(path, "llama")
    for key in ("block_count", "context_length", "embedding_length", "feed_forward_length"):
        getattr(writer, f"add_{key}")(8)
    writer.add_head_count(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(["<s>", *alphabet, "12", "ĊĊ"])
    writer.add_token_types([3] + [1] * (len(alphabet) + 2))
    writer.add_token_merges(["1 2", "Ċ Ċ"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_chat_template(template)
    writer.add_tensor("token_embd.weight", np.zeros((len(alphabet) + 3, 8), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    ("pre", "tokens"),
    [
        ("gpt-2", ["Ċ", "Ċ", "12", "12"]),
        ("smollm", ["ĊĊ", "1", "2", "1", "2"]),
        ("llama-bpe", ["ĊĊ", "12", "1", "2"]),  # three digits at most
        ("qwen2", ["ĊĊ", "1", "2", "1", "2"]),
    ],
)
def test_pre_tokenizers(tmp_path, pre, tokens):
    tokenizer = load_tokenizer(write_gguf(tmp_path / "t.gguf", pre))
    assert tokenizer.tokenize("\n\n1212") == tokens


def test_saved_folder_keeps_the_digest_and_the_template(tmp_path):
    tokenizer = load_tokenizer(write_gguf(tmp_path / "t.gguf", "smollm"))
    tokenizer.save_pretrained(tmp_path / "folder")
    again = load_tokenizer(tmp_path / "folder")
    assert again.chat_template == "{{ messages }}"
    assert tokenizer_digest(again) == tokenizer_digest(tokenizer)


def test_digest_tells_cuts_and_templates_apart(tmp_path):
    variants = [("smollm", "a"), ("llama-bpe", "a"), ("smollm", "b")]
    digests = {
        tokenizer_digest(load_tokenizer(write_gguf(tmp_path / f"{n}.gguf", *variant)))
        for n, variant in enumerate(variants)
    }
    assert len(digests) == 3


def test_what_is_no_tokenizer(tmp_path):
    with pytest.raises(UserError, match="'klingon' is not known"):
        load_tokenizer(write_gguf(tmp_path / "t.gguf", "klingon"))
    with pytest.raises(UserError, match="no such model folder"):
        load_tokenizer(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no tokenizer can be loaded"):
        load_tokenizer(tmp_path / "empty")
