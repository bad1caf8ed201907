"""Documents' gradients on eight devices against `document_gradients` of one document at a time."""

import functools
import math

import jax
import numpy as np
import pytest

from regrad_jax.adaptation.inner import Documents, document_gradients
from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.engine.devices import replicate
from regrad_jax.engine.engine import Replicas
from regrad_jax.engine.gradients import Rows, document_rows
from tests.engine.by_hand import NO_STOPS, prompts
from tests.tiny_models import adapter, decoder, inner_problem, meta_params

DOCUMENTS = prompts([7, 3, 33, 2, 12, 64, 5, 9, 1, 20, 31])  # eleven, of lengths on both sides of 32
INNER = {
    "core": inner_problem(adapter("core")),
    "lora": inner_problem(adapter("lora")),
    "damped, two steps": inner_problem(adapter("core"), steps=2, damping=0.2),
}


@functools.cache
def meta_of(inner: InnerProblem) -> MetaParams:
    return meta_params(inner.adapter)


@functools.cache
def replicas_of(inner: InnerProblem) -> Replicas:
    return replicate(Replicas(decoder(), meta_of(inner), NO_STOPS))


@functools.cache
def one_by_one(inner: InnerProblem) -> tuple[np.ndarray, np.ndarray]:
    """Returns (rows_NxP, losses_N), each document in a call of its own."""
    layout = RowLayout.of(meta_of(inner).theta)
    gradient = jax.jit(lambda documents: document_gradients(decoder(), inner, meta_of(inner), documents))
    rows, losses = [], []
    for tokens in DOCUMENTS:
        padded = np.pad(tokens, (0, 64 - len(tokens)), constant_values=7).astype(np.int32)
        grads_1, loss_1 = gradient(Documents(padded[None], np.array([len(tokens)], np.int32)))
        rows.append(np.asarray(layout.flatten(grads_1))[0])
        losses.append(float(loss_1[0]))
    return np.stack(rows), np.array(losses)


def assert_rows(found: Rows, rows_NxP: np.ndarray, losses_N: np.ndarray) -> None:
    assert found.rows_NxP.shape == rows_NxP.shape and found.rows_NxP.dtype == np.float32
    errors_N = np.linalg.norm(found.rows_NxP - rows_NxP, axis=1)
    assert (errors_N <= 1e-4 * np.linalg.norm(rows_NxP, axis=1)).all(), errors_N
    np.testing.assert_allclose(found.losses_N, losses_N, rtol=1e-5)


@pytest.mark.parametrize("name", INNER)
def test_rows_are_each_documents_gradient_and_loss(name):
    inner = INNER[name]
    layout = RowLayout.of(meta_of(inner).theta)
    rows_NxP, losses_N = one_by_one(inner)
    assert (np.linalg.norm(rows_NxP, axis=1) > 0).tolist() == [len(d) > 1 for d in DOCUMENTS]
    assert_rows(document_rows(replicas_of(inner), inner, layout, DOCUMENTS, 16), rows_NxP, losses_N)


@pytest.mark.parametrize("batch_size", [1, 8, 11, 24])
def test_no_batch_size_changes_a_row(batch_size):
    inner = INNER["core"]
    layout = RowLayout.of(meta_of(inner).theta)
    found = document_rows(replicas_of(inner), inner, layout, DOCUMENTS, batch_size)
    assert_rows(found, *one_by_one(inner))
    # Batches are of whole documents on each of eight devices, and as long as their longest, in steps of 32.
    size = 8 * math.ceil(batch_size / 8)
    batches = [DOCUMENTS[start : start + size] for start in range(0, 11, size)]
    assert found.padded == sum(size * 32 * math.ceil(max(map(len, batch)) / 32) for batch in batches)


def test_a_single_document_and_rows_of_some_tensors():
    inner = INNER["core"]
    whole = RowLayout.of(meta_of(inner).theta)
    some = whole.keep(["up", "down"])
    found = document_rows(replicas_of(inner), inner, some, DOCUMENTS[:1], 1)
    rows_NxP, losses_N = one_by_one(inner)
    tree = whole.unflatten(rows_NxP[:1])
    assert_rows(found, np.asarray(some.flatten(tree)), losses_N[:1])
    assert some.size == whole.size * 2 // 3
