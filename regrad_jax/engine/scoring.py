"""The loss of given answers under each request's own parameters, in place of new tokens."""

from collections.abc import Sequence

import jax

from regrad_jax.adaptation.adapter import AdapterConfig, Tree
from regrad_jax.adaptation.outer import Questions, answer_losses
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.models.tokens import pad, round_up

# Lengths are padded to multiples of these, so that few programs are compiled.
_TOKEN_STEP, _ANSWER_STEP = 16, 8


def lay_out(prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], rows: int) -> Questions:
    """Returns prompts with their answers as arrays.

    Args:
        prompts: tokens of each prompt, at least one.
        answers: tokens of each answer.
        rows: Q, at least as many; the rows after the last pair are copies of it.
    """
    pairs = list(zip(prompts, answers, strict=True))
    pairs += pairs[-1:] * (rows - len(pairs))
    whole = [[*prompt, *answer] for prompt, answer in pairs]
    tokens_QxT, _ = pad(whole, round_up(max(map(len, whole)), _TOKEN_STEP))
    # The longest answer bounds the positions whose logits are formed.
    longest = max(len(answer) for _, answer in pairs)
    answers_QxM, answer_lengths_Q = pad([answer for _, answer in pairs], round_up(longest, _ANSWER_STEP))
    _, prompt_lengths_Q = pad([prompt for prompt, _ in pairs], tokens_QxT.shape[1])
    return Questions(tokens_QxT, prompt_lengths_Q, answers_QxM, answer_lengths_Q)


def losses(
    adapter: AdapterConfig, decoder: SplitDecoder, theta_Q: Tree, bases: Tree, questions: Questions
) -> jax.Array:
    """Returns the mean loss of each answer's tokens in nats, float32 (Q,)."""
    return answer_losses(decoder, adapter, theta_Q, bases, questions)[0]
