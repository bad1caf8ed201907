"""Turns documents and questions into batches of tasks, deterministically: batch = f(seed, step).

A batch starts from a few anchor questions. Each brings a group: its own document, and the documents that
retrieval ranks next for it, which are the hardest distractors. Every document of a group is then asked its
own questions, and the rest of the group serves as their distractors. So each gradient is used as the right
one once and as a distractor several times.

The config says which share of the questions also have the documents of their group in the prompt, and which
share use all documents of their group except their own.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from regrad_jax.adaptation.inner import Documents
from regrad_jax.adaptation.outer import Questions, TaskBatch
from regrad_jax.data.datasets import Dataset, load
from regrad_jax.data.documents import Document, Question
from regrad_jax.data.prompts import Prompt, PromptFamily
from regrad_jax.errors import UserError
from regrad_jax.models.tokens import encode_prompt, pad
from regrad_jax.retrieval.embedding import Embedder
from regrad_jax.training.sources import SourceConfig

_SCORED_AT_ONCE = 1024  # questions


class TokenisedQuestion(NamedTuple):
    """A question in tokens: prompt, answer, and its document's position in the source."""

    prompt: list[int]
    answer: list[int]
    document: int


class TaskSource(NamedTuple):
    """A data set ready for batching.

    Attributes:
        config: sizes.
        ids: of the documents.
        documents: tokens of every document.
        questions: tokens of every question.
        by_document: positions of each document's questions.
        keys_NxE: the documents' retrieval keys; of width 0 where a question uses its own document alone.
        question_keys_QxE: the questions' retrieval keys, of the same width.
        neighbours_QxK: for each question its own document, then the best others.
        context_prompt: (a question's position, positions of documents to show, best first) -> its tokens.
        summary: how many documents and questions there are, and what was left out and why.
    """

    config: SourceConfig
    ids: Sequence[str]
    documents: Sequence[list[int]]
    questions: Sequence[TokenisedQuestion]
    by_document: Sequence[list[int]]
    keys_NxE: np.ndarray
    question_keys_QxE: np.ndarray
    neighbours_QxK: np.ndarray
    context_prompt: Callable[[int, Sequence[int]], list[int]]
    summary: str = ""


def read_source(source: SourceConfig, split: str, held_out: int, seed: int) -> Dataset:
    """Returns a split of a source's data set.

    Args:
        source: which data set.
        split: "train", "validation" or "test".
        held_out: documents to generate for the splits other than "train".
        seed: of what is generated. This and `held_out` fill the settings that the source leaves to the run,
            at None. A data set that is read from a file has no such settings.

    Raises:
        UserError: a file cannot be read, or cannot be split so.
    """
    run = {"held_out_entities": held_out, "seed": seed}
    settings = {
        key: run[key] if value is None else value for key, value in source.dataset.items() if key != "kind"
    }
    return load(source.kind, split, settings)


def tokenise(
    documents: Sequence[Document],
    questions: Sequence[Question],
    config: SourceConfig,
    prompts: PromptFamily,
    tokenizer,
    embedder: Embedder,
    documents_per_question: int,
) -> TaskSource:
    """Tokenises, embeds and ranks a data set; what is longer than the config's lengths is left out.

    Args:
        documents: with distinct ids.
        questions: the first answer of each is the one to learn.
        config: sizes, and the share of questions that are shown documents.
        prompts: how all is worded.
        tokenizer: of the base model.
        embedder: whose keys rank the documents of a question.
        documents_per_question: K, the question's own document among them.

    Raises:
        UserError: nothing is left, or prompts are to have a context and none fits.
    """
    to_tokens = functools.partial(encode_prompt, tokenizer)
    contents = {d.id: d.content for d in documents}
    tokens = {name: to_tokens(prompts.document(content)) for name, content in contents.items()}
    kept = [d.id for d in documents if 2 <= len(tokens[d.id]) <= config.document_tokens]
    tokenised, asked, left_out = _fitting_questions(questions, kept, config, prompts, to_tokens)
    left_out |= {f"documents of more than {config.document_tokens} tokens": len(tokens) - len(kept)}
    if len(kept) < documents_per_question or not tokenised:
        raise UserError(
            f"source {config.kind}: too little fits the lengths of the config: "
            f"{_summary(len(kept), len(tokenised), left_out)}; raise document_tokens, question_tokens or "
            "answer_tokens"
        )
    by_document: list[list[int]] = [[] for _ in kept]
    for position, item in enumerate(tokenised):
        by_document[item.document].append(position)
    gold_Q = np.array([item.document for item in tokenised])
    texts = [contents[name] for name in kept], [question.question for question in asked]
    keys, question_keys, neighbours = _ranked(embedder, *texts, gold_Q, documents_per_question)

    def context_prompt(question: int, shown: Sequence[int]) -> list[int]:
        return to_tokens(prompts.question(asked[question], [contents[kept[d]] for d in shown]))

    source = TaskSource(
        config, kept, [tokens[name] for name in kept], tokenised, by_document, keys, question_keys,
        neighbours, context_prompt, _summary(len(kept), len(tokenised), left_out),
    )  # fmt: skip
    fitting = (_fitting_context_prompt(source, q, own) for q, own in enumerate(neighbours.tolist()))
    if config.context and all(prompt is None for prompt in fitting):
        raise UserError(
            f"source {config.kind}: no prompt with {documents_per_question} documents in it fits the "
            "question_tokens of the config; raise them, or set context to 0"
        )
    return source


def _ranked(
    embedder: Embedder, contents: Sequence[str], questions: Sequence[str], gold_Q: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (keys_NxE, question_keys_QxE, neighbours_QxK), the neighbours with the own document first."""
    if k == 1:  # nothing is ranked, and of one document no weight depends on its score
        empty = lambda texts: np.zeros((len(texts), 0), np.float32)
        return empty(contents), empty(questions), gold_Q[:, None]
    keys_NxE, question_keys_QxE = embedder.embed(contents), embedder.embed(questions)
    return keys_NxE, question_keys_QxE, _neighbours(question_keys_QxE, keys_NxE, gold_Q, k)


def _fitting_questions(
    questions: Sequence[Question],
    kept: Sequence[str],
    config: SourceConfig,
    prompts: PromptFamily,
    to_tokens: Callable[[Prompt], list[int]],
) -> tuple[list[TokenisedQuestion], list[Question], dict[str, int]]:
    """Returns the questions that fit, in tokens and as they are, and how many do not, by the reason."""
    place = {name: i for i, name in enumerate(kept)}
    too_long_answer = f"questions with an answer of more than {config.answer_tokens} tokens"
    too_long = f"questions of more than {config.question_tokens} tokens with their answer"
    no_document = "questions whose document is left out or missing"
    left_out = dict.fromkeys((too_long_answer, too_long, no_document), 0)
    tokenised, asked = [], []
    for question in questions:
        prompt = to_tokens(prompts.question(question, []))
        answer = to_tokens(prompts.answer(question.answers[0]))
        if len(answer) > config.answer_tokens:
            left_out[too_long_answer] += 1
        elif len(prompt) + len(answer) > config.question_tokens:
            left_out[too_long] += 1
        elif question.document_id not in place:
            left_out[no_document] += 1
        else:
            tokenised.append(TokenisedQuestion(prompt, answer, place[question.document_id]))
            asked.append(question)
    return tokenised, asked, left_out


def _summary(documents: int, questions: int, left_out: Mapping[str, int]) -> str:
    reasons = [f"{count:,} {reason}" for reason, count in left_out.items() if count]
    total = f"{documents:,} documents and {questions:,} questions"
    return f"{total}; left out: {', '.join(reasons)}" if reasons else total


def _fitting_context_prompt(source: TaskSource, question: int, documents: Sequence[int]) -> list[int] | None:
    """Returns a prompt's tokens with the documents in it, best first; None where that is too long."""
    scores = source.keys_NxE[list(documents)] @ source.question_keys_QxE[question]
    best_first = [documents[n] for n in np.argsort(-scores, kind="stable")]
    prompt = source.context_prompt(question, best_first)
    fits = len(prompt) + len(source.questions[question].answer) <= source.config.question_tokens
    return prompt if fits else None


def _neighbours(question_keys_QxE, keys_NxE, gold_Q, k: int) -> np.ndarray:
    neighbours_QxK = np.empty((len(gold_Q), k), np.int64)
    # A table of all scores would be gigabytes for the datasets that an accelerator wants.
    for start in range(0, len(gold_Q), _SCORED_AT_ONCE):
        some = slice(start, start + _SCORED_AT_ONCE)
        scores_QxN = question_keys_QxE[some] @ keys_NxE.T
        scores_QxN[np.arange(len(scores_QxN)), gold_Q[some]] = np.inf  # gold comes first, wherever it ranks
        best = np.argpartition(-scores_QxN, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(scores_QxN, best, axis=1), axis=1)
        neighbours_QxK[some] = np.take_along_axis(best, order, axis=1)
    return neighbours_QxK


class Asked(NamedTuple):
    """A question of a batch.

    Attributes:
        question: its position in the source.
        slots: the documents that its adaptation uses, by position in the pool.
        context_prompt: the tokens of its prompt with those documents in it; None where it is asked blind.
    """

    question: int
    slots: list[int]
    context_prompt: list[int] | None = None


class Draw(NamedTuple):
    """What a batch is made of.

    Attributes:
        pool: its documents by position in the source, in groups of k.
        chosen: its questions.
    """

    pool: list[int]
    chosen: list[Asked]


def draw(source: TaskSource, rng: np.random.Generator) -> Draw:
    """Draws the documents and questions of one batch.

    A question without its own document keeps its answer as the target, since the reference too asks for the
    answer whatever was retrieved. It uses one document fewer, in its prompt and in its adaptation.
    """
    config, k = source.config, source.neighbours_QxK.shape[1]
    # Streams of their own: whatever the shares, a batch has the same documents and questions.
    context_rng, absent_rng = rng.spawn(2)
    anchors, pool = _draw_pool(source, rng)
    chosen: list[tuple[int, int]] = []  # (question, group)
    for slot, document in enumerate(pool):
        own = list(rng.permutation(source.by_document[document])[: config.questions_per_document])
        anchor = anchors[slot // k]
        if slot % k == 0 and anchor not in own:
            own = [anchor, *own[: config.questions_per_document - 1]]
        chosen += [(int(q), slot // k) for q in own]
    shows_Q = _share_of(len(chosen), config.context, context_rng)
    misses_Q = _share_of(len(chosen), config.gold_absent, absent_rng)
    asked = []
    for (question, group), shows, misses in zip(chosen, shows_Q, misses_Q, strict=True):
        gold = source.questions[question].document
        slots = [s for s in range(group * k, (group + 1) * k) if not (misses and pool[s] == gold)]
        documents = [pool[s] for s in slots]
        asked.append(
            Asked(question, slots, _fitting_context_prompt(source, question, documents) if shows else None)
        )
    return Draw(pool, asked)


def _draw_pool(source: TaskSource, rng: np.random.Generator) -> tuple[np.ndarray, list[int]]:
    """Returns (anchor questions, their groups of documents)."""
    count = source.config.anchors
    anchors = rng.choice(len(source.questions), count, replace=len(source.questions) < count)
    return anchors, [int(d) for a in anchors for d in source.neighbours_QxK[a]]


def _share_of(count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Returns bools of shape (count,): a share of them true, within one always and exactly on average."""
    return rng.permutation(count) < int(share * count + rng.random())


def assemble(source: TaskSource, drawn: Draw, document_tokens: int | None = None) -> TaskBatch:
    """Lays out a batch as NumPy arrays, of one fixed shape for a source and a length of documents."""
    config, (pool, chosen) = source.config, drawn
    count_n = len(pool)
    count_q = count_n * config.questions_per_document
    length = document_tokens or config.document_tokens
    documents = Documents(*pad([source.documents[d] for d in pool], length))
    items = [source.questions[asked.question] for asked in chosen]
    prompts = [asked.context_prompt or item.prompt for asked, item in zip(chosen, items, strict=True)]
    whole = [prompt + item.answer for prompt, item in zip(prompts, items, strict=True)]
    filler = [[0]] * (count_q - len(items))
    tokens, _ = pad(whole + filler, config.question_tokens)
    _, prompt_lengths = pad(prompts + filler, config.question_tokens)
    answers, answer_lengths = pad([i.answer for i in items] + [[]] * len(filler), config.answer_tokens)
    questions = Questions(tokens, prompt_lengths, answers, answer_lengths)
    retrieved = np.zeros((count_q, count_n), bool)
    scores = np.zeros((count_q, count_n), np.float32)
    for row, (question, slots, _) in enumerate(chosen):
        retrieved[row, slots] = True
        scores[row, slots] = source.keys_NxE[[pool[s] for s in slots]] @ source.question_keys_QxE[question]
    return TaskBatch(documents, questions, retrieved, scores)


def source_of_step(stages, step: int, rng: np.random.Generator) -> str:
    """Returns the source that a step draws from, by the shares of the stage that the step lies in."""
    for steps, shares in stages:
        if step < steps:
            names, weights = list(shares), np.array(list(shares.values()), float)
            return names[rng.choice(len(names), p=weights / weights.sum())]
        step -= steps
    raise ValueError("the step comes after the last stage")


def batch_of_step(
    sources: Mapping[str, TaskSource], stages, seed: int, step: int, number: int = 0, count: int = 1
) -> tuple[str, Draw, TaskBatch]:
    """Returns (source name, draw, batch) of one of a step's batches; resuming needs no state but `step`.

    All `count` batches of a step are of one source and in one bucket, and so have one shape. Any process can
    make any of them.
    """
    name = source_of_step(stages, step, np.random.default_rng((seed, step)))
    source, rng = sources[name], lambda number: np.random.default_rng((seed, step, number))
    buckets = (*source.config.document_buckets, source.config.document_tokens)
    pools = [_draw_pool(source, rng(n))[1] for n in range(count)] if len(buckets) > 1 else []
    longest = max((len(source.documents[d]) for pool in pools for d in pool), default=buckets[-1])
    drawn = draw(source, rng(number))
    return name, drawn, assemble(source, drawn, next(size for size in buckets if size >= longest))
