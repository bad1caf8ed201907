"""The floor of a training step: how many floating-point operations it cannot do without."""

from regrad_jax.models.config import DecoderConfig
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.sources import SourceConfig


def step_flops(config: TrainConfig, shape: DecoderConfig, source: SourceConfig) -> float:
    """Returns the floating-point operations of a step on one source: those of products with frozen weights.

    A product of a token with n frozen weights takes 2 n. A token passes the trunk once. In the head and
    the vocabulary a question's token passes forward and back: twice. A document's does the same for the
    gradient of each inner step, and both passes again for theirs: four times a step; with theta held at zero,
    and in the first order, only twice. `remat` adds a forward pass to each derivative. Attention between
    tokens and the adapters are left out: a few percent at these lengths.
    """
    k = config.documents_per_question
    documents = source.anchors * k
    questions = documents * source.questions_per_document
    layer, vocabulary = shape.layer_weights, shape.vocabulary_weights
    trunk = layer * config.adapter.first_layer
    head = layer * (shape.layers - config.adapter.first_layer)
    orders = 2 if config.theta == "learned" and config.order == "second" else 1
    passes = 2 * orders * config.inner_steps
    again = orders * config.inner_steps if config.remat else 0
    document_tokens = documents * source.document_tokens
    question_tokens, answer_tokens = questions * source.question_tokens, questions * source.answer_tokens
    products = (
        document_tokens * (trunk + (passes + again) * head + passes * vocabulary)
        + question_tokens * (trunk + (2 + bool(again)) * head)
        + answer_tokens * 2 * vocabulary
    )
    return 2.0 * products * config.batches_per_step
