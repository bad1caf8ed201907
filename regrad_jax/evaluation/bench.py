"""Speed of the parts, measured on this machine with random tokens, each beside what bounds or rivals it."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.inner import Documents, Method, document_gradients, gradient_factors
from regrad_jax.adaptation.outer import Questions, TaskBatch, outer_loss
from regrad_jax.evaluation import bench_codecs, bench_retrieval, machine
from regrad_jax.evaluation.plan import token_flops
from regrad_jax.methods.answering import Adaptation
from regrad_jax.methods.devices import stack
from regrad_jax.methods.regrad import ReGrad

_REPEATS = 5
_HELD = 1_000  # rows in device memory, on each device
_DOCUMENTS, _DOCUMENT_TOKENS = 8, 128
_TRAIN_DOCUMENTS, _QUESTIONS, _QUESTION_TOKENS, _ANSWER_TOKENS = 9, 27, 32, 10


def encode(regrad: ReGrad) -> dict[str, Any]:
    """Per-document gradients of a batch against the floor: operations over the measured matmul rate."""
    rng = np.random.default_rng(0)
    documents = _documents(regrad, rng, _DOCUMENTS)
    decoder, adapter, meta = regrad.base.decoder, regrad.checkpoint.adapter, regrad.checkpoint.meta
    vmapped = jax.jit(lambda decoder, meta, docs: document_gradients(decoder, adapter, meta, docs))
    facts: dict[str, Any] = {"documents": _DOCUMENTS, "tokens": _DOCUMENT_TOKENS}
    seconds = _seconds(lambda: vmapped(decoder, meta, documents))
    facts |= {"documents_per_second": _DOCUMENTS / seconds}
    peak = machine.matmul_flops()
    flops = token_flops(decoder.config, adapter.first_layer) * _DOCUMENT_TOKENS
    facts |= {"matmul_gflops": peak / 1e9, "floor_documents_per_second": peak / flops}
    return facts | {"share_of_floor": _DOCUMENTS / seconds * flops / peak}


def query(regrad: ReGrad) -> dict[str, Any]:
    """Adapting one question from three rows in host or device memory, against recomputing their gradients."""
    rng = np.random.default_rng(0)
    layout, devices = regrad.checkpoint.layout, jax.local_device_count()
    packed = rng.integers(0, 255, (_HELD, layout.size + 2 * -(-layout.size // 64)), np.uint8)
    packed[:, layout.size :] = 0  # scales of zero: the bytes are not a real gradient's
    scores, sound = np.ones((devices, 3), np.float32), np.ones((devices, 3), bool)
    places = np.arange(3 * devices).reshape(devices, 3)
    adaptation = Adaptation(packed, places, scores, sound, "int8", 1.0, regrad.checkpoint.weighting)
    adapt = _seconds(lambda: regrad.answerer.adapt(adaptation))
    there = stack([jax.device_put(packed[None], device) for device in jax.local_devices()])
    held = _seconds(lambda: regrad.answerer.adapt(adaptation._replace(packed=there)))
    documents = _documents(regrad, rng, 3)
    decoder, adapter = regrad.base.decoder, regrad.checkpoint.adapter
    gradients = jax.jit(lambda decoder, meta, docs: document_gradients(decoder, adapter, meta, docs)[0])
    again = _seconds(lambda: gradients(decoder, regrad.checkpoint.meta, documents))
    return {
        "adapt_ms": 1e3 * adapt,
        "adapt_resident_ms": 1e3 * held,
        "recompute_ms": 1e3 * again,
        "times_faster": again / adapt,
        "times_faster_resident": again / held,
    }


def train(regrad: ReGrad) -> dict[str, Any]:
    """One meta-gradient: with theta learned, with theta at zero, and at zero with factors at hand."""
    rng = np.random.default_rng(0)
    decoder, adapter = regrad.base.decoder, regrad.checkpoint.adapter
    meta = jax.tree.map(jnp.asarray, regrad.checkpoint.meta)
    meta = meta._replace(theta=jax.tree.map(jnp.zeros_like, meta.theta))
    documents = _documents(regrad, rng, _TRAIN_DOCUMENTS)
    vocabulary = decoder.config.vocab_size
    shape = _QUESTIONS, _QUESTION_TOKENS
    tokens = rng.integers(0, vocabulary, shape).astype(np.int32)
    answers = rng.integers(0, vocabulary, (_QUESTIONS, _ANSWER_TOKENS)).astype(np.int32)
    lengths = np.full(_QUESTIONS, _QUESTION_TOKENS - _ANSWER_TOKENS, np.int32)
    questions = Questions(tokens, lengths, answers, np.full(_QUESTIONS, 5, np.int32))
    groups = np.arange(_QUESTIONS) * _TRAIN_DOCUMENTS // _QUESTIONS // 3
    retrieved = groups[:, None] == np.arange(_TRAIN_DOCUMENTS) // 3
    batch = TaskBatch(documents, questions, retrieved, rng.random(retrieved.shape).astype(np.float32))

    method = Method(adapter, regrad.checkpoint.weighting)

    def loss(meta, decoder, batch):
        return outer_loss(meta, decoder, method, batch)[0]

    gradient = jax.jit(jax.value_and_grad(loss))
    factors_of = jax.jit(lambda decoder, documents: gradient_factors(decoder, adapter, documents)[0])
    factors = factors_of(decoder, documents)
    trunk = jax.jit(lambda decoder, tokens: decoder.trunk(tokens)[0])
    known = questions._replace(hidden_QxTxD=trunk(decoder, tokens))
    cached = batch._replace(documents=factors, questions=known)
    second_order = _seconds(lambda: gradient(meta, decoder, batch))
    at_zero = _seconds(
        lambda: gradient(meta, decoder, batch._replace(documents=factors_of(decoder, documents)))
    )
    at_hand = _seconds(lambda: gradient(meta, decoder, cached))
    return {
        "documents": _TRAIN_DOCUMENTS,
        "questions": _QUESTIONS,
        "theta_learned_s": second_order,
        "theta_zero_s": at_zero,
        "theta_zero_cached_s": at_hand,
        "times_faster_cached": second_order / at_hand,
    }


def retrieval(regrad: ReGrad) -> dict[str, Any]:
    """Exact search against ScaNN by the number of documents."""
    return {"sizes": bench_retrieval.measure((1_000, 20_000, 100_000))}


def codecs(regrad: ReGrad) -> dict[str, Any]:
    """Bytes, error and answers by codec, on 540 documents and 300 questions."""
    return {"codecs": bench_codecs.measure(regrad)}


BENCHES: Mapping[str, Callable[[ReGrad], dict[str, Any]]] = {
    "encode": encode,
    "query": query,
    "train": train,
    "retrieval": retrieval,
    "codecs": codecs,
}


def _documents(regrad: ReGrad, rng: np.random.Generator, count: int) -> Documents:
    vocabulary = regrad.base.decoder.config.vocab_size
    tokens = rng.integers(0, vocabulary, (count, _DOCUMENT_TOKENS)).astype(np.int32)
    return Documents(tokens, np.full(count, _DOCUMENT_TOKENS, np.int32))


def _seconds(call: Callable[[], Any]) -> float:
    """Median over repeats, after one call that compiles."""
    jax.block_until_ready(call())
    times: list[float] = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return statistics.median(times)
