"""Document weights: how much each retrieved document of a question counts."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from regrad_jax.adaptation.parameters import Array

Weights = Callable[[Array, Array, jax.Array], jax.Array]


def _sum(scores_QxN, retrieved_QxN, log_temperature):
    return retrieved_QxN.astype(jnp.result_type(log_temperature))


def _relevance(scores_QxN, retrieved_QxN, log_temperature):
    # Not -inf: a question without any document must have weights of 0, and gradients of 0 and not NaN.
    logits = jnp.where(retrieved_QxN, scores_QxN * jnp.exp(-log_temperature), -1e30)
    return jnp.where(retrieved_QxN, jax.nn.softmax(logits, axis=-1), 0.0)


def _mean(scores_QxN, retrieved_QxN, log_temperature):
    counts_Qx1 = jnp.sum(retrieved_QxN, axis=-1, keepdims=True)
    return retrieved_QxN / jnp.maximum(counts_Qx1, 1).astype(jnp.result_type(log_temperature))


# (scores_QxN, retrieved_QxN bool, log_temperature, a learned scalar) -> weights_QxN, zero where not
# retrieved.
DOCUMENT_WEIGHTS: Mapping[str, Weights] = {
    "sum": _sum,  # every document counts 1, as in the reference
    "mean": _mean,  # the documents share one step evenly
    "relevance": _relevance,  # a softmax of the retrieval scores over the temperature
}
