"""The inner problem, and the rules by which a document's loss becomes the gradient that is stored of it.

A rule is a line of `INNER_RULES`. It sees a document only through `DocumentLoss`, and it says four things:
the gradient of the first inner step, the same gradient from factors that were computed before (`factors`), what a
stored gradient depends on because of the rule, and which settings the rule refuses.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from regrad_jax.adaptation.adapter import AdapterConfig, Tree
from regrad_jax.adaptation.preconditioner import preconditioner
from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.errors import UserError
from regrad_jax.ranges import above, at_least, check_choices, check_ranges

_RANGES = {"damping": above(0, endless=True), "steps": at_least(1, whole=True)}


@dataclasses.dataclass(frozen=True)
class InnerProblem:
    """How documents move the network for a question: the choices, without anything that is learned.

    Attributes:
        adapter: what is adapted.
        weighting: how documents are weighed, a name in `DOCUMENT_WEIGHTS`.
        rule: how a document's loss becomes its gradient, a name in `INNER_RULES`.
        damping: lambda of `preconditioner`, for rule "damped"; other rules want infinity here.
        steps: gradient steps on a document.
    """

    adapter: AdapterConfig
    weighting: str = "relevance"
    rule: str = "plain"
    damping: float = math.inf
    steps: int = 1

    def __post_init__(self):
        check_choices("inner", self, {"weighting": DOCUMENT_WEIGHTS, "rule": INNER_RULES})
        check_ranges("inner", self, _RANGES)
        INNER_RULES[self.rule].check(self)

    def fingerprint(self) -> dict[str, Any]:
        """Returns what a stored gradient depends on because of the rule, as plain values."""
        return INNER_RULES[self.rule].fingerprint(self)


class CoreFactors(NamedTuple):
    """The gradient in a core adapter's matrix R as a sum of outer products: sum_t cotangent_t key_t^T.

    The keys k = A x are what R reads. The cotangents are the loss's derivatives in what R writes.

    Attributes:
        cotangents_Txr: (..., T, r).
        keys_Txr: (..., T, r).
        counts_T: bool (..., T), the tokens that predict another; the others have no part in the gradient.
    """

    cotangents_Txr: jax.Array
    keys_Txr: jax.Array
    counts_T: jax.Array

    def gradient(self) -> jax.Array:
        """Returns the gradient, (..., r, r)."""
        return jnp.einsum("...tr,...ts->...rs", self.cotangents_Txr, self.keys_Txr)


class DocumentLoss(NamedTuple):
    """The loss of one document, as a rule sees it.

    Attributes:
        at: theta -> the loss, a scalar.
        core_factors: () -> (the loss at theta*, target -> the factors of its gradient there, with axes L x T
            x r). Only an adapter of kind "core" has them.
    """

    at: Callable[[Tree], jax.Array]
    core_factors: Callable[[], tuple[jax.Array, Mapping[str, CoreFactors]]]


class FirstStep(NamedTuple):
    """What a rule makes of a document at theta*.

    Attributes:
        gradient: the document's gradient, a tree of theta's form.
        loss: the loss at theta*.
        condition: what the rule does to the plain gradients of further inner steps.
    """

    gradient: Tree
    loss: jax.Array
    condition: Callable[[Tree], Tree]


class InnerRule(NamedTuple):
    """One way from a document's loss to its gradient.

    Attributes:
        first_step: (inner problem, theta*, loss) -> the gradient of the first step.
        project: (inner problem, factors of one target) -> the same gradient of a core adapter, (..., r, r).
        fingerprint: inner problem -> what a stored gradient depends on because of this rule. Banks compare
            it.
        check: raises UserError where the rule cannot be used with the inner problem's other settings.
    """

    first_step: Callable[[InnerProblem, Tree, DocumentLoss], FirstStep]
    project: Callable[[InnerProblem, CoreFactors], jax.Array]
    fingerprint: Callable[[InnerProblem], dict[str, Any]]
    check: Callable[[InnerProblem], None]


def _plain(inner: InnerProblem, theta: Tree, loss: DocumentLoss) -> FirstStep:
    value, gradient = jax.value_and_grad(loss.at)(theta)
    return FirstStep(gradient, value, lambda grads: grads)


def _refuse_damping(inner: InnerProblem) -> None:
    if inner.damping < math.inf:
        raise UserError(
            f"inner.damping: {inner.damping} has no effect on rule {inner.rule!r}; choose 'damped'"
        )


def _damped(inner: InnerProblem, theta: Tree, loss: DocumentLoss) -> FirstStep:
    value, factors = loss.core_factors()
    conditions = {target: preconditioner(*factors[target], inner.damping) for target in factors}
    condition = lambda grads: {target: {"R": conditions[target](grads[target]["R"])} for target in grads}
    return FirstStep(
        condition({target: {"R": factors[target].gradient()} for target in factors}), value, condition
    )


def _project_damped(inner: InnerProblem, factors: CoreFactors) -> jax.Array:
    return preconditioner(*factors, inner.damping)(factors.gradient())


def _require_damping(inner: InnerProblem) -> None:
    if inner.adapter.kind != "core":
        raise UserError(f"inner.rule: {inner.rule!r} needs an adapter of kind 'core'; choose 'plain'")
    if inner.damping == math.inf:
        raise UserError(f"inner.damping: rule {inner.rule!r} needs a finite number; for none choose 'plain'")


INNER_RULES: Mapping[str, InnerRule] = {
    # The gradient as it is.
    "plain": InnerRule(_plain, lambda inner, factors: factors.gradient(), lambda inner: {}, _refuse_damping),
    # The gradient with both sides divided by what the document's tokens have in common (`preconditioner`).
    "damped": InnerRule(_damped, _project_damped, lambda inner: {"damping": inner.damping}, _require_damping),
}
