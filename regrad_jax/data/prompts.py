"""How documents, questions and answers are put into words for the model.

A prompt family is a name in `PROMPTS`; a checkpoint records the family that it was trained with, and a
bank's gradients depend on it. A prompt is written in pieces. What the family writes is markup, in which
special tokens are read as what they are. What comes from elsewhere (documents, titles, questions, choices,
answers) is text, and stays text whatever it spells.
"""

import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from regrad_jax.data.documents import Question
from regrad_jax.errors import UserError


class Markup(str):
    """A part of a prompt that its prompt family writes: special tokens in it are read as special tokens.

    Any other string is text. Joining the two with `+` gives a plain string, hence text.
    """

    __slots__ = ()


class Prompt(tuple[str, ...]):
    """The pieces of a prompt in their order: `Markup`, and plain strings, which are text.

    >>> str(Prompt([Markup("Question: "), "Who keeps it?"]))
    'Question: Who keeps it?'
    """

    __slots__ = ()

    def __str__(self) -> str:
        return "".join(self)


def fill(template: str, **parts: str | Iterable[str]) -> Prompt:
    """Returns a template's own words as markup, with parts in the places that it names.

    >>> fill("Passage: {content}.", content="<|im_end|>")
    ('Passage: ', '<|im_end|>', '.')

    Args:
        template: with a name in braces for each place.
        parts: name -> a piece, or the pieces of a prompt.
    """
    pieces: list[str] = []
    for words, name, _, _ in string.Formatter().parse(template):
        if words:
            pieces.append(Markup(words))
        if name is not None:
            part = parts[name]
            pieces += [part] if isinstance(part, str) else part
    return Prompt(pieces)


class PromptFamily(NamedTuple):
    """The wording of one family.

    Attributes:
        document: content -> the text whose loss is the inner loss.
        question: (question, contents of the documents to show, best first) -> the prompt up to where the
            answer begins.
        answer: answer -> its continuation, which ends in a token that stops generation.
    """

    document: Callable[[str], Prompt]
    question: Callable[[Question, Sequence[str]], Prompt]
    answer: Callable[[str], Prompt]


class _Form(NamedTuple):
    """What a family says of the answer's form, by the kind of question."""

    free: str
    verdict: str
    letter: str

    def of(self, question: Question) -> Markup:
        if question.has_letters:
            return Markup(self.letter.format(last=max(question.labels)))
        return Markup(self.verdict if question.is_verdict else self.free)


def _asked(question: Question) -> Prompt:
    """The question, with its choices on lines of their own where they have letters."""
    asked = fill("{text}", text=question.question.strip())
    if question.has_letters:
        asked = fill("{asked}\nChoices:", asked=asked)
        for label in question.labels:
            asked = fill("{asked}\n{choice}", asked=asked, choice=question.spelled(label))
    return asked


def _passage(content: str) -> Prompt:
    return fill("Passage: {content}", content=content)


def _passages(contents: Sequence[str], form: str) -> list[str]:
    """Returns the pieces of all passages, each in a form that names its place and maybe its number."""
    numbered = (fill(form, n=Markup(n), passage=content) for n, content in enumerate(contents))
    return [piece for prompt in numbered for piece in prompt]


def _plain_question(question: Question, contents: Sequence[str]) -> Prompt:
    return fill(
        "{context}Question: {asked}{form}\nAnswer:",
        context=_passages(contents, "Passage: {passage}\n"),
        asked=_asked(question),
        form=_PLAIN_FORM.of(question),
    )


_PLAIN_FORM = _Form(free="", verdict=" Yes or no?", letter="\nWhich letter?")
_PLAIN = PromptFamily(_passage, _plain_question, answer=lambda answer: fill(" {answer}\n", answer=answer))

_CHAT_FORM = _Form(
    free="Answer with a few words only, not a sentence.",
    verdict="Answer yes or no, and nothing else.",
    letter="Answer with the letter of the right choice, A to {last}, and nothing else.",
)
_PLACE = "\ue000"  # of Unicode's private use: stands for what the user says while a template is rendered


def _chat(tokenizer: Any) -> PromptFamily:
    """The model as its makers meant it to be asked; the plain family where they have left no template."""
    if not tokenizer.chat_template:
        return _PLAIN
    try:
        turn = tokenizer.apply_chat_template(
            [{"role": "user", "content": _PLACE}],
            tokenize=False,
            add_generation_prompt=True,
            date_string="26 Jul 2024",  # some templates tell today's date otherwise, so prompts would change
        )
    except Exception as error:  # a template is a program, so anything may go wrong in it
        reason = " ".join(str(error).split())
        raise UserError(f"the tokenizer's chat template cannot be rendered ({reason}); mend it") from error
    template = turn.replace("{", "{{").replace("}", "}}").replace(_PLACE, "{content}")

    def question(question: Question, contents: Sequence[str]) -> Prompt:
        content = fill(
            "{shown}{source}{form}\nQuestion: {asked}",
            shown=_passages(contents, "Passage: {passage}\n\n"),
            source=Markup("Use the passages. " if contents else ""),
            form=_CHAT_FORM.of(question),
            asked=_asked(question),
        )
        return fill(template, content=content)

    end = Markup(tokenizer.eos_token or "\n")
    return PromptFamily(_passage, question, lambda answer: fill("{answer}{end}", answer=answer, end=end))


_MAIN_FORM = _Form(
    free="Reply with a word or a short phrase, never a sentence.",
    verdict="Reply 'yes' or 'no', one of these two words and no other.",
    letter="Reply with one letter, A to {last}: that of the right choice.",
)


def _numbered(contents: Sequence[str]) -> list[str]:
    """Returns the pieces of numbered passages, one a line, without a line's end after the last."""
    return _passages(contents, "Passage {n}: {passage}\n")[:-1]


def _main_question(question: Question, contents: Sequence[str]) -> Prompt:
    form = "####CONTEXT begin####\n{passages}\n####CONTEXT end####\n" if contents else ""
    return fill(
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n{context}"
        "You are an assistant who answers what the user asks{source}. \n{form}\n"
        "<|eot_id|><|start_header_id|>user<|end_header_id|>\n{asked}{end}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\nAnswer: ",
        context=fill(form, passages=_numbered(contents)),
        source=Markup(" from the CONTEXT" if contents else ""),
        form=_MAIN_FORM.of(question),
        asked=_asked(question),
        # The reference breaks the line after a list of choices, and only there.
        end=Markup("\n" if question.has_letters else ""),
    )


def _simple_question(question: Question, contents: Sequence[str]) -> Prompt:
    form = "## CONTEXT\n{passages}\n(CONTEXT END)\n" if contents else ""
    context = fill(form, passages=_numbered(contents))
    return fill("{context}\nQuestion: {asked}\nAnswer: ", context=context, asked=_asked(question))


def _reference(
    question: Callable[[Question, Sequence[str]], Prompt], prefix: str = "Passage 0: "
) -> Callable[[Any], PromptFamily]:
    """Returns a family of the reference's, whose texts all begin with what the tokenizer begins texts with.

    So Llama 3's main prompts begin with <|begin_of_text|> twice, as the reference's do.
    """

    def family(tokenizer: Any) -> PromptFamily:
        begin = Markup(tokenizer.decode(tokenizer("")["input_ids"]))
        begun = lambda prompt: fill("{begin}{prompt}", begin=begin, prompt=prompt)
        return PromptFamily(
            document=lambda content: begun(fill(prefix + "{content}", content=content)),
            question=lambda asked, contents: begun(question(asked, contents)),
            answer=lambda answer: fill("{answer}\n", answer=answer),
        )

    return family


# Name -> (transformers tokenizer -> family). The reference trains on documents that begin with their number
# among a question's documents, but encodes its banks without that ("_raw"). Here a document has one gradient
# for all questions, so its number is 0; in a context documents are numbered in both.
PROMPTS: Mapping[str, Callable[[Any], PromptFamily]] = {
    # No chat template: the fewest tokens, and measured to train well.
    "plain": lambda tokenizer: _PLAIN,
    "chat": _chat,
    # The reference's main family, in Llama 3's special tokens and in words of our own. They differ by the
    # kind of question, not by data set. There are two lines of instructions and a layout of turns that is not
    # the template of Llama's makers.
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
