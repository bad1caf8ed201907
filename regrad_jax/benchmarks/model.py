"""Speed of the parts, measured on this machine with random tokens, each beside what bounds or rivals it."""

import dataclasses
import importlib.util
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax import machine
from regrad_jax.adaptation.adapter import Tree
from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.adaptation.factors import gradient_factors
from regrad_jax.adaptation.inner import Documents, document_gradients
from regrad_jax.adaptation.outer import Questions, TaskBatch, meta_gradient
from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.api import ReGrad
from regrad_jax.engine import devices
from regrad_jax.engine.requests import Places, Request, RowFormat, Update
from regrad_jax.engine.resident import ResidentRows
from regrad_jax.errors import UserError
from regrad_jax.library.banks import trained_codec
from regrad_jax.library.plan import token_flops
from regrad_jax.models.base import locate

HAS_TORCH = importlib.util.find_spec("torch") is not None
_REPEATS = 5
_RESIDENT = 1_000  # rows in device memory, on each device
_DOCUMENTS, _DOCUMENT_TOKENS = 8, 128
_TRAIN_DOCUMENTS, _QUESTIONS, _QUESTION_TOKENS, _ANSWER_TOKENS = 9, 27, 32, 10


def encode(regrad: ReGrad) -> dict[str, Any]:
    """Per-document gradients of a batch against the floor: operations over the measured matmul rate."""
    rng = np.random.default_rng(0)
    documents = _documents(regrad, rng, _DOCUMENTS)
    decoder = jax.device_put(regrad.runtime.base.decoder)
    inner, meta = regrad.checkpoint.inner, regrad.checkpoint.meta
    vmapped = jax.jit(lambda decoder, meta, docs: document_gradients(decoder, inner, meta, docs))
    facts: dict[str, Any] = {"documents": _DOCUMENTS, "tokens": _DOCUMENT_TOKENS}
    seconds = _seconds(lambda: vmapped(decoder, meta, documents))
    facts |= {"documents_per_second": _DOCUMENTS / seconds}
    peak = machine.matmul_flops()
    flops = token_flops(decoder.config, inner.adapter.first_layer, inner.steps) * _DOCUMENT_TOKENS
    facts |= {"matmul_gflops": peak / 1e9, "floor_documents_per_second": peak / flops}
    return facts | {"share_of_floor": _DOCUMENTS / seconds * flops / peak}


def query(regrad: ReGrad) -> dict[str, Any]:
    """Adapting one question from three rows in host or device memory, against recomputing their gradients."""
    rng = np.random.default_rng(0)
    layout, codec, engine = regrad.checkpoint.layout, trained_codec(regrad.runtime), regrad.runtime.engine
    some = CODECS[codec].encode(jnp.asarray(1e-6 * rng.normal(size=(8, layout.size)), jnp.float32))
    packed = np.resize(np.asarray(some), (_RESIDENT * devices.count(), some.shape[1]))
    rows = ResidentRows.load(len(packed), packed.shape[1], lambda part: packed[part])
    places_K, weights_K = np.arange(3, dtype=np.int32), np.full(3, 1 / 3, np.float32)
    request = lambda rows: Request([0], Update(rows, weights_K, RowFormat(codec, layout)))
    adapt = _seconds(lambda: engine.adapt([request(packed[places_K])] * devices.count()))
    resident = _seconds(lambda: engine.adapt([request(Places(rows, places_K))] * devices.count()))
    documents = _documents(regrad, rng, 3)
    decoder, inner = jax.device_put(regrad.runtime.base.decoder), regrad.checkpoint.inner
    gradients = jax.jit(lambda decoder, meta, docs: document_gradients(decoder, inner, meta, docs)[0])
    again = _seconds(lambda: gradients(decoder, regrad.checkpoint.meta, documents))
    return {
        "codec": codec,
        "adapt_ms": 1e3 * adapt,
        "adapt_resident_ms": 1e3 * resident,
        "recompute_ms": 1e3 * again,
        "times_faster": again / adapt,
        "times_faster_resident": again / resident,
    }


def train(regrad: ReGrad) -> dict[str, Any]:
    """One meta-gradient of one inner step: theta learned, theta at zero, and at zero with factors at hand."""
    decoder = jax.device_put(regrad.runtime.base.decoder)
    meta = jax.tree.map(jnp.asarray, regrad.checkpoint.meta)
    meta = meta._replace(theta=jax.tree.map(jnp.zeros_like, meta.theta))
    batch = _task_batch(regrad)
    gradient = _meta_gradient(regrad)
    factors_of = _factors(regrad)
    factors = factors_of(decoder, batch.documents)
    trunk = jax.jit(lambda decoder, tokens: decoder.trunk(tokens)[0])
    known = batch.questions._replace(hidden_QxTxD=trunk(decoder, batch.questions.tokens_QxT))
    cached = batch._replace(documents=factors, questions=known)
    second_order = _seconds(lambda: gradient(meta, decoder, batch))
    at_zero = _seconds(
        lambda: gradient(meta, decoder, batch._replace(documents=factors_of(decoder, batch.documents)))
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


def torch(regrad: ReGrad) -> dict[str, Any]:
    """One exact meta-gradient of one inner step here and in straightforward PyTorch, on the same tasks.

    As a run with theta learned takes it, and as one with theta at zero does that meets the documents for the
    first time: it differentiates nothing twice, and has the same gradient in all but theta.
    """
    if not HAS_TORCH:
        raise UserError("bench torch needs PyTorch; install it with pip install 'regrad-jax[torch]'")
    if jax.default_backend() != "cpu":
        raise UserError("bench torch compares on the CPU; set JAX_PLATFORMS=cpu")
    from transformers import AutoModelForCausalLM

    from regrad_jax.benchmarks import torch_reference

    checkpoint, batch = regrad.checkpoint, _task_batch(regrad)
    inner, gradient = _one_step(regrad), _meta_gradient(regrad)
    decoder = jax.device_put(regrad.runtime.base.decoder)
    factors_of = _factors(regrad)
    # The fused attention kernels of PyTorch have no second derivative.
    model = AutoModelForCausalLM.from_pretrained(locate(checkpoint.base_model), attn_implementation="eager")
    torch_reference.wrap(model.eval().float(), inner.adapter)
    theirs = lambda meta: torch_reference.meta_gradient(model, inner, torch_reference.leaves(meta), batch)

    def compare(ours: Callable, meta: MetaParams, leave_out: Mapping[str, Tree]) -> dict[str, Any]:
        made: list[Any] = []  # each of theirs takes half a minute
        seconds = _seconds(lambda: ours(meta))
        their_seconds = _seconds(lambda: made.append(theirs(meta)), repeats=2)
        (loss, _), grads = ours(meta)
        their_loss, their_grads = made[-1]
        kept = (jax.tree.leaves(found._replace(**leave_out)) for found in (grads, their_grads))
        pairs = [(np.asarray(a), b.numpy()) for a, b in zip(*kept, strict=True)]
        return {
            "tasks_per_second": _QUESTIONS / seconds,
            "torch_tasks_per_second": _QUESTIONS / their_seconds,
            "times_faster": their_seconds / seconds,
            "loss_difference": abs(float(loss) - float(their_loss)),
            "gradient_relative_error": math.sqrt(
                sum(np.sum((a - b) ** 2) for a, b in pairs) / sum(np.sum(b**2) for _, b in pairs)
            ),
        }

    def at_zero(meta: MetaParams):
        return gradient(meta, decoder, batch._replace(documents=factors_of(decoder, batch.documents)))

    zero = checkpoint.meta._replace(theta=jax.tree.map(np.zeros_like, checkpoint.meta.theta))
    return {
        "documents": _TRAIN_DOCUMENTS,
        "questions": _QUESTIONS,
        "theta_learned": compare(lambda meta: gradient(meta, decoder, batch), checkpoint.meta, {}),
        "theta_zero": compare(at_zero, zero, {"theta": {}}),
    }


BENCHES: Mapping[str, Callable[[ReGrad], dict[str, Any]]] = {
    "encode": encode,
    "query": query,
    "train": train,
    "torch": torch,
}


def _seconds(call: Callable[[], Any], repeats: int = _REPEATS) -> float:
    return machine.median_seconds(call, repeats)


def _one_step(regrad: ReGrad) -> InnerProblem:
    """The checkpoint's inner problem with one plain step, on which factors and PyTorch are compared."""
    return dataclasses.replace(regrad.checkpoint.inner, rule="plain", damping=math.inf, steps=1)


def _meta_gradient(regrad: ReGrad) -> Callable:
    inner = _one_step(regrad)
    return jax.jit(lambda meta, decoder, batch: meta_gradient(meta, decoder, inner, batch))


def _factors(regrad: ReGrad) -> Callable:
    adapter = regrad.checkpoint.inner.adapter
    return jax.jit(lambda decoder, documents: gradient_factors(decoder, adapter, documents)[0])


def _task_batch(regrad: ReGrad) -> TaskBatch:
    """Three groups of documents; every question uses the documents of its group."""
    rng = np.random.default_rng(0)
    vocabulary = regrad.runtime.base.decoder.config.vocab_size
    documents = _documents(regrad, rng, _TRAIN_DOCUMENTS)
    lengths = np.full(_QUESTIONS, _QUESTION_TOKENS - _ANSWER_TOKENS, np.int32)
    tokens = rng.integers(0, vocabulary, (_QUESTIONS, _QUESTION_TOKENS)).astype(np.int32)
    answers = tokens[:, -_ANSWER_TOKENS:]
    questions = Questions(tokens, lengths, answers, np.full(_QUESTIONS, _ANSWER_TOKENS, np.int32))
    groups = np.arange(_QUESTIONS) * _TRAIN_DOCUMENTS // _QUESTIONS // 3
    retrieved = groups[:, None] == np.arange(_TRAIN_DOCUMENTS) // 3
    return TaskBatch(documents, questions, retrieved, rng.random(retrieved.shape).astype(np.float32))


def _documents(regrad: ReGrad, rng: np.random.Generator, count: int) -> Documents:
    vocabulary = regrad.runtime.base.decoder.config.vocab_size
    tokens = rng.integers(0, vocabulary, (count, _DOCUMENT_TOKENS)).astype(np.int32)
    return Documents(tokens, np.full(count, _DOCUMENT_TOKENS, np.int32))
