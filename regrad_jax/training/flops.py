"""The floating-point operations that a training step cannot do without."""

from regrad_jax.models.config import DecoderConfig
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.sources import SourceConfig


def step_flops(config: TrainConfig, shape: DecoderConfig, source: SourceConfig) -> float:
    """Returns the floating-point operations of a step on one source: those of products with frozen weights.

    The product of a token with n frozen weights takes 2 n operations. A token passes the trunk once. It
    passes the head and the vocabulary more often:

    - A token of a question passes twice, forward and back.
    - A token of a document passes twice for the gradient of each inner step. The meta-gradient differentiates
      both passes, so that there are four. With theta held at zero, and in the first order, there are only
      two.
    - `remat` adds a forward pass to each derivative.

    Attention between tokens and the adapters are left out, which are a few percent at these lengths.
    """
    k = config.documents_per_question
    documents = source.anchors * k
    questions = documents * source.questions_per_document
    layer, vocabulary = shape.layer_weights, shape.vocabulary_weights
    trunk = layer * config.inner.adapter.first_layer
    head = layer * (shape.layers - config.inner.adapter.first_layer)
    orders = 2 if config.theta == "learned" and config.order == "second" else 1
    passes = 2 * orders * config.inner.steps
    again = orders * config.inner.steps if config.remat else 0
    document_tokens = documents * source.document_tokens
    question_tokens, answer_tokens = questions * source.question_tokens, questions * source.answer_tokens
    products = (
        document_tokens * (trunk + (passes + again) * head + passes * vocabulary)
        + question_tokens * (trunk + (2 + bool(again)) * head)
        + answer_tokens * 2 * vocabulary
    )
    return 2.0 * products * config.batches_per_step
