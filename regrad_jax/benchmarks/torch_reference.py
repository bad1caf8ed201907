"""The meta-gradient in plain PyTorch: what parity is tested against, and what speed is compared with.

Written the straightforward way: transformers' Llama, documents and questions one by one at their true
lengths, `torch.autograd.grad(..., create_graph=True)` through the inner step. Needs the torch extra.
"""

from typing import Any

import jax
import numpy as np
import torch

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.adaptation.inner import Documents
from regrad_jax.adaptation.outer import TaskBatch
from regrad_jax.adaptation.rules import InnerProblem


class Adapted(torch.nn.Module):
    """A linear projection with factors beside it: W x + F_n ... F_1 x."""

    def __init__(self, linear: torch.nn.Module):
        super().__init__()
        self.linear = linear
        self.factors: tuple[torch.Tensor, ...] = ()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.factors:
            return self.linear(x)
        added = x
        for factor in self.factors:
            added = added @ factor.T
        return self.linear(x) + added


def wrap(model: Any, config: AdapterConfig) -> None:
    """Freezes a transformers Llama and puts `Adapted` around its adapted projections."""
    model.requires_grad_(False)
    for layer in model.model.layers[config.first_layer :]:
        for target in config.targets:
            setattr(layer.mlp, f"{target}_proj", Adapted(getattr(layer.mlp, f"{target}_proj")))


def leaves(meta: Any) -> Any:
    """Returns the tree (a `MetaParams`) as torch leaves that can be differentiated in."""
    return jax.tree.map(lambda x: torch.tensor(np.asarray(x), requires_grad=True), meta)


def token_losses(model: Any, config: AdapterConfig, theta: Any, bases: Any, tokens: Any) -> torch.Tensor:
    """Returns the next-token losses of one sequence of true length under an adapter."""
    for index, layer in enumerate(model.model.layers[config.first_layer :]):
        for target in config.targets:
            moving = {name: x[index] for name, x in theta[target].items()}
            still = {name: x[index] for name, x in bases[target].items()}
            factors: tuple[Any, ...]
            if config.kind == "core":
                factors = (still["A"], moving["R"], config.scale * still["B"])
            else:
                factors = ((moving | still)["A"], config.scale * moving["B"])
            getattr(layer.mlp, f"{target}_proj").factors = factors
    tokens = torch.tensor(np.asarray(tokens), dtype=torch.long)
    logits = model(tokens[None], use_cache=False).logits[0, :-1]
    return torch.nn.functional.cross_entropy(logits, tokens[1:], reduction="none")


def document_gradients(
    model: Any, config: AdapterConfig, meta: Any, documents: Documents, create_graph: bool = False
) -> list[tuple[Any, torch.Tensor]]:
    """Returns (gradient, loss) of every document, each of at least two tokens."""
    grads = []
    for tokens, length in zip(*map(np.asarray, documents), strict=True):
        loss = token_losses(model, config, meta.theta, meta.bases, tokens[:length]).mean()
        grads.append((_gradient(loss, meta.theta, create_graph=create_graph), loss))
    return grads


def meta_gradient(model: Any, inner: InnerProblem, meta: Any, batch: TaskBatch) -> tuple[torch.Tensor, Any]:
    """Returns (outer loss, its gradient in `meta`, a tree of `leaves`) for one inner step."""
    config, questions = inner.adapter, batch.questions
    assert isinstance(batch.documents, Documents)
    grads = document_gradients(model, config, meta, batch.documents, create_graph=True)
    losses = []
    for q, answer in enumerate(np.asarray(questions.answer_lengths_Q)):
        if not answer:
            continue
        used = np.flatnonzero(np.asarray(batch.retrieved_QxN)[q])
        theta = meta.theta
        for weight, n in zip(_weights(inner.weighting, meta, batch, q, used), used, strict=True):
            theta = _moved(theta, meta.alpha, weight, grads[n][0])
        start = int(questions.prompt_lengths_Q[q])
        tokens = questions.tokens_QxT[q, : start + int(answer)]
        losses.append(token_losses(model, config, theta, meta.bases, tokens)[start - 1 :].mean())
    loss = torch.stack(losses).mean()
    return loss.detach(), _gradient(loss, meta, materialize_grads=True)


def _weights(weighting: str, meta: Any, batch: TaskBatch, q: int, used: np.ndarray) -> torch.Tensor:
    ones = torch.ones(len(used), dtype=meta.log_temperature.dtype)
    if weighting == "sum":
        return ones
    if weighting == "mean":
        return ones / max(len(used), 1)
    scores = torch.tensor(np.asarray(batch.scores_QxN)[q, used])
    return torch.softmax(scores / torch.exp(meta.log_temperature), dim=0)


def _moved(theta: Any, alpha: Any, weight: torch.Tensor, grad: Any) -> Any:
    sizes = alpha if isinstance(alpha, dict) else jax.tree.map(lambda _: alpha, theta)
    aligned = lambda alpha: alpha[:, None, None] if alpha.ndim == 1 else alpha
    return jax.tree.map(lambda x, alpha, g: x - aligned(alpha) * weight * g, theta, sizes, grad)


def _gradient(loss: torch.Tensor, tree: Any, **options: Any) -> Any:
    flat, structure = jax.tree.flatten(tree)
    return jax.tree.unflatten(structure, torch.autograd.grad(loss, flat, **options))
