"""Turns passages and questions into batches of tasks, deterministically: batch = f(seed, step).

A batch starts from a few anchor questions. Each brings a group: its own document and the documents
that retrieval ranks next for it, the hardest distractors. Every document of a group is then asked its
own questions, with the rest of the group as their distractors, so that each gradient serves as gold
once and as distractor several times.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from regrad_jax.adaptation.inner import Documents
from regrad_jax.adaptation.outer import Questions, TaskBatch
from regrad_jax.data.almanac.generate import generate
from regrad_jax.data.documents import Document, Question
from regrad_jax.data.prompts import PromptFamily
from regrad_jax.data.squad import read_squad, split_articles
from regrad_jax.errors import UserError
from regrad_jax.retrieval.embedding import Embedder
from regrad_jax.training.config import SourceConfig


class TokenisedQuestion(NamedTuple):
    """A question in tokens: prompt, answer, and its document's position in the source."""

    prompt: list[int]
    answer: list[int]
    document: int


class TaskSource(NamedTuple):
    """A dataset ready for batching.

    Attributes:
        config: sizes.
        ids: of the documents.
        documents: tokens of every document.
        questions: tokens of every question.
        by_document: positions of each document's questions.
        keys_NxE: the documents' retrieval keys.
        question_keys_QxE: the questions' retrieval keys.
        neighbours_QxK: for each question its own document, then the best others.
    """

    config: SourceConfig
    ids: Sequence[str]
    documents: Sequence[list[int]]
    questions: Sequence[TokenisedQuestion]
    by_document: Sequence[list[int]]
    keys_NxE: np.ndarray
    question_keys_QxE: np.ndarray
    neighbours_QxK: np.ndarray


def read_source(config: SourceConfig, split: str, entities: int, seed: int) -> tuple[list, list]:
    """Returns (documents, questions) of a dataset's split: "train", "validation" or "test".

    Raises:
        UserError: an unknown kind, or a file that cannot be read.
    """
    if config.kind == "almanac":
        almanac = generate(entities, seed=seed, split=split, kinds=config.kinds)
        return almanac.documents, almanac.questions
    if config.kind == "squad":
        articles = split_articles(read_squad(config.path))[split]
        return [d for a in articles for d in a.documents], [q for a in articles for q in a.questions]
    raise UserError(f"config.sources: kind {config.kind!r} is unknown; choose almanac or squad")


def tokenise(
    documents: Sequence[Document],
    questions: Sequence[Question],
    config: SourceConfig,
    prompts: PromptFamily,
    tokenizer,
    embedder: Embedder,
    documents_per_question: int,
) -> TaskSource:
    """Tokenises, embeds and ranks a dataset; what is longer than the config's lengths is left out.

    Raises:
        UserError: nothing is left.
    """
    encode = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    contents = {d.id: d.content for d in documents}
    tokens = {name: encode(prompts.document(content)) for name, content in contents.items()}
    kept = [d.id for d in documents if 2 <= len(tokens[d.id]) <= config.document_tokens]
    place = {name: i for i, name in enumerate(kept)}
    tokenised, asked = [], []
    for question in questions:
        prompt = encode(prompts.question(question.question, []))
        answer = encode(prompts.answer(question.answers[0]))
        fits = len(answer) <= config.answer_tokens
        if fits and len(prompt) + len(answer) <= config.question_tokens and question.document_id in place:
            tokenised.append(TokenisedQuestion(prompt, answer, place[question.document_id]))
            asked.append(question.question)
    if len(kept) < documents_per_question or not tokenised:
        raise UserError(
            f"source {config.kind}: {len(kept)} documents and {len(tokenised)} questions fit the lengths "
            "of the config; raise document_tokens, question_tokens or answer_tokens"
        )
    by_document: list[list[int]] = [[] for _ in kept]
    for position, item in enumerate(tokenised):
        by_document[item.document].append(position)
    keys, question_keys = embedder.embed([contents[name] for name in kept]), embedder.embed(asked)
    gold = np.array([item.document for item in tokenised])
    neighbours = _neighbours(question_keys, keys, gold, documents_per_question)
    documents_tokens = [tokens[name] for name in kept]
    return TaskSource(config, kept, documents_tokens, tokenised, by_document, keys, question_keys, neighbours)


def _neighbours(question_keys_QxE, keys_NxE, gold_Q, k: int) -> np.ndarray:
    scores_QxN = question_keys_QxE @ keys_NxE.T
    scores_QxN[np.arange(len(gold_Q)), gold_Q] = np.inf  # gold comes first, wherever it ranks
    best = np.argpartition(-scores_QxN, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores_QxN, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


class Draw(NamedTuple):
    """What a batch is made of.

    Attributes:
        pool: its documents by position in the source, in groups of k.
        chosen: its questions: (position in the source, group).
    """

    pool: list[int]
    chosen: list[tuple[int, int]]


def draw(source: TaskSource, rng: np.random.Generator) -> Draw:
    """Draws the documents and questions of one batch."""
    config, k = source.config, source.neighbours_QxK.shape[1]
    anchors = rng.choice(
        len(source.questions), config.anchors, replace=len(source.questions) < config.anchors
    )
    pool = [int(d) for a in anchors for d in source.neighbours_QxK[a]]
    chosen: list[tuple[int, int]] = []  # (question, group)
    for slot, document in enumerate(pool):
        own = list(rng.permutation(source.by_document[document])[: config.questions_per_document])
        anchor = anchors[slot // k]
        if slot % k == 0 and anchor not in own:
            own = [anchor, *own[: config.questions_per_document - 1]]
        chosen += [(int(q), slot // k) for q in own]
    return Draw(pool, chosen)


def assemble(source: TaskSource, drawn: Draw) -> TaskBatch:
    """Lays out a batch as NumPy arrays, of one fixed shape for a source."""
    config, k = source.config, source.neighbours_QxK.shape[1]
    pool, chosen = drawn
    count_n = len(pool)
    count_q = count_n * config.questions_per_document
    documents = Documents(*pad([source.documents[d] for d in pool], config.document_tokens))
    items = [source.questions[q] for q, _ in chosen]
    filler = [[0]] * (count_q - len(items))
    tokens, _ = pad([i.prompt + i.answer for i in items] + filler, config.question_tokens)
    _, prompt_lengths = pad([i.prompt for i in items] + filler, config.question_tokens)
    answers, answer_lengths = pad([i.answer for i in items] + [[]] * len(filler), config.answer_tokens)
    questions = Questions(tokens, prompt_lengths, answers, answer_lengths)
    retrieved = np.zeros((count_q, count_n), bool)
    scores = np.zeros((count_q, count_n), np.float32)
    for row, (question, group) in enumerate(chosen):
        slots = slice(group * k, (group + 1) * k)
        retrieved[row, slots] = True
        scores[row, slots] = source.keys_NxE[list(pool[slots])] @ source.question_keys_QxE[question]
    return TaskBatch(documents, questions, retrieved, scores)


def pad(sequences: Sequence[Sequence[int]], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns (int32 tokens padded with 0 to `length`, int32 true lengths)."""
    out = np.zeros((len(sequences), length), np.int32)
    for row, sequence in enumerate(sequences):
        out[row, : len(sequence)] = sequence
    return out, np.array([len(s) for s in sequences], np.int32)


def source_of_step(stages, step: int, rng: np.random.Generator) -> str:
    """Returns the source that a step draws from, by the shares of the stage that the step lies in."""
    for steps, shares in stages:
        if step < steps:
            names, weights = list(shares), np.array(list(shares.values()), float)
            return names[rng.choice(len(names), p=weights / weights.sum())]
        step -= steps
    raise ValueError("step lies behind the last stage")


def batch_of_step(
    sources: Mapping[str, TaskSource], stages, seed: int, step: int, number: int = 0
) -> tuple[str, Draw, TaskBatch]:
    """Returns (source name, draw, batch) of a step's batch: resuming needs no state but `step`.

    All batches of a step are of one source, hence of one shape; any process can make any of them.
    """
    name = source_of_step(stages, step, np.random.default_rng((seed, step)))
    drawn = draw(sources[name], np.random.default_rng((seed, step, number)))
    return name, drawn, assemble(sources[name], drawn)
