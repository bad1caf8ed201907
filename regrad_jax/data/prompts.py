"""How documents, questions and answers are put into words for the model.

A prompt family is a name in `PROMPTS`; a checkpoint records the family that it was trained with, and
a bank's gradients depend on it. Special tokens stand as text in what a family writes, and are read as
what they are: no tokenizer adds any of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class PromptFamily(NamedTuple):
    """The wording of one family.

    Attributes:
        document: content -> the text whose loss is the inner loss.
        question: (question, contents of the documents to show, best first) -> the prompt up to where the
            answer begins.
        answer: answer -> its continuation, which ends in a token that stops generation.
    """

    document: Callable[[str], str]
    question: Callable[[str, Sequence[str]], str]
    answer: Callable[[str], str]


def _passage(content: str) -> str:
    return f"Passage: {content}"


def _plain_question(question: str, contents: Sequence[str]) -> str:
    context = "".join(f"{_passage(content)}\n" for content in contents)
    return f"{context}Question: {question}\nAnswer:"


_PLAIN = PromptFamily(_passage, _plain_question, answer=lambda answer: f" {answer}\n")


def _chat(tokenizer: Any) -> PromptFamily:
    """The model as its makers meant it to be asked; the plain family where they have left no template."""
    if not tokenizer.chat_template:
        return _PLAIN

    def question(question: str, contents: Sequence[str]) -> str:
        shown = "".join(f"{_passage(content)}\n\n" for content in contents)
        source = "Use the passages. " if contents else ""
        content = f"{shown}{source}Answer with a few words only, not a sentence.\nQuestion: {question}"
        return tokenizer.apply_chat_template(
            [{"role": "user", "content": content}],
            tokenize=False,
            add_generation_prompt=True,
            date_string="26 Jul 2024",  # some templates tell today's date otherwise, so prompts would change
        )

    end = tokenizer.eos_token or "\n"
    return PromptFamily(_passage, question, answer=lambda answer: f"{answer}{end}")


def _numbered(contents: Sequence[str]) -> str:
    return "\n".join(f"Passage {i}: {content}" for i, content in enumerate(contents))


def _main_question(question: str, contents: Sequence[str]) -> str:
    context = f"####CONTEXT begin####\n{_numbered(contents)}\n####CONTEXT end####\n" if contents else ""
    source = " from the CONTEXT" if contents else ""
    return (
        f"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n{context}"
        f"You are an assistant who answers what the user asks{source}. \n"
        "Reply with a word or a short phrase, never a sentence.\n"
        f"<|eot_id|><|start_header_id|>user<|end_header_id|>\n{question}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\nAnswer: "
    )


def _simple_question(question: str, contents: Sequence[str]) -> str:
    context = f"## CONTEXT\n{_numbered(contents)}\n(CONTEXT END)\n" if contents else ""
    return f"{context}\nQuestion: {question}\nAnswer: "


def _reference(
    question: Callable[[str, Sequence[str]], str], prefix: str = "Passage 0: "
) -> Callable[[Any], PromptFamily]:
    """Returns a family of the reference's, whose texts all begin with what the tokenizer begins texts with.

    So Llama 3's main prompts begin with <|begin_of_text|> twice, as the reference's do.
    """

    def family(tokenizer: Any) -> PromptFamily:
        begin = tokenizer.decode(tokenizer("")["input_ids"])
        return PromptFamily(
            document=lambda content: f"{begin}{prefix}{content}",
            question=lambda asked, contents: begin + question(asked, contents),
            answer=lambda answer: f"{answer}\n",
        )

    return family


# Name -> (transformers tokenizer -> family). The reference trains on documents behind a prefix with their
# number among a question's documents, but encodes its banks without one ("_raw"). Here a document has one
# gradient for all questions, so its number is 0; in a context documents are numbered in both.
PROMPTS: Mapping[str, Callable[[Any], PromptFamily]] = {
    # No chat template: the fewest tokens, and measured to train well.
    "plain": lambda tokenizer: _PLAIN,
    "chat": _chat,
    # The reference's main family for questions of a general kind, in Llama 3's special tokens and in our
    # words. Two lines of instructions and its own layout of turns, not the template of Llama's makers.
    "reference": _reference(_main_question),
    "reference_raw": _reference(_main_question, prefix=""),
    "simple": _reference(_simple_question),
    "simple_raw": _reference(_simple_question, prefix=""),
}


def clean_answer(generated: str) -> str:
    """Returns the first line of generated text, stripped; special tokens are gone from it already."""
    return generated.split("\n", 1)[0].strip()
