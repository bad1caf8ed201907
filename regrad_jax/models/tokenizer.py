"""Tokenizers, through transformers, which needs no PyTorch for them; quiet and offline."""

import hashlib
import json
import os
import pathlib
from typing import Any

from regrad_jax.errors import UserError
from regrad_jax.models.gguf_file import GGUFFile

# How text is cut before byte-pair encoding, by GGUF's `tokenizer.ggml.pre`. transformers cuts every
# GGUF tokenizer as GPT-2 does, which is not what these models were trained with.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,%d}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_PROBE = "It's 1987,  12.5%\n\n2 naïve   Größen\t_x = {北京}\r\n"


def load_tokenizer(path: str | os.PathLike[str]) -> Any:
    """Loads a tokenizer with its chat template.

    Args:
        path: a Hugging Face folder, or a `.gguf` file.

    Returns:
        A `transformers` fast tokenizer.

    Raises:
        UserError: there is no tokenizer at the path.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise UserError(f"{path}: no such model folder or .gguf file")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # it remarks on the absence of torch
    import transformers  # slow to import, and the two settings above must stand first

    load = transformers.AutoTokenizer.from_pretrained
    try:
        if path.suffix != ".gguf":
            return load(path, local_files_only=True)
        tokenizer = load(path.parent, gguf_file=path.name, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{path}: no tokenizer can be loaded from there ({reason})") from error
    _set_pre_tokenizer(path, tokenizer)
    return tokenizer


def _set_pre_tokenizer(path: pathlib.Path, tokenizer: Any) -> None:
    from tokenizers import Regex, pre_tokenizers

    file = GGUFFile(path)
    if file.field("tokenizer.ggml.model") != "gpt2":
        return  # SentencePiece cuts nothing beforehand
    byte_level = lambda use_regex: pre_tokenizers.ByteLevel(  # noqa: E731
        add_prefix_space=False, use_regex=use_regex
    )
    words = lambda digits: pre_tokenizers.Split(Regex(_WORDS % digits), "isolated")  # noqa: E731
    kind = file.field("tokenizer.ggml.pre", "default")
    if kind in ("default", "gpt-2"):
        return
    if kind == "smollm":
        cuts = [pre_tokenizers.Digits(individual_digits=True), byte_level(True)]
    elif kind in ("llama-bpe", "llama3", "llama-v3"):
        cuts = [words(3), byte_level(False)]
    elif kind == "qwen2":
        cuts = [words(1), byte_level(False)]
    else:
        raise UserError(
            f"{path}: GGUF pre-tokenizer {kind!r} is not known; load the tokenizer from the "
            "model's Hugging Face folder"
        )
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cuts)


def tokenizer_digest(tokenizer: Any) -> str:
    """Returns a sha256 of vocabulary, special tokens, chat template and the tokens of a probe text.

    The serialised tokenizer would not do: it changes with padding settings and library versions.
    """
    facts = {
        "vocabulary": tokenizer.get_vocab(),
        "special": tokenizer.special_tokens_map,
        "chat_template": tokenizer.chat_template,
        "probe": tokenizer(_PROBE)["input_ids"],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
