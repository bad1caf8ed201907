"""How documents, questions and answers are put into words for the model.

A prompt family is a name in `PROMPTS`; a checkpoint records the family that it was trained with, and
a bank's gradients depend on it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class PromptFamily(NamedTuple):
    """The wording of one family.

    Attributes:
        document: content -> the text whose loss is the inner loss, and a passage of a context.
        question: (question, documents already in words) -> the prompt up to where the answer begins.
        answer: answer -> its continuation, which ends in a newline.
    """

    document: Callable[[str], str]
    question: Callable[[str, Sequence[str]], str]
    answer: Callable[[str], str]


def _plain_question(question: str, context: Sequence[str]) -> str:
    return "".join(f"{passage}\n" for passage in context) + f"Question: {question}\nAnswer:"


PROMPTS: Mapping[str, PromptFamily] = {
    # No chat template: the fewest tokens, and measured to train well (DESIGN.md section 6).
    "plain": PromptFamily(
        document=lambda content: f"Passage: {content}",
        question=_plain_question,
        answer=lambda answer: f" {answer}\n",
    ),
}


def chat_question(tokenizer: Any, question: str, context: Sequence[str]) -> str:
    """Returns the prompt for a model as its makers meant it to be asked: the fair baseline.

    Args:
        tokenizer: a transformers tokenizer; without a chat template the plain family is used.
        question: the question.
        context: documents in words, shown before the question.
    """
    if not tokenizer.chat_template:
        return _plain_question(question, context)
    shown = "".join(f"{passage}\n\n" for passage in context)
    source = "Use the passages. " if context else ""
    content = f"{shown}{source}Answer with a few words only, not a sentence.\nQuestion: {question}"
    messages = [{"role": "user", "content": content}]
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def clean_answer(generated: str) -> str:
    """Returns the first line of generated text, stripped."""
    return generated.split("\n", 1)[0].strip()
