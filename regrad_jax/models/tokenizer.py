"""Tokenizers, loaded through transformers without PyTorch, without messages and without the network."""

import hashlib
import json
import os
import pathlib
from typing import Any

from regrad_jax.errors import UserError
from regrad_jax.models.gguf_file import GGUFFile

_CONTROL = 3  # the token type of special tokens in GGUF

# The pattern that cuts text before byte-pair encoding, where `tokenizer.ggml.pre` in a GGUF file asks for it.
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
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # else transformers remarks that torch is absent
    import transformers  # slow to import, and it reads the two settings above when it is imported

    if path.suffix == ".gguf":
        return _from_gguf(path)
    # AutoTokenizer first imports the model's own tokenizer class, and with it torch where that is installed.
    complete = (path / "tokenizer.json").is_file()
    reader = transformers.PreTrainedTokenizerFast if complete else transformers.AutoTokenizer
    try:
        return reader.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{path}: no tokenizer can be loaded from there ({reason})") from error


def _from_gguf(path: pathlib.Path) -> Any:
    """Builds a byte-level BPE tokenizer from a GGUF file's metadata.

    The reader that transformers has for GGUF files needs torch.
    """
    import tokenizers
    import transformers

    file = GGUFFile(path)
    field = lambda key: file.field(f"tokenizer.ggml.{key}")
    if field("model") != "gpt2":
        raise UserError(
            f"{path}: GGUF tokenizer model {field('model')!r} is not byte-level BPE; load the tokenizer "
            "from the model's Hugging Face folder"
        )
    tokens, merges = field("tokens"), field("merges")
    model = tokenizers.models.BPE(
        vocab={token: index for index, token in enumerate(tokens)},
        merges=[tuple(merge.split(" ")) for merge in merges],
    )
    backend = tokenizers.Tokenizer(model)
    backend.decoder = tokenizers.decoders.ByteLevel()
    backend.pre_tokenizer = _pre_tokenizer(path, field("pre"))
    special = [t for t, kind in zip(tokens, field("token_type"), strict=True) if kind == _CONTROL]
    backend.add_special_tokens([tokenizers.AddedToken(t, special=True) for t in special])
    if field("add_bos_token"):
        bos, place = tokens[field("bos_token_id")], field("bos_token_id")
        backend.post_processor = tokenizers.processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, place)]
        )
    names = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    ids = {name: field(f"{key}_token_id") for name, key in names.items()}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        chat_template=file.field("tokenizer.chat_template"),
        **{name: tokens[index] for name, index in ids.items() if index is not None},
    )


def _pre_tokenizer(path: pathlib.Path, kind: str | None) -> Any:
    from tokenizers import Regex, pre_tokenizers

    byte_level = lambda use_regex: pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)
    words = lambda digits: pre_tokenizers.Split(Regex(_WORDS % digits), "isolated")
    if kind in (None, "default", "gpt-2"):
        return byte_level(True)
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
    return pre_tokenizers.Sequence(cuts)


def tokenizer_digest(tokenizer: Any) -> str:
    """Returns a sha256 of vocabulary, special tokens, chat template and the tokens of a probe text.

    A digest of the serialised tokenizer would change with padding settings and library versions.
    """
    facts = {
        "vocabulary": tokenizer.get_vocab(),
        "special": tokenizer.special_tokens_map,
        "chat_template": tokenizer.chat_template,
        "probe": tokenizer(_PROBE)["input_ids"],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
