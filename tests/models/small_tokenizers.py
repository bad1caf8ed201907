"""Tokenizers of a few hundred tokens that cut text as those of well-known families do."""

from collections.abc import Sequence

import tokenizers
import transformers
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers

LLAMA3_SPECIALS = (
    "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>",
    "<|eot_id|>",
)  # fmt: skip
_LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_TEXTS = (
    "The keeper of the Orsk light keeps the lamp, the log and the tide tables.\n\n",
    "It's the user's question: who keeps the light? The answer is the keeper of the light.\n",
    "the system and the user <<||>> [[]]//",
) * 3


def llama3(**names: str) -> transformers.PreTrainedTokenizerFast:
    """Llama 3's: byte-level BPE that takes whole words first; bos and eos alone have names.

    Args:
        names: special tokens' names in place of those, such as `eos_token="<|eot_id|>"`.
    """
    backend = tokenizers.Tokenizer(models.BPE(ignore_merges=True))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_LLAMA3_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(_TEXTS, trainer)
    backend.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in LLAMA3_SPECIALS])
    names = names or {"bos_token": LLAMA3_SPECIALS[0], "eos_token": LLAMA3_SPECIALS[1]}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **names)


def mistral(specials: Sequence[AddedToken] = ()) -> transformers.PreTrainedTokenizerFast:
    """Mistral's: BPE on characters, which puts a space before a text but not after a special token.

    Args:
        specials: more special tokens.
    """
    backend = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    backend.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.BpeTrainer(
        vocab_size=120, special_tokens=["<unk>", "<s>", "</s>", "[INST]"], show_progress=False
    )
    backend.train_from_iterator(_TEXTS, trainer)
    backend.add_special_tokens(list(specials))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def unigram() -> transformers.PreTrainedTokenizerFast:
    """T5's: a unigram model whose own vocabulary holds the special tokens."""
    backend = tokenizers.Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=90, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False
    )
    backend.train_from_iterator(_TEXTS, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
