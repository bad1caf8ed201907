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


class _Form(NamedTuple):
    """What a family says of the answer's form, by the kind of question."""

    free: str
    verdict: str
    letter: str

    def of(self, question: Question) -> str:
        if question.has_letters:
            return self.letter.format(last=max(question.labels))
        return self.verdict if question.is_verdict else self.free


def _asked(question: Question) -> str:
    """The question, with its choices on lines of their own where they have letters."""
    if not question.has_letters:
        return question.question
    return "\n".join([question.question, "Choices:", *map(question.spelled, question.labels)])


def _passage(content: str) -> str:
    return f"Passage: {content}"


def _plain_question(question: Question, contents: Sequence[str]) -> str:
    context = "".join(f"{_passage(content)}\n" for content in contents)
    return f"{context}Question: {_asked(question)}{_PLAIN_FORM.of(question)}\nAnswer:"


_PLAIN_FORM = _Form(free="", verdict=" Yes or no?", letter="\nWhich letter?")
_PLAIN = PromptFamily(_passage, _plain_question, answer=lambda answer: f" {answer}\n")

_CHAT_FORM = _Form(
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
        content = f"{shown}{source}{_CHAT_FORM.of(question)}\nQuestion: {_asked(question)}"
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


_MAIN_FORM = _Form(
    free="Reply with a word or a short phrase, never a sentence.",
    verdict="Reply 'yes' or 'no', one of these two words and no other.",
    letter="Reply with one letter, A to {last}: that of the right choice.",
)


def _main_question(question: Question, contents: Sequence[str]) -> str:
    context = f"####CONTEXT begin####\n{_numbered(contents)}\n####CONTEXT end####\n" if contents else ""
    source = " from the CONTEXT" if contents else ""
    # The reference breaks the line behind a list, and does not have it.
    end = "\n" if question.has_letters else ""
    return (
        f"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n{context}"
        f"You are an assistant who answers what the user asks{source}. \n"
        f"{_MAIN_FORM.of(question)}\n"
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

    That is its first line, stripped. Of a question with choices it is the label that this line gives, or the
    line as it is where it gives none.
    """
    line = generated.split("\n", 1)[0].strip()
    if question.is_verdict:
        verdict = re.search(r"\b(yes|no)\b", line, re.IGNORECASE)
        return verdict[0].lower() if verdict else line
    return (_letter(line, question.labels) if question.has_letters else None) or line


def _letter(line: str, choices: Mapping[str, str]) -> str | None:
    """Returns the letter that a line gives: alone, with or as its choice's words, or before others."""
    line = re.sub(r"^.*\b(answer|choice|option)\b( is\b)?", "", line, flags=re.IGNORECASE)
    exactly = lambda text: text.strip().lower()
    bare = lambda text: " ".join(re.findall(r"\w+", text.lower())) or exactly(text)
    for form in (exactly, bare):  # choices may differ by signs alone
        for letter, choice in choices.items():
            if form(line) in (form(letter), form(choice), form(f"{letter} {choice}")):
                return letter
    last = max(choices)
    # "B because", "B) the", "(b)"; but not the letters of "B.B. King", "e.g.", "A house" and "I think".
    found = re.match(rf"\W*([A-{last}])\b(?!\.\w|(?<=[AI]) [a-z]|')", line) or re.match(
        rf"\W*([a-{last.lower()}])\)", line
    )
    return found[1].upper() if found else None
