"""From packed rows to adapted parameters: one set of parameters for each request of a batch."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.adapter import Tree
from regrad_jax.adaptation.codecs import CODECS, weighted_sum
from regrad_jax.adaptation.parameters import MetaParams, descend
from regrad_jax.engine.requests import RowFormat


class UpdateBatch(NamedTuple):
    """The updates of Q requests.

    Attributes:
        rows: packed_QxKxC uint8, or the places_QxK int32 of resident rows.
        weights_QxK: float32; 0 where a request has no document.
        gamma_Q: float32 step multipliers.
        adapts_Q: bool; false where a request runs the base model as it is.
    """

    rows: np.ndarray | jax.Array
    weights_QxK: np.ndarray | jax.Array
    gamma_Q: np.ndarray | jax.Array
    adapts_Q: np.ndarray | jax.Array


def adapted(form: RowFormat, meta: MetaParams, batch: UpdateBatch) -> Tree:
    """Returns theta_Q, leaves Q x *: theta* - gamma alpha . sum_k w_k g_k, or 0 where nothing is adapted.

    An adapter whose theta is 0 adds nothing to the frozen projections, so such a request runs the base model.

    Args:
        form: how the rows are read.
        meta: theta* and alpha.
        batch: with packed rows.
    """
    codec, layout = CODECS[form.codec], form.layout
    totals_QxP = weighted_sum(codec, jnp.asarray(batch.rows), jnp.asarray(batch.weights_QxK), layout.size)
    theta_Q = jax.vmap(lambda total, gamma: descend(meta, total, gamma))(
        layout.unflatten(totals_QxP), batch.gamma_Q
    )
    keep = lambda leaf: jnp.where(jnp.expand_dims(batch.adapts_Q, range(1, leaf.ndim)), leaf, 0.0)
    return jax.tree.map(keep, theta_Q)
