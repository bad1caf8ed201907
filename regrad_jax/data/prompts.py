"""How documents, questions and answers are put into words for the model.

A prompt family is a name in `PROMPTS`; a checkpoint records the family that it was trained with, and
a bank's gradients depend on it. Special tokens stand as text in what a family writes, and are read as
what they are: no tokenizer adds any of its own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from regrad_jax.data.documents import Question


class PromptFamily(NamedTuple):
    """The wording of one family.

    Attributes:
        document: content -> the text whose loss is the inner loss.
        question: (question, contents of the documents to show, best first) -> the prompt up to where the
            answer begins.
        answer: answer -> its continuation, which ends in a token that stops generation.
    """

    document: Callable[[str], str]
    question: Callable[[Question, Sequence[str]], str]
    answer: Callable[[str], str]


class _Instructions(NamedTuple):
    """What families that instruct say of the answer's form, by the kind of question."""

    free: str
    verdict: str
    letter: str

    def of(self, question: Question) -> str:
        if question.letters:
            return self.letter.format(last=max(question.letters))
        return self.verdict if question.is_verdict else self.free


def _asked(question: Question) -> str:
    """The question, with its choices on lines of their own where letters count them."""
    choices = "".join(f"\n{letter}. {choice}" for letter, choice in question.letters.items())
    return question.question + (f"\nChoices:{choices}" if choices else "")


def _passage(content: str) -> str:
    return f"Passage: {content}"


def _plain_question(question: Question, contents: Sequence[str]) -> str:
    context = "".join(f"{_passage(content)}\n" for content in contents)
    return f"{context}Question: {_asked(question)}\nAnswer:"


_PLAIN = PromptFamily(_passage, _plain_question, answer=lambda answer: f" {answer}\n")

_CHAT = _Instructions(
    free="Answer with a few words only, not a sentence.",
    verdict="Answer yes or no, and nothing else.",
    letter="Answer with the letter of the right choice, A to {last}, and nothing else.",
)


def _chat(tokenizer: Any) -> PromptFamily:
    """The model as its makers meant it to be asked; the plain family where they have left no template."""
    if not tokenizer.chat_template:
        return _PLAIN

    def question(question: Question, contents: Sequence[str]) -> str:
        shown = "".join(f"{_passage(content)}\n\n" for content in contents)
        source = "Use the passages. " if contents else ""
        content = f"{shown}{source}{_CHAT.of(question)}\nQuestion: {_asked(question)}"
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


_MAIN = _Instructions(
    free="Reply with a word or a short phrase, never a sentence.",
    verdict="Reply 'yes' or 'no', one of these two words and no other.",
    letter="Reply with one letter, A to {last}: that of the right choice.",
)


def _main_question(question: Question, contents: Sequence[str]) -> str:
    context = f"####CONTEXT begin####\n{_numbered(contents)}\n####CONTEXT end####\n" if contents else ""
    source = " from the CONTEXT" if contents else ""
    end = "\n" if question.letters else ""  # as the reference has it
    return (
        f"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n{context}"
        f"You are an assistant who answers what the user asks{source}. \n"
        f"{_MAIN.of(question)}\n"
        f"<|eot_id|><|start_header_id|>user<|end_header_id|>\n{_asked(question)}{end}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\nAnswer: "
    )


def _simple_question(question: Question, contents: Sequence[str]) -> str:
    context = f"## CONTEXT\n{_numbered(contents)}\n(CONTEXT END)\n" if contents else ""
    return f"{context}\nQuestion: {_asked(question)}\nAnswer: "


def _reference(
    question: Callable[[Question, Sequence[str]], str], prefix: str = "Passage 0: "
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
    # The reference's main family, in Llama 3's special tokens and in our words, which differ by the kind of
    # question, not by dataset. Two lines of instructions and its own layout of turns, not the template of
    # Llama's makers.
    "reference": _reference(_main_question),
    "reference_raw": _reference(_main_question, prefix=""),
    "simple": _reference(_simple_question),
    "simple_raw": _reference(_simple_question, prefix=""),
}


def read_answer(generated: str, question: Question) -> str:
    """Returns what generated text answers; special tokens are gone from it already.

    That is its first line, stripped. Of a question with choices it is the choice that this line makes: the
    first yes or no in it, or the letter that it is or begins with, or the capital behind the word answer or
    choice, or that whose choice it spells out. A line that makes none is returned as it is, and is wrong.
    """
    line = generated.split("\n", 1)[0].strip()
    if question.is_verdict:
        verdict = re.search(r"\b(yes|no)\b", line, re.IGNORECASE)
        return verdict[0].lower() if verdict else line
    if not question.letters:
        return line
    letter = f"[A-{max(question.letters)}]"
    # "B", "(b)", "B. seven"; but "A house" may be a choice's own words.
    begins = re.match(rf"\(?({letter})(?:[).:,]|$)", line, re.IGNORECASE)
    told = re.search(rf"(?i:\b(?:answer|choice)(?: is)?)\W*({letter})\b", line)
    if found := begins or told:
        return found[1].upper()
    spelled = [key for key, choice in question.letters.items() if choice.lower() == line.rstrip(".").lower()]
    return spelled[0] if spelled else line
