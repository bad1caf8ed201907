"""A checkpoint in memory with all that it needs to make gradients and to answer."""

import functools
import os

import jax.numpy as jnp

from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.manifest import Fingerprint
from regrad_jax.checkpoint import Checkpoint, load_checkpoint
from regrad_jax.data.prompts import PROMPTS, Prompt, PromptFamily
from regrad_jax.engine.engine import Engine
from regrad_jax.engine.requests import RowFormat
from regrad_jax.errors import UserError
from regrad_jax.models.assets import ASSETS
from regrad_jax.models.base import BaseModel, load_base, locate
from regrad_jax.models.tokens import encode_prompt
from regrad_jax.retrieval.embedding import Embedder

DTYPES = ("float32", "bfloat16")  # that the frozen network can be served in


class Runtime:
    """A checkpoint, its base model and a sentence encoder.

    Attributes:
        checkpoint: what meta-training made.
        base: the frozen language model, with its tokenizer.
        embedder: the sentence encoder that makes retrieval keys.
    """

    def __init__(self, checkpoint: Checkpoint, base: BaseModel, embedder: Embedder):
        """Use `load_runtime`."""
        self.checkpoint = checkpoint
        self.base = base
        self.embedder = embedder

    @functools.cached_property
    def engine(self) -> Engine:
        """The network and the learned parameters on every local device."""
        base, checkpoint = self.base, self.checkpoint
        return Engine(checkpoint.inner.adapter, base.decoder, checkpoint.meta, base.stops_V)

    @functools.cached_property
    def wording(self) -> PromptFamily:
        """The prompt family that the checkpoint was trained with."""
        return PROMPTS[self.checkpoint.prompts](self.base.tokenizer)

    @functools.cached_property
    def chat(self) -> PromptFamily:
        """The base model's own chat format, for methods that do not adapt it."""
        return PROMPTS["chat"](self.base.tokenizer)

    @property
    def fingerprint(self) -> Fingerprint:
        """Everything that a gradient of this checkpoint depends on."""
        return Fingerprint(self.checkpoint.fingerprint())

    def tokens(self, prompt: Prompt | str) -> list[int]:
        """Returns the tokens of a prompt; control tokens are read in its markup alone, and in no text."""
        return encode_prompt(self.base.tokenizer, [prompt] if isinstance(prompt, str) else prompt)

    def row_format(self, bank: Bank) -> RowFormat:
        """Returns how a bank's rows hold this checkpoint's tensors."""
        return RowFormat(bank.manifest.codec, self.layout(bank))

    def layout(self, bank: Bank) -> RowLayout:
        """Returns which of the checkpoint's tensors a bank's rows hold, and where."""
        return self.checkpoint.layout.keep([path for path, _ in bank.manifest.row_layout])


def load_runtime(
    checkpoint: str | os.PathLike[str] | None = None,
    *,
    encoder: str | None = None,
    dtype: str = "float32",
) -> Runtime:
    """Loads a checkpoint with its base model.

    Args:
        checkpoint: folder of a released checkpoint; by default the one that ships with the package.
        encoder: asset name or folder of the sentence encoder. The default is the one that the checkpoint was
            trained with, on whose scores its document weights rest.
        dtype: of the frozen weights and of what is computed with them, a name in `DTYPES`. Norms, softmax
            statistics, losses and the learned parameters stay float32.

    Raises:
        UserError: there is no such checkpoint or encoder, or the base model here is not the one that the
            checkpoint was trained on.
    """
    if dtype not in DTYPES:
        raise UserError(f"`dtype` is {dtype!r}; choose one of {', '.join(DTYPES)}")
    loaded = load_checkpoint(checkpoint)
    base = load_base(loaded.base_model, loaded.inner.adapter.first_layer, jnp.dtype(dtype))
    _require_same_base(loaded, base)
    encoder = encoder or loaded.encoder
    try:
        return Runtime(loaded, base, Embedder.load(locate(encoder)))
    except UserError as error:
        raise UserError(
            f"checkpoint: its sentence encoder {encoder!r} is not here ({error}); put it there, or name "
            "another with `encoder`"
        ) from error


def _require_same_base(checkpoint: Checkpoint, base: BaseModel) -> None:
    for what, trained, present in (
        ("base model", checkpoint.base_digest, base.digest),
        ("tokenizer", checkpoint.tokenizer_digest, base.tokenizer_digest),
    ):
        if trained != present:
            name = checkpoint.base_model
            mend = f"run `regrad fetch {name}` again" if name in ASSETS else "put that one there"
            raise UserError(
                f"checkpoint: {what} of {name} here has digest {present[:12]}, the checkpoint was trained "
                f"with {trained[:12]}; {mend}"
            )
